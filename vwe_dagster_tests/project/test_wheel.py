"""The wheel: its contents, and ``vwe`` installed from it outside a checkout."""

from __future__ import annotations

import dataclasses
import email
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest

import vwe_dagster
from vwe_dagster_tests.command import ENGINES_IDLE_MINUTES, PATIENCE_S

pytestmark = pytest.mark.slow

ROOT = Path(vwe_dagster.__file__).parents[1]
PROJECT_FILES = ("dagster.yaml", "workspace.yaml")
LICENSES = [
    "LICENSE",
    "THIRD_PARTY_NOTICES.md",
    "vwe_dagster/site/static/leaflet/LICENSE",
    "vwe_dagster/worldgen/LICENSE.FastNoise",
]
KEY = "HHcLC5acQt"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a new virtual environment; only the dependencies come from the environment of the tests."""
    folder = tmp_path_factory.mktemp("installed")
    environment = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    python = environment / "bin" / "python"
    pip("--python", str(python), "install", "--no-deps", "--no-index", str(wheel))
    asked = [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own_packages = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    # Python does not read the .pth files of a folder that a .pth file names, so an editable install stays invisible.
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own_packages / "dependencies.pth").write_text("\n".join(sorted(dependencies)))
    home = folder / "home"
    home.mkdir()
    return Installed(environment, home)


@dataclasses.dataclass(frozen=True)
class Installed:
    """An installed wheel.

    Attributes:
        venv: the virtual environment.
        home: the folder in which its commands run.
    """

    venv: Path
    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the tests without the variables that lead to a checkout or a home.

        The kernels that the checkout compiled serve the installed wheel, too.
        """
        names = {"PYTHONPATH", "DAGSTER_HOME", "VIRTUAL_ENV"}
        kept = {name: text for name, text in os.environ.items() if name not in names and not name.startswith("VWE_")}
        return {**kept, "VWE_POOL_IDLE_MINUTES": ENGINES_IDLE_MINUTES}

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the virtual environment to its end."""
        return subprocess.run(
            [self.venv / "bin" / command[0], *command[1:]],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )


def test_wheel_contains_the_whole_package(wheel: Path) -> None:
    package = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "vwe_dagster").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    settings = {f"vwe_dagster/config/{name}" for name in PROJECT_FILES}
    packed = {name for name in names_in(wheel) if ".dist-info/" not in name}
    assert packed == package | settings
    assert {Path(name).suffix for name in packed} >= {".csv", ".css", ".html", ".js", ".json", ".sql", ".svg"}


def test_project_files_in_the_wheel_equal_those_of_the_checkout(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in PROJECT_FILES:
            assert archive.read(f"vwe_dagster/config/{name}") == (ROOT / name).read_bytes()
            assert not (ROOT / "vwe_dagster" / "config" / name).exists()


def test_wheel_states_version_licenses_and_types(wheel: Path) -> None:
    metadata_folder = f"vwe_dagster-{vwe_dagster.__version__}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        metadata = email.message_from_bytes(archive.read(f"{metadata_folder}/METADATA"))
        texts = {name: archive.read(f"{metadata_folder}/licenses/{name}") for name in LICENSES}
        assert "vwe_dagster/py.typed" in archive.namelist()
    assert metadata["Version"] == vwe_dagster.__version__
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == LICENSES
    assert texts == {name: (ROOT / name).read_bytes() for name in LICENSES}
    assert {each.split(",")[0] for each in metadata.get_all("Project-URL", [])} >= {"Homepage", "Changelog", "Issues"}


def test_wheel_builds_from_the_files_of_the_dagster_image(wheel: Path, tmp_path: Path) -> None:
    before_install = (ROOT / "deploy" / "dagster" / "Dockerfile").read_text().split("\nRUN ")[0]
    image = tmp_path / "image"
    image.mkdir()
    for copied in re.findall(r"^COPY (.+) (\S+)$", before_install, re.MULTILINE):
        for source in copied[0].split():
            if (ROOT / source).is_dir():
                shutil.copytree(ROOT / source, image / copied[1], ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / source, image / copied[1])
    assert names_in(build_wheel(image, tmp_path)) == names_in(wheel)


def test_installed_wheel_generates_finds_and_serves_a_world(installed: Installed) -> None:
    imported = installed.run("python", "-c", "import vwe_dagster; print(vwe_dagster.__file__)")
    assert Path(imported.stdout).is_relative_to(installed.venv)

    generated = installed.run("vwe", "world", KEY, "--size", "64", "--locations", "none")
    assert generated.returncode == 0, generated.stderr
    assert (installed.home / ".dagster" / "dagster.yaml").read_text() == (ROOT / "dagster.yaml").read_text()

    found = installed.run("vwe", "find", "--json", "--columns", "seed, grid_size")
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout) == [{"seed": KEY, "grid_size": 64}]

    # The test process may have been started with these signals ignored.
    serve = ["env", "--default-signal=INT,TERM", str(installed.venv / "bin" / "vwe"), "serve", "--port", "0"]
    serving = subprocess.Popen(
        serve, cwd=installed.home, env=installed.environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert serving.stderr is not None
        reported = re.search(r"http://127\.0\.0\.1:\d+", serving.stderr.readline())
        assert reported is not None
        assert b"/js/gallery.js" in fetch(f"{reported[0]}/")
        assert fetch(f"{reported[0]}/static/js/gallery.js")
        world = f"{reported[0]}/worlds/{KEY}"
        assert b"/js/world.js" in fetch(f"{world}/")
        assert json.loads(fetch(f"{world}/world.json"))["key"] == KEY
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=PATIENCE_S)


def build_wheel(project: Path, folder: Path) -> Path:
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), str(project))
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert finished.returncode == 0, finished.stderr


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310  loopback
        assert answer.status == 200
        content: bytes = answer.read()
        return content
