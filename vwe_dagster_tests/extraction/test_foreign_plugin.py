"""The older plugin's JSON is read bit for bit, and damaged files are rejected."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.extraction.foreign_files import plugin_documents, read_or_error, write_plugin_json
from vwe_dagster_tests.extraction.json_values import JSON_VALUES
from vwe_dagster_tests.worlds import native_world

if TYPE_CHECKING:
    from pathlib import Path

    from vwe_dagster.world.canonical import CanonicalWorld

Documents = dict[str, dict[str, Any]]

CORNERS = Grid(64, 312.5, -10000.0)
NAMES = ("biomes.json", "heightmap.json")

fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.fixture(scope="module")
def corner_world() -> CanonicalWorld:
    """Return a world sampled like the plugin's: 64 x 64 cell corners over the inner 20 km."""
    return native_world(CORNERS)


@pytest.fixture
def documents(corner_world: CanonicalWorld) -> Documents:
    """Return the plugin's JSON objects of that world."""
    return plugin_documents(corner_world)


@pytest.fixture(params=["", ".gz"], ids=["plain", "gzip"])
def suffix(request: pytest.FixtureRequest) -> str:
    """Return the suffix after ``.json`` in the file names; ``.gz`` if they are compressed."""
    return str(request.param)


def test_world_is_read_bit_for_bit(
    tmp_path: Path, corner_world: CanonicalWorld, documents: Documents, suffix: str
) -> None:
    write_plugin_json(tmp_path, documents, suffix=suffix)
    export = read_foreign(tmp_path)
    assert export.world.grid == CORNERS
    assert export.world.biome.tobytes() == corner_world.biome.tobytes()
    assert export.world.height.tobytes() == corner_world.height.tobytes()
    assert export.world.forest.tobytes() == corner_world.forest.tobytes()
    assert (export.world.lava, export.world.rivers, export.world.lakes) == (None, None, None)


def test_export_has_the_metadata_of_the_source(tmp_path: Path, documents: Documents, suffix: str) -> None:
    write_plugin_json(tmp_path, documents, suffix=suffix)
    export = read_foreign(tmp_path)
    assert export.kind == "plugin_json"
    assert (export.seed_text, export.seed_number, export.world_version) == (None, None, None)
    assert export.sha256 == {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in tmp_path.iterdir()}


@pytest.mark.parametrize("name", NAMES)
def test_missing_file_is_named(tmp_path: Path, documents: Documents, name: str) -> None:
    del documents[name]
    write_plugin_json(tmp_path, documents, suffix=".gz")
    with pytest.raises(ExtractionError, match=f"{name} is missing"):
        read_foreign(tmp_path)


def test_file_with_a_compressed_twin_is_rejected(tmp_path: Path, documents: Documents) -> None:
    write_plugin_json(tmp_path, documents, suffix=".gz")
    write_plugin_json(tmp_path, documents, suffix="")
    with pytest.raises(ExtractionError, match=r"has both biomes.json and biomes.json.gz"):
        read_foreign(tmp_path)


def test_files_of_different_exports_are_rejected(tmp_path: Path, documents: Documents) -> None:
    documents["heightmap.json"].update(world_radius=10500.0, world_diameter=21000.0)
    write_plugin_json(tmp_path, documents, suffix="")
    with pytest.raises(ExtractionError, match="belong to different exports"):
        read_foreign(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("resolution", None, "resolution must be a whole number from 64 to 2048, but is None"),
        ("resolution", True, "resolution must be a whole number"),
        ("resolution", 10**12, "resolution must be a whole number from 64 to 2048"),
        ("resolution", 65, "differ in resolution or world_radius"),
        ("world_radius", float("nan"), "world_radius must be a number of meters"),
        ("world_radius", -10000, "world_radius must be a number of meters, above 0"),
        ("world_diameter", 21000, "world_diameter must be twice the world_radius of 10000 m"),
        ("world_diameter", "20000", "world_diameter must be a number of meters"),
        ("biome_map", [[1] * 65] * 65, "biome_map must be 64 lists of 64 int numbers"),
        ("biome_map", {}, "biome_map must be 64 lists of 64 int numbers"),
        ("biome_map", [[1] * 64] * 63 + [[1] * 63], "all of that length; list 63 is not"),
        ("biome_map", [["1"] * 64] * 64, "biome_map must be 64 lists of 64 int numbers"),
        ("biome_map", [[True] * 64] * 64, "biome_map must be 64 lists of 64 int numbers"),
        ("biome_map", [[1.0] * 64] * 64, "biome_map must be 64 lists of 64 int numbers"),
        ("biome_map", [[10**30] * 64] * 64, "that fit into 64 bits"),
        ("biome_map", [[-1] * 64] * 64, "The biome plane holds -1 at row 0, column 0"),
    ],
)
def test_invalid_field_is_rejected(
    tmp_path: Path, documents: Documents, key: str, value: object, complaint: str
) -> None:
    documents["biomes.json"][key] = value
    write_plugin_json(tmp_path, documents, suffix=".gz")
    with pytest.raises(ExtractionError, match=complaint):
        read_foreign(tmp_path)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (None, "height_map must be 64 lists of 64 int or float numbers"),
        (float("nan"), r"holds nan at row 5, column 9 \(x = -7187.5 m, z = -8437.5 m\)"),
        (1e300, "holds inf at row 5, column 9"),
    ],
)
def test_impossible_height_is_rejected_with_its_place(
    tmp_path: Path, documents: Documents, value: object, complaint: str
) -> None:
    documents["heightmap.json"]["height_map"][9][5] = value
    write_plugin_json(tmp_path, documents, suffix=".gz")
    with pytest.raises(ExtractionError, match=complaint):
        read_foreign(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"[" * 100_000, b'{"resolution": ' + b"9" * 5000 + b"}", b'{"a": "\xff"}']
)
def test_file_without_a_json_object_is_rejected(tmp_path: Path, documents: Documents, content: bytes) -> None:
    write_plugin_json(tmp_path, documents, suffix="")
    (tmp_path / "heightmap.json").write_bytes(content)
    with pytest.raises(ExtractionError, match=r"heightmap.json (is not JSON|must hold a JSON object)"):
        read_foreign(tmp_path)


@fuzz
@given(name=st.sampled_from(NAMES), cut=st.floats(0, 1, exclude_max=True))
def test_truncated_file_is_rejected(tmp_path: Path, documents: Documents, suffix: str, name: str, cut: float) -> None:
    write_plugin_json(tmp_path, documents, suffix=suffix)
    path = tmp_path / f"{name}{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * cut)])
    with pytest.raises(ExtractionError, match=path.name):
        read_foreign(tmp_path)


@fuzz
@given(name=st.sampled_from(NAMES), data=st.data(), value=JSON_VALUES)
def test_any_value_in_any_field_is_read_or_rejected(
    tmp_path: Path, corner_world: CanonicalWorld, name: str, data: st.DataObject, value: object
) -> None:
    documents = plugin_documents(corner_world)
    documents[name][data.draw(st.sampled_from(sorted(documents[name])))] = value
    write_plugin_json(tmp_path, documents, suffix="")
    read_or_error(tmp_path)


def test_biome_names_of_the_plugin_are_ignored(
    tmp_path: Path, corner_world: CanonicalWorld, documents: Documents
) -> None:
    documents["biomes.json"]["biome_names"] = {"32": "Ocean", "256": "DeepNorth", "512": "Ashlands"}
    write_plugin_json(tmp_path, documents, suffix="")
    assert np.array_equal(read_foreign(tmp_path).world.biome, corner_world.biome)


def test_whole_meters_may_be_written_as_integers(tmp_path: Path, corner_world: CanonicalWorld) -> None:
    flat = dataclasses.replace(corner_world, height=np.full_like(corner_world.height, 31))
    documents = plugin_documents(flat)
    documents["heightmap.json"]["height_map"] = json.loads(json.dumps([[31] * 64] * 64))
    write_plugin_json(tmp_path, documents, suffix="")
    assert np.array_equal(read_foreign(tmp_path).world.height, flat.height)


def test_too_many_values_are_rejected_before_parsing(tmp_path: Path, documents: Documents) -> None:
    write_plugin_json(tmp_path, documents, suffix="")
    (tmp_path / "biomes.json").write_text('{"biome_map": [' + "[]," * 4_200_000 + "[]]}")
    with pytest.raises(ExtractionError, match=r"biomes\.json holds more than 4195304 values, the limit of this file"):
        read_foreign(tmp_path)
