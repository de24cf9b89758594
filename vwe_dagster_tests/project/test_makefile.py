"""The Makefile: what its targets pass on to the commands."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [([], ["ui"]), (["PORT=3001"], ["ui", "--port", "3001"]), (["PORT=1; touch x"], ["ui", "--port", "1; touch x"])],
)
def test_make_ui_passes_the_port_on(tmp_path: Path, variables: list[str], arguments: list[str]) -> None:
    for name in ("Makefile", "pyproject.toml", "requirements/runtime.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(CHECKOUT / name, tmp_path / name)
    command = tmp_path / ".venv" / "bin" / "vwe"
    command.parent.mkdir(parents=True)
    command.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    command.chmod(0o755)
    (tmp_path / ".venv" / "runtime-installed").touch()
    environment = {
        name: value for name, value in os.environ.items() if name != "PORT" and not name.startswith(("MAKE", "MFLAGS"))
    }
    made = subprocess.run(
        ["make", "ui", *variables], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert made.stdout.splitlines() == arguments
