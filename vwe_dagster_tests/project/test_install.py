"""The installer of the Makefile: uv or pip, each with hashes, and reports for people."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "requirements"
HASHED = "--no-deps --require-hashes --requirement"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, with a set of two packages and without uv on the machine."""
    requirements = tmp_path / "requirements"
    requirements.mkdir()
    shutil.copy(FOLDER / "install.py", requirements)
    (requirements / "runtime.txt").write_text("one==1.0 \\\n    --hash=sha256:0\ntwo==2.0 \\\n    --hash=sha256:0\n")
    (requirements / "uv.txt").write_text("uv==1.0 \\\n    --hash=sha256:0\n")
    spec = importlib.util.spec_from_file_location("install", requirements / "install.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return module


def program(path: Path, script: str) -> None:
    """Write a program that logs its arguments to ``calls`` in the folder of the virtual environment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\necho "{path.name} $*" >>"$CALLS"\n{script}\n')
    path.chmod(0o755)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment whose pip succeeds and brings uv."""
    folder = tmp_path / "env"
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    program(tmp_path / "uv", "exit ${UV_EXIT:-0}")
    program(
        folder / "bin" / "python",
        f"""case "$*" in
        *--target*) [ -z "$NO_UV" ] || exit 1; mkdir -p {folder}/uv/bin; cp {tmp_path}/uv {folder}/uv/bin/uv;;
        *runtime.txt*) echo "Collecting one==1.0 (from -r x)"; echo noise; echo "Collecting two==2.0 (from -r x)";
                       echo "Installing collected packages: one, two"; [ -z "$PIP_FAILS" ] || {{ echo why; exit 1; }};;
        esac""",
    )
    return folder


def calls(tmp_path: Path) -> list[str]:
    """Return the calls that install something."""
    return [line for line in (tmp_path / "calls").read_text().splitlines() if " install" in line]


def test_uv_is_fetched_with_hashes_and_removed_at_the_end(
    install: ModuleType, environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install.main(environment, "runtime")
    fetched, installed, project = calls(tmp_path)
    assert f"{HASHED} {tmp_path}/requirements/uv.txt" in fetched
    assert installed == (
        f"uv pip install --python {environment}/bin/python --quiet {HASHED} {tmp_path}/requirements/runtime.txt"
    )
    assert "--no-build-isolation --editable" in project
    assert "Installing 2 Python packages into" in capsys.readouterr().out
    assert not (environment / "uv").exists()


def test_uv_of_the_machine_is_used(
    install: ModuleType, environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    install.main(environment, "runtime")
    assert [line.split()[0] for line in calls(tmp_path)] == ["uv", "uv"]


@pytest.mark.parametrize("fault", ["NO_UV", "UV_EXIT"])
def test_pip_installs_and_reports_each_package_if_uv_is_missing_or_fails(
    install: ModuleType,
    environment: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fault: str,
) -> None:
    monkeypatch.setenv(fault, "1")
    install.main(environment, "runtime")
    assert HASHED in calls(tmp_path)[-2]
    assert calls(tmp_path)[-2].startswith("python -m pip")
    assert "  1 of 2: one 1.0\n  2 of 2: two 2.0\n" in capsys.readouterr().out


def test_failure_of_pip_shows_its_last_lines(
    install: ModuleType, environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_UV", "1")
    monkeypatch.setenv("PIP_FAILS", "1")
    with pytest.raises(install.InstallError, match="why\npip failed"):
        install.main(environment, "runtime")


@pytest.mark.slow
def test_incomplete_environment_is_created_again(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / "bin" / "python").touch()
    program(tmp_path / "uv", "exit 0")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    install.main(tmp_path / "env", "runtime")
    python = tmp_path / "env" / "bin" / "python"
    assert subprocess.run([python, "-m", "pip", "--version"], check=False, capture_output=True).returncode == 0
