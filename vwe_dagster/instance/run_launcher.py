"""The run launcher: start runs on this machine, and detect runs whose process was killed.

Dagster's default launcher relies on the code server that started the process. If the machine or the code server dies,
its runs count as in progress for hours and block all others.
"""

from __future__ import annotations

import dagster as dg
import psutil

from vwe_dagster.defs.dagster_private import GRPC_INFO_TAG, CheckRunHealthResult, WorkerStatus


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Dagster's default launcher, extended by a health check for run monitoring."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Return True: run monitoring may call the health check."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Check whether the process of an unfinished run exists.

        A run counts as running if this launcher did not start it, such as a run of the command line, or if it has not
        recorded its process id.
        """
        pid = self._pid(run) if GRPC_INFO_TAG in run.tags else None
        if pid is None or _is_alive(pid):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"The process {pid} of this run was killed.")

    def _pid(self, run: dg.DagsterRun) -> int | None:
        for record in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = record.dagster_event
            pid = event.engine_event_data.metadata.get("pid") if event is not None else None
            if isinstance(pid, dg.TextMetadataValue) and pid.text:
                return int(pid.text)
        return None


def _is_alive(pid: int) -> bool:
    """Return whether a process exists and may be a run's: another program may have reused the process id."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "python" in process.name().lower()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
