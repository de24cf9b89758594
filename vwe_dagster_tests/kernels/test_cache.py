"""Outdated machine code is never run, and an unwritable cache is replaced by another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.kernels import cache
from vwe_dagster.kernels.cache import cache_folder, folder_name, remove_other_versions
from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.kernels.sources import PACKAGE
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster_tests.command import ENGINES_IDLE_MINUTES, PATIENCE_S
from vwe_dagster_tests.kernels.copies import CACHE_VARIABLES, PackageCopy, copy_machine_code, copy_package

pytestmark = pytest.mark.slow

MODULE = PACKAGE / "worldgen" / "planes.py"
TWO_DAYS_S = 2 * 24 * 3600
NOBODY = 65534

PAINT_PAPER = """
import numpy as np
from vwe_dagster.rendering.brush import Layers, Light, paint_rows

floats, bytes_ = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.uint8)
layers = Layers(
    biome=bytes_, bed=floats, forest=floats, lava=floats, radius=floats, inside=floats,
    fill=np.zeros((3, 1, 1), np.uint8), offshore=floats, symbols=np.zeros((1, 1), np.int16), glow=bytes_,
    rivers=bytes_, ashen=bytes_, icy=bytes_, sea=np.zeros((1, 3), np.float32), lines=np.zeros(1, np.float32),
)
light = Light(top=0, height=floats, east=floats, north=floats, relief=floats, shore=floats)
picture = np.zeros((1, 1, 3), np.uint8)
paint_rows(layers, light, (0, 1), np.float32(0), picture)
print(*picture[0, 0])
"""
"""Print the color of a pixel outside the world, which is the plain color of the paper."""


@pytest.fixture(scope="module")
def used_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with the machine code of a checkout that painted paper."""
    folder = tmp_path_factory.mktemp("used")
    assert paint_paper(copy_package(folder / "checkout"), folder / "cache") == "240 229 203\n"
    assert list((folder / "cache").rglob("brush.paint_rows*.nbc"))
    return folder / "cache"


def paint_paper(checkout: PackageCopy, cache_: Path) -> str:
    return checkout.run("-c", PAINT_PAPER, environment={"NUMBA_CACHE_DIR": str(cache_)}).stdout


def test_changed_constant_of_another_module_invalidates_the_machine_code(used_cache: Path, tmp_path: Path) -> None:
    copied = copy_package(tmp_path)
    copied.edit("rendering/palette.py", "PAPER: Rgb = (240, 229, 203)", "PAPER: Rgb = (1, 2, 3)")
    assert paint_paper(copied, used_cache) == "1 2 3\n"


def test_second_checkout_compiles_nothing(used_cache: Path, tmp_path: Path) -> None:
    def machine_code() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in used_cache.rglob("*.nbc")}

    before = machine_code()
    assert paint_paper(copy_package(tmp_path), used_cache) == "240 229 203\n"
    assert machine_code() == before


@pytest.fixture
def caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A folder for the caches of the test, set by the environment instead of the user's folder."""
    for name in ("NUMBA_CACHE_DIR", "VWE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    _forget()
    yield tmp_path / "caches"
    _forget()


def _forget() -> None:
    cache_folder.cache_clear()
    cache._report_fallback.cache_clear()  # noqa: SLF001  it reports once per process


def test_old_versions_are_removed_if_unused_for_a_day(caches: Path) -> None:
    current = cache_folder(MODULE)
    assert current is not None
    assert current == caches / "vwe" / "kernels" / folder_name(MODULE)
    folders = {
        name: current.parent / name
        for name in ("worldgen.planes-0.1-0", "worldgen.gone-0.1-0", "315e9d23ccf31c23", "rendering.brush-0.1-0")
    }
    for folder in folders.values():
        folder.mkdir()
    long_ago = time.time() - TWO_DAYS_S
    for folder in (current, *folders.values()):
        os.utime(folder, (long_ago, long_ago))
    os.utime(folders["rendering.brush-0.1-0"])
    remove_other_versions()
    of_grids = {folder_name(PACKAGE / f"worldgen/{name}.py") for name in ("pregeneration", "height_rows")}
    left = {path.name for path in current.parent.iterdir()} - of_grids
    assert left == {folder_name(MODULE), "rendering.brush-0.1-0"}


def test_process_marks_its_version_as_used(caches: Path) -> None:
    folder = caches / "vwe" / "kernels" / folder_name(MODULE)
    folder.mkdir(parents=True)
    os.utime(folder, (0, 0))
    cache_folder(MODULE)
    assert folder.stat().st_mtime > time.time() - TWO_DAYS_S


@pytest.mark.parametrize("has_home", [True, False])
def test_unwritable_cache_is_replaced_with_one_warning(
    caches: Path, has_home: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    caches.touch()
    replacement = Path(tempfile.gettempdir()) / f"vwe-{os.getuid()}" / "kernels"
    if has_home:
        monkeypatch.setenv("VWE_HOME", str(caches.parent / "home"))
        replacement = caches.parent / "home" / ".vwe" / "kernels"
    for module in ("worldgen/planes.py", "worldgen/rivers.py"):
        assert cache_folder(PACKAGE / module) == replacement / folder_name(PACKAGE / module)
    output = capsys.readouterr().err
    assert (
        output == f"{caches / 'vwe/kernels'} cannot be written; compiled kernels are cached in {replacement} instead.\n"
    )


def test_machine_code_in_a_folder_writable_by_others_is_not_read(
    caches: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    caches.touch()
    private = Path(tempfile.gettempdir()) / f"vwe-{os.getuid()}"
    private.mkdir()
    private.chmod(0o777)
    assert cache_folder(MODULE) is None
    assert not cache.are_kernels_cached()
    assert "Set NUMBA_CACHE_DIR to a writable folder." in capsys.readouterr().err


def test_kernels_are_compiled_without_a_writable_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def add(one: int, other: int) -> int:
        return one + other

    monkeypatch.setattr("vwe_dagster.kernels.compiling.cache_folder", lambda _: None)
    assert kernel(add)(1, 2) == 3


@pytest.fixture
def as_nobody() -> list[str]:
    """Return a command prefix for an unprivileged user, who can read the project but write only to private folders."""
    if os.geteuid() != 0:
        pytest.skip("only root can run a process as another user")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed (Debian's util-linux)")
    prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    # If the interpreter or the checkout is in root's home, allow the user to read there.
    reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    for command in (prefix, [*prefix, *reading]):
        # Start the program through env, because setpriv itself can start programs that the user must not.
        probe = [*command, "env", sys.executable, "-c", "import vwe_dagster.cli"]
        if subprocess.run(probe, cwd=PACKAGE.parent, capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("another user cannot run this interpreter")


@pytest.fixture
def home_of_nobody() -> Iterator[Path]:
    """A home of that user with the machine code of all kernels but one, since compiling all takes a minute."""
    NativeEngine().warm()
    # Only root may enter the folders of pytest.
    with tempfile.TemporaryDirectory(prefix="vwe-home-") as folder:
        home, kernels = Path(folder), Path(folder) / ".vwe" / "kernels"
        copy_machine_code(kernels, leave_out="height_rows.fill_heights*")
        for path in (home, *home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)
        yield home


def test_user_without_a_home_generates_a_world(as_nobody: list[str], home_of_nobody: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if name not in CACHE_VARIABLES}
    run = subprocess.run(
        [*as_nobody, sys.executable, "-m", "vwe_dagster.cli", "world", "abc", "--size", "64", "--locations", "none"],
        env={
            **inherited,
            "HOME": "/nonexistent",
            "VWE_HOME": str(home_of_nobody),
            "TMPDIR": str(home_of_nobody),
            "VWE_POOL_IDLE_MINUTES": ENGINES_IDLE_MINUTES,
        },
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    kernels = home_of_nobody / ".vwe" / "kernels"
    warning = f"/nonexistent/.cache/vwe/kernels cannot be written; compiled kernels are cached in {kernels} instead.\n"
    assert run.stderr.count(warning) == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert list(kernels.rglob("height_rows.fill_heights*.nbc"))
    assert WorldStore(home_of_nobody / "data").manifest(parse_seed("abc"), "processed") is not None
