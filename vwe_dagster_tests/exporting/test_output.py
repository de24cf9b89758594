"""Exports appear complete or not at all, replace only earlier exports, and have valid file names."""

from __future__ import annotations

import importlib.util
import inspect
import pkgutil
from pathlib import Path

import pytest

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.formats import FORMATS, file_name
from vwe_dagster.exporting.output import atomic_output, check_output_path
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.formats.fwl import read_world_file
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.exporting.exports import write
from vwe_dagster_tests.worlds import publish_extracted_again, publish_world

FILE, FOLDER = FORMATS["csv"], FORMATS["valheim-map"]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_its_markers(tmp_path: Path, source: ExportSource, name: str) -> None:
    of = FORMATS[name]
    writer = pkgutil.resolve_name(of.writer)
    assert len(inspect.signature(writer).parameters) == 3
    assert set(of.options) <= set(ExportOptions.__dataclass_fields__)
    of.check_requirements()
    if name in {"game-cache", "poster", "site"}:  # slow; tested in files of their own
        return
    path = write(tmp_path / of.default_name(source.seed), name, source)
    assert path.is_dir() == of.is_folder
    assert all((path / marker).exists() for marker in of.markers)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["csv", "valheim-map"])
def test_failed_export_leaves_nothing(tmp_path: Path, name: str) -> None:
    def fail() -> None:
        with atomic_output(tmp_path / "out", FORMATS[name], force=False) as draft:
            (draft / "half" if draft.is_dir() else draft).write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_earlier_file_is_kept_without_force(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("earlier")
    with pytest.raises(ExportError, match="--force"):
        check_output_path(path, FILE, force=False)
    with pytest.raises(ExportError, match="--force"), atomic_output(path, FILE, force=False) as draft:
        draft.write_text("later")
    assert path.read_text() == "earlier"
    with atomic_output(path, FILE, force=True) as draft:
        draft.write_text("later")
    assert path.read_text() == "later"
    assert list(tmp_path.iterdir()) == [path]


def test_earlier_folder_is_replaced_completely(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.mkdir()
    (path / "map.json").write_text("earlier")
    with pytest.raises(ExportError, match="is not a valheim-map export"):
        check_output_path(path, FOLDER, force=True)
    (path / "00-00.bin.gz").write_text("earlier")
    with pytest.raises(ExportError, match="--force"):
        check_output_path(path, FOLDER, force=False)
    with atomic_output(path, FOLDER, force=True) as draft:
        (draft / "map.json").write_text("later")
    assert {each.name: each.read_text() for each in path.iterdir()} == {"map.json": "later"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("of", ["csv", "valheim-map"])
def test_other_files_and_folders_are_never_replaced(tmp_path: Path, of: str) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "thesis.txt").write_text("mine")
    with pytest.raises(ExportError, match="exists and is not a"):
        check_output_path(precious, FORMATS[of], force=True)
    with pytest.raises(ExportError, match="exists and is not a"):
        check_output_path(precious / "thesis.txt", FOLDER, force=True)
    with pytest.raises(ExportError), atomic_output(precious, FORMATS[of], force=True):
        pass
    assert (precious / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize("of", ["csv", "valheim-map"])
def test_next_export_removes_the_draft_of_a_killed_one(tmp_path: Path, of: str) -> None:
    (tmp_path / ".out[1].draft-0123").mkdir()
    (tmp_path / ".out[1].draft-0123" / "half").write_text("half")
    (tmp_path / ".out1.draft-0123").mkdir()
    with atomic_output(tmp_path / "out[1]", FORMATS[of], force=False) as draft:
        (draft / "whole" if draft.is_dir() else draft).write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {"out[1]", ".out1.draft-0123"}


@pytest.mark.parametrize("of", ["csv", "valheim-map"])
def test_export_replaces_a_link_and_keeps_its_target(tmp_path: Path, of: str) -> None:
    earlier, link = tmp_path / "earlier", tmp_path / "link"
    for path in (earlier, link):
        with atomic_output(path, FORMATS[of], force=True) as draft:
            for file in (draft / "map.json", draft / "00-00.bin.gz") if draft.is_dir() else (draft,):
                file.write_text(path.name)
        if path == earlier:
            link.symlink_to(earlier)
    assert {path.name for path in tmp_path.iterdir()} == {"earlier", "link"}
    assert not link.is_symlink()
    assert (earlier / "map.json" if earlier.is_dir() else earlier).read_text() == "earlier"


def test_foreign_site_is_not_an_export_of_the_map_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(ExportError, match="is not a site export"):
        check_output_path(tmp_path, FORMATS["site"], force=True)


def test_world_name_that_is_not_utf8_is_rejected(tmp_path: Path, source: ExportSource) -> None:
    with pytest.raises(ExportError, match="must be UTF-8"):
        write(tmp_path / "Mid\udcffgard.fwl", "fwl", source)
    assert list(tmp_path.iterdir()) == []


def test_export_into_an_empty_folder(tmp_path: Path) -> None:
    with atomic_output(tmp_path / "out", FOLDER, force=False) as draft:
        (tmp_path / "out").mkdir()
        (draft / "map.json").write_text("whole")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["map.json"]
    (tmp_path / "file").mkdir()
    with pytest.raises(ExportError, match="is not a file"):
        check_output_path(tmp_path / "file", FILE, force=True)


def test_unwritable_path_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for of in (FILE, FOLDER):
        with (
            pytest.raises(ExportError, match="cannot be written"),
            atomic_output(tmp_path / "file" / "out", of, force=False),
        ):
            pass


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("HHcLC5acQt", "HHcLC5acQt"),
        ("a.b-c_d", "a.b-c_d"),
        ("@-5", "seed-5"),
        ("@5", "seed5"),
        ("-abc", "_-abc"),
        (".abc", "_.abc"),
    ],
)
def test_file_name_of_a_seed(key: str, name: str) -> None:
    assert file_name(parse_seed(key)) == name
    assert FORMATS["zarr"].default_name(parse_seed(key)) == f"{name}.zarr"


def test_missing_library_is_reported_with_its_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ExportError, match=r"needs rasterio.*pip install 'rasterio"):
        FORMATS["geotiff"].check_requirements()
    FORMATS["csv"].check_requirements()


def test_metadata_has_the_world_gen_version(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    source = publish_world(store, "old", Grid.of_world(64), world_gen_version=1)
    assert (source.world_gen_version, source.is_built) == (1, True)
    assert source.terrain is not None
    assert source.terrain.version == 1
    assert source.metadata["world_gen_version"] == 1
    assert source.analysis.statistics["grid_size"] == 64
    publish_extracted_again(store, "old")
    half = ExportSource(store, source.seed)
    assert not half.is_built
    assert read_world_file(write(tmp_path / "Half.fwl", "fwl", half)).world_gen_version == 1
    missing = ExportSource(store, parse_seed("missing"))
    assert (missing.world_gen_version, missing.is_built) == (None, False)
    with pytest.raises(StoreError, match="has not been built"):
        _ = missing.world
