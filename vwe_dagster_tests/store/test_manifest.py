"""The parser of manifests reads back every written manifest, and rejects any other input without crashing."""

from __future__ import annotations

import copy
import datetime as dt
import hashlib
import json
import operator
import os
import string
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import STAGES, FileEntry, Manifest, Recipe, StoreError, WorldStore
from vwe_dagster.store.manifest import SCHEMA_VERSIONS
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.store.stages import SEED, STAGE, publish, recipe_of

finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
recipes = st.builds(
    Recipe,
    inputs=st.dictionaries(texts, json_values, max_size=3),
    code_version=texts,
    made_by=st.dictionaries(texts, json_values, max_size=3),
    grid=st.none() | st.builds(Grid, size=st.integers(64, 8192), cell_m=finite, first_m=finite),
)
file_entries = st.builds(
    FileEntry,
    bytes=st.integers(0, 2**63),
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    dtype=st.none() | texts | st.dictionaries(texts, texts, max_size=3),
    shape=st.none() | st.lists(st.integers(0, 10**6), max_size=3).map(tuple),
    axes=st.none() | texts,
    units=st.none() | texts | st.dictionaries(texts, texts, max_size=3),
)
seeds = (
    st.text(string.ascii_letters, min_size=1, max_size=32) | st.integers(-(2**31), 2**31 - 1).map("@{}".format)
).map(parse_seed)
manifests = st.builds(
    Manifest,
    schema_version=st.sampled_from(SCHEMA_VERSIONS),
    seed=seeds,
    stage=st.sampled_from(STAGES),
    recipe=recipes,
    files=st.dictionaries(
        st.from_regex(r"([a-z][A-Za-z0-9._-]{0,9}/){0,3}[A-Za-z0-9][A-Za-z0-9._-]{0,20}\.npy\.gz", fullmatch=True),
        file_entries,
        max_size=3,
    ),
    made_at=st.datetimes(timezones=st.just(dt.UTC)),
    seconds=st.floats(0, 1e9),
)


@given(manifests)
def test_manifest_is_read_back_unchanged(manifest: Manifest) -> None:
    read = Manifest.from_json(manifest.to_json())
    assert read == manifest
    assert read.digest == manifest.digest
    assert read.recipe.fingerprint == manifest.recipe.fingerprint


@given(st.binary() | json_values.map(json.dumps).map(str.encode) | st.just(b"[" * 100_000))
def test_no_manifest_content_crashes_the_store(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = WorldStore(Path(folder))
        store.folder(SEED, STAGE).mkdir(parents=True)
        (store.folder(SEED, STAGE) / "manifest.json").write_bytes(content)
        assert store.manifest(SEED, STAGE) is None
        assert store.current(SEED, STAGE, recipe_of(1)) is None
        assert store.damaged(SEED, STAGE)
        assert list(store.seeds()) == []


def _valid_manifest() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        publish(Path(folder), 1)
        content: dict[str, Any] = json.loads(
            (WorldStore(Path(folder)).folder(SEED, STAGE) / "manifest.json").read_bytes()
        )
        del content["sha256"]
        return content


def _sealed(content: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest with the checksum of the other fields."""
    rest = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return {**content, "sha256": hashlib.sha256(rest.encode()).hexdigest()}


VALID = _valid_manifest()


Place = tuple[str, ...]
FREE = {("recipe", "inputs"), ("recipe", "made_by"), ("files",)}
"""Mappings of the manifest with arbitrary keys."""
OPTIONAL = {"dtype", "shape", "axes", "units"}


def _mappings(value: dict[str, Any], place: Place = ()) -> list[Place]:
    """Return the paths of all nested mappings, including the outermost."""
    inner = [_mappings(value[key], (*place, key)) for key in value if isinstance(value[key], dict)]
    return [place, *(found for places in inner for found in places)]


MAPPINGS = _mappings(VALID)


def _at(place: Place, content: Any) -> Any:
    for key in place:
        content = content[key]
    return content


def _with(place: Place, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return the valid manifest with a change to the mapping at ``place``."""
    content = copy.deepcopy(VALID)
    change(_at(place, content))
    return content


def test_manifest_with_a_missing_field_is_rejected() -> None:
    lacking = [
        (place, key)
        for place in MAPPINGS
        if place not in FREE and "dtype" not in place and "units" not in place
        for key in _at(place, VALID).keys() - OPTIONAL
    ]
    assert len(lacking) > 20
    read = [(place, key) for place, key in lacking if _read(_with(place, operator.methodcaller("pop", key)))]
    assert read == []


def test_manifest_with_an_unknown_field_is_rejected() -> None:
    strange = {"unheard": float("nan")}
    read = [place for place in MAPPINGS if _read(_with(place, operator.methodcaller("update", strange)))]
    assert read == []


@given(st.sampled_from(MAPPINGS), st.data())
def test_manifest_with_a_changed_value_is_rejected_or_usable(place: Place, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(_at(place, VALID))))
    manifest = _read(_with(place, operator.methodcaller("update", {key: data.draw(json_values)})))
    if manifest is not None:
        assert len(manifest.digest) == 64
        assert Manifest.from_json(manifest.to_json()) == manifest


def _read(content: dict[str, Any]) -> Manifest | None:
    try:
        return Manifest.from_json(json.dumps(_sealed(content)).encode())
    except ValueError:
        return None


def test_wrong_versions_seeds_names_and_hashes_are_rejected() -> None:
    entry: dict[str, Any] = VALID["files"]["plane.npy.gz"]
    wrong: list[Mapping[str, object]] = [
        {"schema_version": 1},
        {"schema_version": 3},
        {"schema_version": "2"},
        {"seed": {"key": "HHcLC5acQt", "number": 5}},
        {"seed": {"key": "../evil", "number": 1629976961}},
        {"stage": "baked"},
        {"made_at": "2026-01-01T00:00:00"},
        {"seconds": -1},
        *[{"files": {name: entry}} for name in ("../evil", "a//b", "a\\b", "", ".hidden", "manifest.json", "a\n")],
        {"files": {"plane.npy.gz": {**entry, "sha256": entry["sha256"].upper()}}},
        {"files": {"plane.npy.gz": {**entry, "sha256": entry["sha256"] + "\n"}}},
        {"files": {"plane.npy.gz": {**entry, "bytes": -1}}},
        {"files": {"plane.npy.gz": {**entry, "bytes": 1.5}}},
        {"files": {"plane.npy.gz": {**entry, "color": "blue"}}},
    ]
    assert _read(VALID) is not None
    assert [change for change in wrong if _read({**VALID, **change}) is not None] == []


def test_manifest_of_the_first_version_is_read() -> None:
    former = {**VALID, "schema_version": 1}
    manifest = Manifest.from_json(json.dumps(former).encode())
    assert manifest.schema_version == 1
    assert "sha256" not in json.loads(manifest.to_json())
    assert Manifest.from_json(json.dumps(_sealed(VALID)).encode()).digest == manifest.digest


def test_manifest_of_any_depth_is_parsed_or_rejected() -> None:
    limit = sys.getrecursionlimit()
    for depth in range(limit - 200, limit + 10):
        with pytest.raises(ValueError, match=r"nested too deeply|does not match"):
            Manifest.from_json(b'{"schema_version": 2, "inputs": ' + b"[" * depth + b"]" * depth + b"}")


@given(st.data())
def test_flipped_bit_never_changes_the_meaning(data: st.DataObject) -> None:
    manifest = _read(VALID)
    assert manifest is not None
    text = bytearray(manifest.to_json())
    at = data.draw(st.integers(0, 8 * len(text) - 1))
    text[at // 8] ^= 1 << at % 8
    try:
        read = Manifest.from_json(bytes(text))
    except ValueError:
        return
    assert read == manifest


@pytest.mark.parametrize("name", ["manifest.json", "plane.npy.gz"])
def test_pipe_in_place_of_a_file_does_not_block(tmp_path: Path, name: str) -> None:
    publish(tmp_path, 1)
    store = WorldStore(tmp_path)
    manifest = store.manifest(SEED, STAGE)
    assert manifest is not None
    path = store.folder(SEED, STAGE) / name
    path.unlink()
    os.mkfifo(path)
    assert store.damaged(SEED, STAGE)
    assert store.current(SEED, STAGE, recipe_of(1)) is None
    if name != "manifest.json":
        with pytest.raises(StoreError, match="differs from its manifest"):
            store.read(manifest, name)
