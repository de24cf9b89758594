"""The images have every module that their programs import; checked without Docker from the copied files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from vwe_dagster.kernels.sources import PACKAGE, source_files
from vwe_dagster_tests.deploy.dockerfiles import ROOT, copied_files

pytestmark = pytest.mark.slow

ENGINE = ROOT / "deploy" / "engine" / "Dockerfile"
DAGSTER = ROOT / "deploy" / "dagster" / "Dockerfile"
IDS = ("engine", "dagster")
IMPORT_ENGINE = "import vwe_dagster.engine.__main__, vwe_dagster.engine.native, vwe_dagster.engine.serving"
IMPORT_DAGSTER = "import vwe_dagster.definitions, vwe_dagster.cli.app, vwe_dagster.cli.commands.building"


def run_python(code: str, image: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with only an image's files of the project; the packages are this machine's."""
    path = image / "opt" / "vwe"
    return subprocess.run(
        [sys.executable, "-B", "-c", f"{code}; print(vwe_dagster.__file__)"],
        env={
            **os.environ,
            "PYTHONPATH": str(path),
            "NUMBA_CACHE_DIR": str(image.parent / "cache"),
            "VWE_HOME": str(image.parent / "home"),
        },
        cwd=path,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return tmp_path / "image"


@pytest.mark.parametrize(("dockerfile", "code"), [(ENGINE, IMPORT_ENGINE), (DAGSTER, IMPORT_DAGSTER)], ids=IDS)
def test_image_has_every_module_that_its_program_imports(dockerfile: Path, code: str, image: Path) -> None:
    copied_files(dockerfile, image)
    run = run_python(code, image)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == str(image / "opt/vwe/vwe_dagster/__init__.py")


@pytest.mark.parametrize("room", ["files", "worldgen"])
def test_engine_does_not_start_without_an_imported_folder(room: str, image: Path) -> None:
    copied_files(ENGINE, image)
    shutil.rmtree(image / "opt" / "vwe" / "vwe_dagster" / room)
    run = run_python(IMPORT_ENGINE, image)
    assert run.returncode != 0
    assert f"vwe_dagster.{room}" in run.stderr


@pytest.mark.parametrize(
    ("command", "room"),
    [pytest.param("compile_kernels.py", "worldgen", id="world"), pytest.param("seed_row", "analysis", id="survey")],
)
def test_kernels_are_compiled_after_copying_all_their_sources(image: Path, command: str, room: str) -> None:
    """Otherwise the machine code in the image would not match the code that loads it."""
    copied_files(ENGINE, image, before=command)
    package = image / "opt" / "vwe" / "vwe_dagster"
    compiled = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert not (package / "engine").exists()
    for module in (PACKAGE / room).glob("*.py"):
        assert {str(path.relative_to(PACKAGE)) for path in source_files(module)} <= compiled


@pytest.mark.parametrize("dockerfile", [ENGINE, DAGSTER], ids=IDS)
def test_image_has_no_files_of_this_machine(dockerfile: Path, image: Path) -> None:
    copied_files(dockerfile, image)
    assert not list(image.rglob("__pycache__"))
    assert not list(image.rglob("vwe_dagster_tests"))
