"""Values by seed are kept, replaced and removed; a damaged file is not overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest

from vwe_dagster.store import StoreError
from vwe_dagster.store.notes import Notes
from vwe_dagster.store.starting_keys import StartingKeys


def test_values_of_other_seeds_stay(tmp_path: Path) -> None:
    keys = StartingKeys(tmp_path)
    keys.add({"one": ("nomap", "preset hard"), "two": ("nomap",)})
    keys.add({"two": ("nobuildcost",)})
    assert StartingKeys(tmp_path).read() == {"one": ("nomap", "preset hard"), "two": ("nobuildcost",)}
    keys.remove("one")
    assert keys.read() == {"two": ("nobuildcost",)}
    assert Notes(tmp_path).read() == {}


@pytest.mark.parametrize("content", ["{", "[1]", '{"one": 1}'])
def test_damaged_file_counts_as_empty_and_is_not_overwritten(tmp_path: Path, content: str) -> None:
    path = tmp_path / "catalog" / "starting_keys.json"
    path.parent.mkdir()
    path.write_text(content)
    keys = StartingKeys(tmp_path)
    assert keys.read() == {}
    with pytest.raises(StoreError, match="is damaged"):
        keys.add({"two": ("nomap",)})
    assert path.read_text() == content


def test_folder_in_place_of_the_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "catalog" / "notes.json").mkdir(parents=True)
    notes = Notes(tmp_path)
    assert notes.read() == {}
    with pytest.raises(StoreError, match=r"notes\.json is damaged \(.*it is a folder\); repair it or move it away"):
        notes.add({"two": "near a boss"})
