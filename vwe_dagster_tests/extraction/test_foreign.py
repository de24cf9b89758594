"""What a folder holds is recognised, and a folder that holds no export is refused."""

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


def test_a_folder_with_nothing_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "world.fwl").touch()
    with pytest.raises(ExtractionError, match="holds no export that can be read"):
        read_foreign(tmp_path)


def test_a_folder_with_both_kinds_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.json").touch()
    (tmp_path / "heightmap.json.gz").touch()
    with pytest.raises(ExtractionError, match="holds two exports"):
        read_foreign(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "absent"):
        with pytest.raises(ExtractionError, match="cannot be read as a folder"):
            read_foreign(path)


@pytest.mark.parametrize(
    ("make", "what"), [(os.mkdir, "it is a folder"), (os.mkfifo, "it is a pipe, a device or a socket")]
)
def test_what_is_no_file_in_the_place_of_one_is_refused(
    tmp_path: Path, make: Callable[[Path], None], what: str
) -> None:
    make(tmp_path / "map.json")
    with pytest.raises(ExtractionError, match=rf"map.json cannot be read: {what}"):
        read_foreign(tmp_path)


def test_a_file_may_be_as_long_as_its_limit_and_no_longer(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert SourceFolder(tmp_path).read("file", 5) == b"12345"
    with pytest.raises(ExtractionError, match="holds more than 4 bytes"):
        SourceFolder(tmp_path).read("file", 4)
