"""A host whose data folder is not mounted builds no world into the empty mount point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from vwe_dagster.config.home import find_home
from vwe_dagster.hosts.host_reports import HostState
from vwe_dagster.hosts.run_leases import WITHOUT_DATA_CODE, LeaseState, RunLease, cause_of_loss
from vwe_dagster.hosts.shared_data import DataWatch
from vwe_dagster.hosts.worker import Worker
from vwe_dagster_tests.command import PATIENCE_S

RUN = """
import pathlib, sys, time
from vwe_dagster.hosts.heartbeat import end_without_data
from vwe_dagster.hosts.shared_data import DataWatch
end_without_data(DataWatch(pathlib.Path(sys.argv[1]), "id"))
print("works", flush=True)
time.sleep(3600)
"""


def data_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / ".center").write_text("id", encoding="utf-8")
    return folder


def test_process_of_a_run_ends_without_its_data_folder(tmp_path: Path) -> None:
    data = data_folder(tmp_path / "data")
    with subprocess.Popen([sys.executable, "-c", RUN, str(data)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"works\n"
        data.rename(tmp_path / "elsewhere")
        assert process.wait(PATIENCE_S) == WITHOUT_DATA_CODE
    lease = RunLease("1", LeaseState.ENDED, "world", "", "vwe", "attic", 7, 1.0, 1.0, WITHOUT_DATA_CODE)
    assert "mount it there again" in cause_of_loss(lease)


def test_host_without_its_data_folder_reports_so(tmp_path: Path) -> None:
    home = find_home({"VWE_HOME": str(tmp_path)})
    watch = DataWatch(data_folder(home.data), "id")
    worker = Worker("attic", 1, home, "redis://127.0.0.1:1/0", watch)
    assert worker.report(HostState.WORKING).state is HostState.WORKING
    (home.data / ".center").unlink()
    watch.check()
    assert worker.report(HostState.WORKING).state is HostState.WITHOUT_DATA
    assert worker.report(HostState.STOPPED).state is HostState.STOPPED
