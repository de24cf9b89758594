"""The entry point: interrupts at any moment, output that takes no character or no byte."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from vwe_dagster_tests.command import PATIENCE_S, Vwe

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "vwe_dagster.cli"]


def test_interrupt_during_the_imports_ends_in_one_line() -> None:
    code = """
import builtins, sys
from vwe_dagster.cli import entry

real = builtins.__import__
def interrupted(name, *args, **kwargs):
    if name == "vwe_dagster.cli.app":
        raise KeyboardInterrupt
    return real(name, *args, **kwargs)
builtins.__import__ = interrupted
entry.main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")


def test_interrupt_swallowed_by_a_callback_is_raised_again() -> None:
    code = """
import time, weakref
from vwe_dagster.cli import app, entry

class Thing: pass
def interrupted(_): raise KeyboardInterrupt

def run():
    thing = Thing()
    reference = weakref.ref(thing, interrupted)
    del thing
    time.sleep(60)
    return 0
app.run = run
entry.main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "Interrupted.\n")


@pytest.mark.parametrize("delay_s", [0.3, 1.2])
def test_interrupt_at_any_time_ends_in_one_line(vwe_home: Path, delay_s: float) -> None:
    environment = {**os.environ, "VWE_HOME": str(vwe_home)}
    command = ["env", "--default-signal=INT", *COMMAND, "world", "HHcLC5acQt", "--size", "4096"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in stderr


@pytest.fixture
def vwe_home(tmp_path: Path) -> Path:
    return Vwe(tmp_path).home


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_the_output_cannot_encode_degrade(encoding: str) -> None:
    imports = "from vwe_dagster.cli.streams import degrade_characters"
    code = f"{imports}; degrade_characters(); print('5 km\u00b2 \u2013 99\u00b0 \u2026')"
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
    shown = printed.decode(encoding).strip()
    assert shown in {"5 km2 - 99? ...", "5 km² - 99° ..."}


def test_letters_that_the_output_cannot_encode_are_escaped() -> None:
    code = "from vwe_dagster.cli.streams import degrade_characters; degrade_characters(); print('h\u00e9llo')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout
    assert printed == b"h\\xe9llo\n"


@pytest.mark.parametrize("arguments", [["--help"], ["seed", "HHcLC5acQt"]])
def test_full_output_device_ends_in_one_line(tmp_path: Path, arguments: list[str]) -> None:
    environment = {**os.environ, "VWE_HOME": str(tmp_path)}
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [*COMMAND, *arguments], env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert ended.stderr == "error: cannot write the output (No space left on device); free space or redirect it.\n"


def test_closed_pipe_ends_without_a_message(tmp_path: Path) -> None:
    environment = {**os.environ, "VWE_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [*COMMAND, "--help"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    stderr = process.stderr.read()
    process.stderr.close()
    process.wait(timeout=PATIENCE_S)
    assert stderr == ""


def test_closed_standard_output_is_no_error(tmp_path: Path) -> None:
    environment = {**os.environ, "VWE_HOME": str(tmp_path)}
    command = f"exec {shlex.join([*COMMAND, '--version'])} >&-"
    ended = subprocess.run(["sh", "-c", command], env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
