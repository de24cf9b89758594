"""``vwe metrics serve``, as a person or Prometheus uses it."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from vwe_dagster_tests.command import PATIENCE_S, Vwe
from vwe_dagster_tests.metrics.pools import get

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_metrics_are_served_on_this_machine_only_until_the_command_is_ended(
    tmp_path: Path, number: signal.Signals
) -> None:
    serving = Vwe(tmp_path).start("metrics", "serve", "--port", "0")
    assert serving.stderr is not None
    reported = re.fullmatch(
        r"Metrics are at (http://127\.0\.0\.1:\d+)/metrics; Ctrl-C stops the server\.\n", serving.stderr.readline()
    )
    assert reported is not None
    assert b"vwe_build_info" in get(f"{reported[1]}/metrics").read()
    serving.send_signal(number)
    output, errors = serving.communicate(timeout=PATIENCE_S)
    assert (output, errors) == ("", "")
    assert serving.returncode in {0, -number}
    assert list(tmp_path.iterdir()) == []


def test_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = Vwe(tmp_path).call("metrics", "serve", "--port", str(port))
    assert refused.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port} (Address already in use" in refused.stderr
