"""The second Ctrl-C ends a worker without waiting for its runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from vwe_dagster.hosts.app import RunThreads, worker_app
from vwe_dagster.hosts.shared_data import DataWatch
from vwe_dagster_tests.command import PATIENCE_S


def test_runs_in_progress_are_killed(tmp_path: Path) -> None:
    app = worker_app("redis://127.0.0.1:1/0", "attic", DataWatch(tmp_path, ""))
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as process:
        app.processes.add(process)
        RunThreads(1, app=app).terminate_job(0)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL
