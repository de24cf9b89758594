"""The run launcher of several hosts: put runs into a queue that workers consume, and detect runs that are lost.

dagster-celery's launcher reads the state of a run from Celery's results, which report STARTED for as long as a killed
worker stays dead. This launcher reads the lease of the run, see :mod:`vwe_dagster.hosts.run_leases`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import celery
import dagster as dg
import kombu.exceptions
import redis
from dagster_celery.launcher import CeleryRunLauncher as StockCeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_QUEUE_TAG, DAGSTER_CELERY_TASK_ID_TAG

from vwe_dagster.defs.dagster_private import CheckRunHealthResult, WorkerStatus
from vwe_dagster.defs.partitions import PARTITION_TAG, RANGE_TAGS
from vwe_dagster.hosts.app import COMMON_QUEUE, SETTINGS
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import LeaseState, RunLeases, Verdict, cause_of_loss

_RETRY_S = 1.0
"""Seconds between two attempts to put a run into a queue."""


class CeleryRunLauncher(StockCeleryRunLauncher):
    """Launches runs as Celery tasks, each in a process of its own on the host of a worker."""

    def __init__(self, *, broker: str, inst_data: Any = None) -> None:
        """Set the broker; connect when the first run is launched.

        Args:
            broker: the URL of Redis.
            inst_data: the configuration of this object in ``dagster.yaml``.
        """
        super().__init__(COMMON_QUEUE, broker=broker, config_source=dict(SETTINGS), inst_data=inst_data)
        self.leases = RunLeases(connect(broker))

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration: the URL of Redis."""
        return {"broker": dg.StringSource}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Mapping[str, Any]) -> CeleryRunLauncher:
        """Return the launcher that ``dagster.yaml`` describes."""
        return cls(inst_data=inst_data, broker=config_value["broker"])

    @property
    def supports_resume_run(self) -> bool:
        """False: a lost run is not resumed, but retried as a new run, which keeps the finished stages."""
        return False

    def _launch_celery_task_run(
        self,
        run: dg.DagsterRun,
        task_signature: celery.Signature,
        routing_key: str,  # noqa: ARG002  Redis finds only declared queues by this key
    ) -> None:
        queue = run.tags.get(DAGSTER_CELERY_QUEUE_TAG, self.default_queue)
        if self._enqueue(run, task_signature, queue):
            self._instance.add_run_tags(run.run_id, {DAGSTER_CELERY_TASK_ID_TAG: run.run_id})
            self._instance.report_engine_event(f"The run was put into the queue {queue}.", run, cls=self.__class__)

    def _enqueue(self, run: dg.DagsterRun, task_signature: celery.Signature, queue: str) -> bool:
        """Put a run into a queue, and wait while Redis does not answer.

        Dagster fails a run whose launch raises an error. An outage of Redis would thus fail every waiting run within
        seconds, and its repetitions, too.

        Returns:
            False if the run was canceled in the meantime.
        """
        is_reported = False
        while True:
            try:
                self.leases.enqueue(run.run_id, job=run.job_name, subject=_subject(run), queue=queue)
                # Redis has a list per priority; RunLeases searches that of priority 0. Dagster's queue orders runs by
                # priority.
                task_signature.apply_async(task_id=run.run_id, queue=queue, priority=0)
            except (redis.RedisError, kombu.exceptions.OperationalError) as error:
                if not is_reported:
                    message = f"The broker does not answer ({error}); the run waits until it does."
                    self._instance.report_engine_event(message, run, cls=self.__class__)
                    is_reported = True
            else:
                return True
            time.sleep(_RETRY_S)
            now = self._instance.get_run_by_id(run.run_id)
            if now is None or now.status is not dg.DagsterRunStatus.STARTING:
                return False

    def terminate(self, run_id: str) -> bool:
        """Request the end of a run: the run is CANCELING until its process has ended, then CANCELED.

        Returns:
            Whether the run was in progress.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if self.leases.cancel(run_id) is LeaseState.ENDED:
            self._instance.report_run_canceled(run, "The run was canceled before a worker executed it.")
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Check whether the process of a started run renews its lease.

        A run counts as running while Redis does not answer, and if this launcher did not start it: a run of the
        command line has no lease.
        """
        if DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            verdict = self.leases.check(run.run_id)
            lease = self.leases.lease(run.run_id) if verdict is Verdict.DEAD else None
        except redis.RedisError:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if verdict is Verdict.DEAD:
            return CheckRunHealthResult(WorkerStatus.FAILED, cause_of_loss(lease))
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,  # noqa: ARG002, FBT001, FBT002  Dagster's signature
    ) -> str | None:
        """Return the queue, host and process of the run; None without Redis or a lease."""
        try:
            lease = self.leases.lease(run.run_id)
        except redis.RedisError:
            return None
        return None if lease is None else f"Queue {lease.queue}, host {lease.host}, process {lease.process}."


def _subject(run: dg.DagsterRun) -> str:
    first, last = (run.tags.get(tag) for tag in RANGE_TAGS)
    return f"{first} to {last}" if first is not None else run.tags.get(PARTITION_TAG, "")
