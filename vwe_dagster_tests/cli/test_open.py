"""``vwe open`` opens the page of a world, with a running server or a new one."""

from __future__ import annotations

import re
import signal
import subprocess
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

import pytest

from vwe_dagster_tests.command import PATIENCE_S, Vwe

pytestmark = pytest.mark.slow


@pytest.fixture
def vwe(tmp_path: Path) -> Vwe:
    """``vwe`` with a browser that writes the opened address to a file."""
    browser = tmp_path / "browser"
    browser.write_text('#!/bin/sh\nprintf "%s\\n" "$1" >>"$0.opened"\n')
    browser.chmod(0o755)
    return Vwe(tmp_path, {"BROWSER": f"{browser} %s"})


def opened(vwe: Vwe) -> list[str]:
    """Return the addresses that the browser has opened."""
    file = vwe.home / "browser.opened"
    return file.read_text().splitlines() if file.exists() else []


def test_world_is_opened_on_the_running_server(vwe: Vwe, monkeypatch: pytest.MonkeyPatch) -> None:
    # The library finds its browsers once per process.
    monkeypatch.setattr(webbrowser, "open", lambda url: subprocess.run([vwe.home / "browser", url], check=True))
    serving = vwe.start("serve", "--port", "0")
    assert serving.stderr is not None
    line = serving.stderr.readline()
    server = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert server is not None, line
    for arguments, page in ((["-abc"], "-abc"), (["@-123"], "%40-123"), (["."], "~.")):
        ended = vwe.call("open", "--", *arguments)
        assert ended.returncode == 0
        assert ended.stderr == f"Opening {server[0]}/worlds/{page}/\n"
        assert opened(vwe)[-1] == f"{server[0]}/worlds/{page}/"
    serving.send_signal(signal.SIGINT)
    serving.communicate(timeout=PATIENCE_S)


def test_world_is_opened_on_a_new_server_if_none_is_running(vwe: Vwe) -> None:
    opening = vwe.start("open", "HHcLC5acQt")
    assert opening.stderr is not None
    server = re.search(r"http://127\.0\.0\.1:\d+", opening.stderr.readline())
    assert server is not None
    with urllib.request.urlopen(f"{server[0]}/worlds.json", timeout=PATIENCE_S) as answer:  # noqa: S310  loopback
        assert answer.status == 200
    assert opened(vwe) == [f"{server[0]}/worlds/HHcLC5acQt/"]
    opening.send_signal(signal.SIGINT)
    opening.communicate(timeout=PATIENCE_S)
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"{server[0]}/worlds.json", timeout=PATIENCE_S)  # noqa: S310  loopback


def test_invalid_seed_is_rejected(vwe: Vwe) -> None:
    assert vwe.call("open", "a/b").returncode == 2
    assert opened(vwe) == []
