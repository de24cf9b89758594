"""Commands that install optional packages."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from vwe_dagster.config.extras import install_command
from vwe_dagster.config.home import find_checkout


def test_extra_of_a_wheel_is_installed_by_pip() -> None:
    assert shlex.split(install_command("hosts", None)) == ["pip", "install", "vwe-dagster[hosts]"]


def test_extra_of_a_checkout_is_installed_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = shlex.split(install_command("publish", tmp_path))
    assert command == [sys.executable, "-m", "pip", "install", "--editable", f"{tmp_path}[publish]"]
    assert shlex.split(install_command("hosts", tmp_path)) == ["make", "-C", str(tmp_path), "hosts"]
    monkeypatch.chdir(tmp_path)
    assert install_command("hosts", tmp_path) == "make hosts"


def test_checkout_of_the_tests_is_found_and_its_makefile_has_the_target() -> None:
    checkout = find_checkout()
    assert checkout is not None
    assert "hosts: " in (checkout / "Makefile").read_text()
