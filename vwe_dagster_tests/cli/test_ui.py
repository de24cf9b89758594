"""The command ``vwe ui``: what it prints, and that its processes end with it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from vwe_dagster_tests.command import PATIENCE_S, Vwe

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ui_reports_when_it_is_ready_and_ends_with_a_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    # Dagster warns in a folder that has a dagster.yaml.
    monkeypatch.chdir(CHECKOUT)
    address = f"http://127.0.0.1:{free_port()}"
    process = Vwe(tmp_path).start("ui", "--port", address.rpartition(":")[2])
    try:
        lines = lines_until(process, f"The UI is ready: {address}\n")
        with urllib.request.urlopen(f"{address}/server_info", timeout=60) as answer:  # noqa: S310  loopback
            assert "dagster_version" in json.load(answer)
        process.send_signal(number)
        _, rest = process.communicate(timeout=PATIENCE_S)
    finally:
        end_group(process)
    assert process.returncode == 0
    assert lines[0] == f"Waiting for Dagster to load the project and serve {address}; Ctrl-C stops it.\n"
    shown = "".join(lines) + rest
    assert f"The page to build worlds is {address}/locations/vwe/asset-groups/world/lineage\n" in shown
    assert "Warning" not in shown
    assert "WARNING" not in shown
    assert "dagster.yaml" not in shown


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lines_until(process: subprocess.Popen[str], last: str) -> list[str]:
    """Return the lines of standard error up to ``last``; a process that does not print it in time is killed."""
    assert process.stderr is not None
    impatience = threading.Timer(PATIENCE_S, os.killpg, (process.pid, signal.SIGKILL))
    impatience.start()
    lines: list[str] = []
    try:
        for line in process.stderr:
            lines.append(line)
            if line == last:
                return lines
    finally:
        impatience.cancel()
    pytest.fail(f"vwe ui did not become ready: {lines}")


def end_group(process: subprocess.Popen[str]) -> None:
    """Wait for the end of the processes that a command started; kill them and fail if some do not end."""
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            os.killpg(process.pid, 0)
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    pytest.fail("vwe ui left processes behind")
