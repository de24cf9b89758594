"""The threads of a run's process: one renews its lease and ends the run on request, one ends it without its data."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import threading
import time

import redis

from vwe_dagster.hosts.run_leases import HEARTBEAT_S, WITHOUT_DATA_CODE, LeaseState, RunLeases
from vwe_dagster.hosts.shared_data import DataWatch

CANCEL_S = 45.0
"""Seconds that an interrupted run may take to end; the center marks it as canceled after 60 s."""

_PR_SET_PDEATHSIG = 1

_log = logging.getLogger(__name__)


def start_heartbeat(leases: RunLeases, run: str, host: str) -> None:
    """Renew the lease of a run in a daemon thread until the process ends.

    The thread sends SIGTERM to this process if the run is canceled, and SIGKILL if the lease is revoked.

    Args:
        leases: the leases.
        run: the id of the run.
        host: the name of this host.
    """
    threading.Thread(target=_renew_until_end, args=(leases, run, host), name="lease", daemon=True).start()


def end_without_data(watch: DataWatch) -> None:
    """End this process when its data folder no longer is that of the center, now and in a daemon thread.

    The thread is not that of the lease, because reading blocks while the server of the folder does not answer.
    """

    def check_until_end() -> None:
        while True:
            time.sleep(HEARTBEAT_S)
            _end_if_missing(watch)

    _end_if_missing(watch)
    threading.Thread(target=check_until_end, name="data", daemon=True).start()


def _end_if_missing(watch: DataWatch) -> None:
    if not watch.check():
        # The process must not end in an orderly way, which writes more files.
        os._exit(WITHOUT_DATA_CODE)


def end_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, so that a killed worker leaves no run behind.

    Args:
        parent: the process id of the parent when it started this process.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _renew_until_end(leases: RunLeases, run: str, host: str) -> None:
    interrupted_at: float | None = None
    while True:
        try:
            state = leases.renew(run, host, os.getpid())
        except redis.RedisError as error:
            # The run continues: without Redis, the center cannot revoke its lease either.
            _log.warning("The lease of the run %s cannot be renewed: %s", run, error)
        else:
            now = time.monotonic()
            if state is LeaseState.ENDED or (interrupted_at is not None and now - interrupted_at > CANCEL_S):
                os.kill(os.getpid(), signal.SIGKILL)
            if state is LeaseState.CANCELING and interrupted_at is None:
                interrupted_at = now
                os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(HEARTBEAT_S)
