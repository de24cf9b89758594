"""How Dagster starts runs on this machine and finds out that the process of one was killed.

Dagster's own launcher learns that from the code server that started the process. Runs that were working when the
machine went down, or when the code server was killed with them, would count as in progress for hours and keep all
others waiting.
"""

from __future__ import annotations

import dagster as dg
import psutil

from vwe_dagster.defs.dagster_private import GRPC_INFO_TAG, CheckRunHealthResult, WorkerStatus


class LocalRunLauncher(dg.DefaultRunLauncher):
    """Dagster's own launcher, of which run monitoring can ask whether the process of a run is there."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Looks for the process of a run that has started and not ended.

        One that this launcher has not started, such as a run of the command line, or that does not say which process
        it has counts as running.
        """
        pid = self._pid(run) if GRPC_INFO_TAG in run.tags else None
        if pid is None or _is_alive(pid):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"The process of this run, {pid}, was killed.")

    def _pid(self, run: dg.DagsterRun) -> int | None:
        for record in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = record.dagster_event
            told = event.engine_event_data.metadata.get("pid") if event is not None else None
            if isinstance(told, dg.TextMetadataValue) and told.text:
                return int(told.text)
        return None


def _is_alive(pid: int) -> bool:
    """Whether a process is there which can be one of a run: not another program that has the number by now."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and "python" in process.name().lower()
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True
