"""A disk that fills up during a build causes an error, keeps the former stage and leaves nothing behind."""

from __future__ import annotations

import contextlib
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vwe_dagster.store import Draft, StoreError, WorldStore
from vwe_dagster_tests.store.stages import SEED, STAGE, entries, publish, recipe_of

pytestmark = pytest.mark.slow

ROOM_BYTES = 2**20
FULL = r"cannot be used .*; .*free some space"
NOISE = np.random.default_rng(1).integers(0, 256, (512, 4 * 1024), np.uint8)


def _file_by_path(draft: Draft) -> None:
    draft.path("noise.bin").write_bytes(NOISE.tobytes())


def _picture(draft: Draft) -> None:
    Image.fromarray(NOISE).save(draft.path("noise.png"))


WAYS: dict[str, Callable[[Draft], None]] = {
    "array": lambda draft: draft.array("noise.npy.gz", NOISE, units=""),
    "table": lambda draft: draft.table("noise.parquet", pd.DataFrame({"noise": NOISE.ravel()}), units={}),
    "json": lambda draft: draft.json("noise.json", NOISE[:256].ravel().tolist()),
    "file": _file_by_path,
    "picture": _picture,
}


@contextlib.contextmanager
def _files_limited() -> Iterator[None]:
    former, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM_BYTES, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (former, most))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with 1 MiB of space: a mounted file system if this user may mount one, else a limit on file sizes."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={ROOM_BYTES}", "tmpfs", tmp_path], check=False, capture_output=True
    )
    if mounted.returncode == 0:
        yield tmp_path
        subprocess.run(["umount", tmp_path], check=True)
    else:
        with _files_limited():
            yield tmp_path


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS.keys())
def test_full_disk_is_an_error_and_the_former_stage_stays(small_disk: Path, write: Callable[[Draft], None]) -> None:
    store = WorldStore(small_disk)
    publish(store.root, 1)
    with pytest.raises(StoreError, match=FULL), store.publish(SEED, STAGE, recipe_of(2)) as draft:
        write(draft)
    assert store.damaged(SEED, STAGE) == []
    assert store.current(SEED, STAGE, recipe_of(1)) is not None
    assert entries(store) == {STAGE}


@pytest.mark.parametrize("write", WAYS.values(), ids=WAYS.keys())
def test_file_over_the_size_limit_is_an_error_with_a_remedy(tmp_path: Path, write: Callable[[Draft], None]) -> None:
    store = WorldStore(tmp_path)
    with (
        _files_limited(),
        pytest.raises(StoreError, match=FULL),
        store.publish(SEED, STAGE, recipe_of(2)) as draft,
    ):
        write(draft)
    assert entries(store) == set()


def test_unrelated_error_passes_unchanged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with pytest.raises(ConnectionRefusedError), WorldStore(data).publish(SEED, STAGE, recipe_of(1)):
        raise ConnectionRefusedError
    (tmp_path / "elsewhere").touch()
    with pytest.raises(FileExistsError), WorldStore(data).publish(SEED, STAGE, recipe_of(1)):
        (tmp_path / "elsewhere").mkdir()


def test_file_in_place_of_the_data_folder_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    store = WorldStore(tmp_path / "data")
    with pytest.raises(StoreError, match="move away the file"), store.publish(SEED, STAGE, recipe_of(1)):
        pass
    assert store.manifest(SEED, STAGE) is None
