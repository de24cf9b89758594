"""The public behavior of the data folder."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import STAGES, StoreError, WorldStore
from vwe_dagster.store.arrays import array_from_bytes
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.store.stages import GRID, SEED, STAGE, entries, numbers_in, publish, recipe_of, write_files


@pytest.fixture
def store(tmp_path: Path) -> WorldStore:
    return WorldStore(tmp_path / "data")


def test_stage_is_in_the_documented_folder(store: WorldStore, tmp_path: Path) -> None:
    sha256 = hashlib.sha256(b"HHcLC5acQt").hexdigest()
    assert store.folder(SEED, "raw") == tmp_path / "data" / "seeds" / sha256 / "raw"


def test_published_stage_is_complete_without_leftovers(store: WorldStore) -> None:
    publish(store.root, 1)
    manifest = store.current(SEED, STAGE, recipe_of(1))
    assert manifest is not None
    assert numbers_in(store, manifest) == {1}
    assert store.damaged(SEED, STAGE) == []
    assert entries(store) == {STAGE}


def test_manifest_has_the_metadata_of_every_file(store: WorldStore) -> None:
    publish(store.root, 7)
    manifest = json.loads((store.folder(SEED, STAGE) / "manifest.json").read_text())
    assert manifest["schema_version"] == 2
    assert list(manifest)[-1] == "sha256"
    assert manifest["seed"] == {"key": "HHcLC5acQt", "number": 298112588}
    assert manifest["recipe"] == {
        "inputs": {"number": 7},
        "code_version": "1",
        "made_by": {"engine": "native"},
        "grid": {"size": 64, "cell_m": 384.0, "first_m": -12096.0},
    }
    plane = manifest["files"]["plane.npy.gz"]
    content = (store.folder(SEED, STAGE) / "plane.npy.gz").read_bytes()
    assert (plane["bytes"], plane["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert (plane["dtype"], plane["shape"], plane["axes"], plane["units"]) == (
        "int32",
        [64, 64],
        "z,x south first",
        "m",
    )
    rows = manifest["files"]["rows.parquet"]
    assert (rows["dtype"], rows["shape"], rows["units"]) == ({"value_m": "int64"}, [3, 1], {"value_m": "m"})


def test_stage_that_was_never_built_is_reported_as_missing(store: WorldStore) -> None:
    assert store.manifest(SEED, STAGE) is None
    assert store.current(SEED, STAGE, recipe_of(1)) is None
    assert "was never built" in store.damaged(SEED, STAGE)[0]
    assert list(store.seeds()) == []
    assert not store.root.exists()


def test_new_stage_replaces_the_old_one(store: WorldStore) -> None:
    publish(store.root, 1)
    publish(store.root, 2)
    assert store.current(SEED, STAGE, recipe_of(1)) is None
    manifest = store.current(SEED, STAGE, recipe_of(2))
    assert manifest is not None
    assert numbers_in(store, manifest) == {2}
    assert entries(store) == {STAGE}


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": {"number": 2}},
        {"inputs": {"number": 1, "layers": ["lava"]}},
        {"inputs": {"number": "1"}},
        {"code_version": "2"},
        {"grid": Grid.of_world(128)},
        {"grid": None},
    ],
)
def test_stage_of_another_recipe_is_not_current(store: WorldStore, change: dict[str, object]) -> None:
    publish(store.root, 1)
    assert store.current(SEED, STAGE, dataclasses.replace(recipe_of(1), **change)) is None  # type: ignore[arg-type]


def test_stage_built_by_an_older_engine_stays_current(store: WorldStore) -> None:
    publish(store.root, 1)
    newer = dataclasses.replace(recipe_of(1), made_by={"engine": "native", "version": "2"})
    assert store.current(SEED, STAGE, newer) is not None


def test_digest_depends_on_content_and_recipe_but_not_on_time_or_engine(store: WorldStore) -> None:
    digests = []
    for number, maker in ((1, "one"), (1, "other"), (2, "one")):
        recipe = dataclasses.replace(recipe_of(number), made_by={"engine": maker})
        with store.publish(SEED, STAGE, recipe) as draft:
            draft.json("same.json", 0)
        manifest = store.manifest(SEED, STAGE)
        assert manifest is not None
        digests.append(manifest.digest)
    with store.publish(SEED, STAGE, recipe_of(1)) as draft:
        draft.json("same.json", 1)
    manifest = store.manifest(SEED, STAGE)
    assert manifest is not None
    digests.append(manifest.digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _turn_into_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = {
    "is missing": Path.unlink,
    "bytes instead of": _truncate,
    "has changed": _flip_a_bit,
    "missing;": _turn_into_a_folder,
}


@pytest.mark.parametrize("name", ["plane.npy.gz", "rows.parquet", "number.json", "lines.jsonl", "folder/of/some.txt"])
@pytest.mark.parametrize(("complaint", "damage"), DAMAGES.items())
def test_damaged_file_is_detected_and_repaired_by_a_rebuild(
    store: WorldStore, name: str, complaint: str, damage: Callable[[Path], None]
) -> None:
    publish(store.root, 1)
    manifest = store.manifest(SEED, STAGE)
    assert manifest is not None
    damage(store.folder(SEED, STAGE) / name)

    (sentence,) = store.damaged(SEED, STAGE)
    assert complaint in sentence
    assert name in sentence
    assert store.current(SEED, STAGE, recipe_of(1)) is None
    with pytest.raises(StoreError, match="build the stage extracted again"):
        store.read(manifest, name)

    publish(store.root, 1)
    assert store.damaged(SEED, STAGE) == []


@pytest.mark.parametrize("damage", [Path.unlink, _truncate, _turn_into_a_folder])
def test_stage_without_a_valid_manifest_does_not_exist(store: WorldStore, damage: Callable[[Path], None]) -> None:
    publish(store.root, 1)
    manifest = store.folder(SEED, STAGE) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().rstrip())
    damage(manifest)
    assert store.manifest(SEED, STAGE) is None
    assert store.current(SEED, STAGE, recipe_of(1)) is None
    assert store.damaged(SEED, STAGE)
    assert list(store.seeds()) == []
    publish(store.root, 1)
    assert store.damaged(SEED, STAGE) == []


def test_reading_a_stage_that_was_rebuilt_since_is_an_error(store: WorldStore) -> None:
    publish(store.root, 1)
    manifest = store.manifest(SEED, STAGE)
    publish(store.root, 2)
    assert manifest is not None
    with pytest.raises(StoreError, match="has just been rebuilt by another run; run the command again"):
        store.read(manifest, "number.json")


def test_manifest_records_the_actual_engine(store: WorldStore) -> None:
    with store.publish(SEED, STAGE, recipe_of(1)) as draft:
        write_files(draft, 1)
        draft.record_engine({"engine": "another"}, seconds=1e6)
    manifest = store.current(SEED, STAGE, recipe_of(1))
    assert manifest is not None
    assert manifest.recipe == dataclasses.replace(recipe_of(1), made_by={"engine": "another"})
    assert manifest.seconds >= 1e6


def test_stage_copied_to_another_folder_is_not_accepted_there(store: WorldStore) -> None:
    publish(store.root, 1)
    other = parse_seed("MWd8eV6svz")
    shutil.copytree(store.folder(SEED, STAGE), store.folder(other, STAGE))
    shutil.copytree(store.folder(SEED, STAGE), store.folder(SEED, "raw"))
    assert store.manifest(other, STAGE) is None
    assert store.manifest(SEED, "raw") is None
    assert list(store.seeds()) == [SEED]


def _fail_to_publish(store: WorldStore, number: int) -> None:
    def make() -> None:
        with store.publish(SEED, STAGE, recipe_of(number)) as draft:
            write_files(draft, number)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make()


def test_failed_build_keeps_the_former_stage_without_leftovers(store: WorldStore) -> None:
    publish(store.root, 1)
    _fail_to_publish(store, 2)
    manifest = store.current(SEED, STAGE, recipe_of(1))
    assert manifest is not None
    assert numbers_in(store, manifest) == {1}
    assert entries(store) == {STAGE}


def test_failed_first_build_leaves_no_stage(store: WorldStore) -> None:
    _fail_to_publish(store, 1)
    assert store.manifest(SEED, STAGE) is None
    assert entries(store) == set()


def test_unfinished_stage_is_not_visible(store: WorldStore) -> None:
    publish(store.root, 1)
    with store.publish(SEED, STAGE, recipe_of(2)) as draft:
        write_files(draft, 2)
        manifest = store.current(SEED, STAGE, recipe_of(1))
        assert manifest is not None
        assert numbers_in(store, manifest) == {1}


@pytest.mark.parametrize(
    "name",
    [
        *("../evil.npy", "a/../b", "/a", "a/", "a//b", "a/.b", "a/" * 8 + "b"),
        *("a\\b", "", ".", "..", ".hidden", "manifest.json", "a\nb", "a\n", "ä"),
    ],
)
def test_file_name_outside_the_allowed_pattern_is_rejected(store: WorldStore, name: str) -> None:
    with pytest.raises(ValueError, match="name"), store.publish(SEED, STAGE, recipe_of(1)) as draft:
        draft.path(name)
    assert entries(store) == set()


def test_file_not_recorded_or_not_written_is_rejected(store: WorldStore) -> None:
    with (
        pytest.raises(ValueError, match=r"stray\.txt of the stage was written but not recorded"),
        store.publish(SEED, STAGE, recipe_of(1)) as draft,
    ):
        draft.path("stray.txt").write_text("")
    with (
        pytest.raises(ValueError, match=r"a/stray\.txt of the stage was written but not recorded"),
        store.publish(SEED, STAGE, recipe_of(1)) as draft,
    ):
        draft.path("a/stray.txt").write_text("")
    with (
        pytest.raises(ValueError, match=r"ghost\.txt of the stage was recorded but not written"),
        store.publish(SEED, STAGE, recipe_of(1)) as draft,
    ):
        draft.file("ghost.txt")
    assert store.manifest(SEED, STAGE) is None


def test_content_that_cannot_be_written_exactly_is_rejected(store: WorldStore) -> None:
    with (
        pytest.raises(ValueError, match="name missing columns: depth_m"),
        store.publish(SEED, STAGE, recipe_of(1)) as draft,
    ):
        draft.table("t.parquet", pd.DataFrame({"height_m": [1.0]}), units={"depth_m": "m"})
    with pytest.raises(ValueError, match="JSON compliant"), store.publish(SEED, STAGE, recipe_of(1)) as draft:
        draft.json("t.json", float("nan"))
    with pytest.raises(ValueError, match="allow_pickle"), store.publish(SEED, STAGE, recipe_of(1)) as draft:
        draft.array("t.npy.gz", np.array([object()]), units="")
    with pytest.raises(ValueError, match="inputs"):
        dataclasses.replace(recipe_of(1), inputs={"limit": float("inf")})
    assert store.manifest(SEED, STAGE) is None


def test_arrays_are_read_back_unchanged(store: WorldStore) -> None:
    planes = {
        "fortran.npy.gz": np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
        "mask.npy.gz": np.eye(3, dtype=np.bool_),
        "empty.npy.gz": np.empty((0, 3), np.uint8),
        "sliced.npy.gz": np.arange(100, dtype=np.uint16)[::7],
    }
    with store.publish(SEED, STAGE, recipe_of(1)) as draft:
        for name, plane in planes.items():
            draft.array(name, plane, units="")
    manifest = store.manifest(SEED, STAGE)
    assert manifest is not None
    for name, plane in planes.items():
        file = store.read(manifest, name)
        read = array_from_bytes(file.getbuffer())
        with gzip.open(file) as unzipped:
            np.testing.assert_array_equal(np.load(unzipped), read)
        assert (read.dtype.name, read.shape) == (manifest.files[name].dtype, manifest.files[name].shape)
        np.testing.assert_array_equal(read, plane)


def test_linked_file_of_another_stage_outlives_that_stage(store: WorldStore) -> None:
    publish(store.root, 1)
    source = store.manifest(SEED, STAGE)
    assert source is not None
    path, entry = store.folder(SEED, STAGE) / "plane.npy.gz", source.files["plane.npy.gz"]
    with store.publish(SEED, "processed", recipe_of(1)) as draft:
        draft.link("plane.npy.gz", path, entry)
    linked = store.manifest(SEED, "processed")
    assert linked is not None
    assert linked.files == {"plane.npy.gz": entry}
    publish(store.root, 2)
    assert store.damaged(SEED, "processed") == []
    with (
        pytest.raises(StoreError, match="changed while it was linked"),
        store.publish(SEED, "renders", recipe_of(1)) as draft,
    ):
        draft.link("plane.npy.gz", path, entry)


def test_seeds_on_disk_are_found_and_differ_by_case(store: WorldStore) -> None:
    seeds = {parse_seed(key) for key in ("HHcLC5acQt", "hhclc5acqt", "@298112588")}
    for number, seed in enumerate(seeds):
        publish(store.root, number, seed)
    (store.root / "seeds" / "not-ours").mkdir()
    (store.root / "seeds" / "a-file").write_text("")
    assert set(store.seeds()) == seeds


def test_removing_a_seed_keeps_other_seeds(store: WorldStore) -> None:
    other = parse_seed("MWd8eV6svz")
    publish(store.root, 1, other)
    for stage in STAGES:
        with store.publish(SEED, stage, recipe_of(1)) as draft:
            write_files(draft, 1)
    store.remove(SEED)
    assert list(store.seeds()) == [other]
    assert not store.folder(SEED, "raw").parent.exists()
    store.remove(SEED)
    publish(store.root, 2)
    assert store.damaged(SEED, STAGE) == []


def test_grid_is_read_back_unchanged(store: WorldStore) -> None:
    publish(store.root, 1)
    manifest = store.manifest(SEED, STAGE)
    assert manifest is not None
    assert manifest.recipe.grid == GRID


def test_unknown_seeds_are_listed_and_published_stages_are_found(store: WorldStore) -> None:
    publish(store.root, 1)
    assert list(store.seeds(besides=[SEED.key, "never built"])) == []
    assert list(store.seeds(besides=["never built"])) == [SEED]
    assert store.published_stages(SEED) == [STAGE]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a folder in which no user can create another one")
def test_data_folder_that_cannot_exist_is_an_error_with_a_remedy() -> None:
    store = WorldStore(Path("/proc/no-folder/data"))
    with (
        pytest.raises(StoreError, match=r"/proc/no-folder\); create it or choose another folder"),
        store.publish(SEED, STAGE, recipe_of(1)),
    ):
        pass


def test_missing_file_of_a_draft_is_not_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), WorldStore(tmp_path).publish(SEED, STAGE, recipe_of(1)) as draft:
        draft.path("absent").read_bytes()
