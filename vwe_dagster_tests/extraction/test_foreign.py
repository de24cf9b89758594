"""Detection of the format of a folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from vwe_dagster.extraction.foreign import read_foreign
from vwe_dagster.extraction.foreign_source import SourceFolder
from vwe_dagster.extraction.validate import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_folder_without_an_export_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "world.fwl").touch()
    with pytest.raises(ExtractionError, match="does not have an export in a known format"):
        read_foreign(tmp_path)


def test_folder_with_two_exports_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "map.json").touch()
    (tmp_path / "heightmap.json.gz").touch()
    with pytest.raises(ExtractionError, match="holds two exports"):
        read_foreign(tmp_path)


def test_path_that_is_not_a_folder_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(ExtractionError, match="cannot be read as a folder"):
            read_foreign(path)


@pytest.mark.parametrize(
    ("make", "what"), [(os.mkdir, "it is a folder"), (os.mkfifo, "it is a pipe, a device or a socket")]
)
def test_folder_or_pipe_in_place_of_a_file_is_rejected(tmp_path: Path, make: Callable[[Path], None], what: str) -> None:
    make(tmp_path / "map.json")
    with pytest.raises(ExtractionError, match=rf"map.json cannot be read: {what}"):
        read_foreign(tmp_path)


def test_file_longer_than_the_limit_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert SourceFolder(tmp_path).read("file", 5) == b"12345"
    with pytest.raises(ExtractionError, match="holds more than 4 bytes"):
        SourceFolder(tmp_path).read("file", 4)
