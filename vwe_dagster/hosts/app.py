"""The Celery app: its queues and settings, and the task that executes a run in a process of its own."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import celery
import celery.bootsteps
import celery.concurrency.thread
import celery.exceptions
import celery.worker.state
import kombu
import redis

from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import RunLeases
from vwe_dagster.hosts.shared_data import DataWatch

COMMON_QUEUE = "vwe"
"""The queue of runs that any host may execute."""

TASK = "execute_job"
"""The name of the task, that of dagster-celery."""

MAX_RUN_S = 21_600
"""Maximum duration of a run, ``max_runtime_seconds`` in the settings of the instance."""

REDELIVERED_AFTER_S = MAX_RUN_S + 3600
"""Seconds after which Redis delivers an unacknowledged message again, ``visibility_timeout``.

It must exceed the longest run: a message is acknowledged after its run, and a second delivery only occupies a slot.
"""

_RUN_PROCESS = "vwe_dagster.instance.run_process"
_RECORDING_S = 60.0

_log = logging.getLogger(__name__)

SETTINGS: Mapping[str, Any] = {
    # A worker that prefetches or acknowledges early holds runs while other hosts are idle.
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "broker_transport_options": {"visibility_timeout": REDELIVERED_AFTER_S},
    # Runs continue if the connection to Redis is lost.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "task_ignore_result": True,
    "task_serializer": "json",
    "accept_content": ["json"],
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "worker_send_task_events": False,
}
"""Settings of Celery for workers and the center."""


class SlotLimit(celery.bootsteps.StartStopStep):  # type: ignore[misc]  # without annotations
    """Take no message without the center's data, or while every slot is in use.

    Celery's ``worker_disable_prefetch`` does the latter, too, but forgets the runs in progress when Redis restarts. The
    worker then reserves a run that no other host can take.
    """

    requires: ClassVar = {"celery.worker.consumer.tasks:Tasks"}

    def start(self, parent: Any) -> None:
        """Limit the consumer of a new connection."""
        quality_of_service = parent.task_consumer.channel.qos
        has_prefetch_left = quality_of_service.can_consume

        def can_consume() -> bool:
            in_use = len(celery.worker.state.active_requests | celery.worker.state.reserved_requests)
            return parent.app.watch.is_present and in_use < parent.pool.num_processes and bool(has_prefetch_left())

        quality_of_service.can_consume = can_consume


def queue_of(host: str) -> str:
    """Return the name of a host's own queue, for the tag ``dagster-celery/queue`` of a run."""
    return f"{COMMON_QUEUE}.{host}"


class WorkerApp(celery.Celery):  # type: ignore[misc]  # without annotations
    """An app with the data folder of its host, and the processes of the runs in progress."""

    watch: DataWatch
    processes: set[subprocess.Popen[bytes]]


class RunThreads(celery.concurrency.thread.TaskPool):  # type: ignore[misc]  # without annotations
    """Threads that wait for the processes of runs."""

    def terminate_job(self, pid: int, signal: int | None = None) -> None:  # noqa: ARG002  Celery's signature
        """Kill the processes of all runs, at the second Ctrl-C; Celery's own threads raise an error there."""
        for process in list(self.app.processes):
            process.kill()


def worker_app(broker: str, host: str, watch: DataWatch) -> WorkerApp:
    """Return the app of a worker, which consumes the common queue and the host's own.

    Args:
        broker: the URL of Redis.
        host: the name of the host.
        watch: the watch of its data folder.
    """
    app = WorkerApp("vwe", broker=broker)
    app.watch, app.processes = watch, set()
    app.conf.update(SETTINGS)
    app.steps["consumer"].add(SlotLimit)
    app.conf.task_queues = [
        kombu.Queue(name, kombu.Exchange(name), routing_key=name) for name in (queue_of(host), COMMON_QUEUE)
    ]
    leases = RunLeases(connect(broker))

    @app.task(name=TASK, bind=True)  # type: ignore[untyped-decorator]
    def execute_job(task: celery.Task, execute_job_args_packed: dict[str, Any]) -> None:
        if not watch.check():
            # Other hosts may take the run.
            raise celery.exceptions.Reject(requeue=True)
        _execute(app, leases, host, str(task.request.id), execute_job_args_packed)

    return app


def _execute(app: WorkerApp, leases: RunLeases, host: str, run: str, arguments: dict[str, Any]) -> None:
    """Execute a run in a process, unless another delivery of the same message already did."""
    # The reference has the folders of the center; without it, the process opens the instance of this host.
    packed = json.dumps({**arguments, "instance_ref": None})
    if not leases.claim(run, host, os.getpid()):
        _log.info("The run %s was canceled, or another delivery started it.", run)
        return
    _log.info("The run %s starts.", run)
    options = {"--run": run, "--host": host, "--parent": str(os.getpid()), "--center": app.watch.identity}
    command = [sys.executable, "-m", _RUN_PROCESS, *itertools.chain.from_iterable(options.items()), packed]
    # A session of its own: Ctrl-C in the terminal of the worker drains it and does not interrupt its runs.
    with subprocess.Popen(command, start_new_session=True) as process:  # noqa: S603
        app.processes.add(process)
        exit_code = process.wait()
        app.processes.discard(process)
    _log.info("The run %s has ended with exit code %d.", run, exit_code)
    _record_end(leases, run, exit_code)


def _record_end(leases: RunLeases, run: str, exit_code: int) -> None:
    """Record the end of a run. If Redis does not answer for a minute, give up: the silent lease is revoked later."""
    deadline = time.monotonic() + _RECORDING_S
    while time.monotonic() < deadline:
        with contextlib.suppress(redis.RedisError):
            leases.end(run, exit_code)
            return
        time.sleep(1)


def waiting_runs(server: redis.Redis, hosts: Iterable[str], others: Iterable[str] = ()) -> dict[str, int]:
    """Return the number of runs that wait in the common queue and in the queues of hosts, by queue.

    Args:
        server: the Redis server.
        hosts: names of hosts.
        others: other queues to count.
    """
    queues = dict.fromkeys([COMMON_QUEUE, *map(queue_of, hosts), *sorted(others)])
    return {queue: server.llen(queue) for queue in queues}
