"""``vwe serve``, as a person uses it."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.request
from pathlib import Path

import pytest

from vwe_dagster_tests.command import PATIENCE_S, Vwe

pytestmark = pytest.mark.slow


def test_the_site_is_served_on_this_machine_until_the_command_is_ended(tmp_path: Path) -> None:
    serving = Vwe(tmp_path).start("serve", "--port", "0")
    assert serving.stderr is not None
    reported = re.fullmatch(
        r"The worlds are at (http://127\.0\.0\.1:\d+); Ctrl-C stops the server\.\n", serving.stderr.readline()
    )
    assert reported is not None
    with urllib.request.urlopen(f"{reported[1]}/worlds.json", timeout=PATIENCE_S) as answer:  # noqa: S310  loopback
        assert json.load(answer)["rows"] == []
    serving.send_signal(signal.SIGINT)
    output, remarks = serving.communicate(timeout=PATIENCE_S)
    assert output == ""
    assert remarks == "" or remarks.startswith("Compiling the terrain kernels, once")
    assert serving.returncode in {0, -signal.SIGINT}


def test_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = Vwe(tmp_path).call("serve", "--port", str(taken.getsockname()[1]))
    assert refused.returncode == 1
    assert "choose another port, as in: vwe serve --port" in refused.stderr
