"""``vwe engine location-table``: the table of an engine as a file."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from vwe_dagster.cli.commands import engine as commands
from vwe_dagster.cli.commands.common import InputError
from vwe_dagster.cli.exit_codes import FAILED
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument, read_table_json
from vwe_dagster_tests.command import Vwe


@pytest.mark.slow
def test_the_table_of_a_native_engine_is_the_shipped_one(tmp_path: Path) -> None:
    vwe, out = Vwe(tmp_path), tmp_path / "table.json"
    try:
        done = vwe.call("engine", "location-table", "--out", str(out))
        assert done.returncode == 0, done.stderr
        assert "Wrote 183 location types and 32 alt-biomes of Valheim location types" in done.stdout
        assert shipped_table().sha256 in done.stdout
        assert read_table_json(out) == shipped_table()
    finally:
        vwe.call("pool", "drain")


def test_an_impossible_table_is_written_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *others = shipped_table().types
    impossible = dataclasses.replace(shipped_table(), types=(dataclasses.replace(first, max_delta=-1.0), *others))

    @contextlib.contextmanager
    def leased(**_: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(location_table=lambda: LocationTableDocument.of(impossible))

    @contextlib.contextmanager
    def opened(name: str | None, *, new: bool) -> Iterator[SimpleNamespace]:
        assert (name, new) == ("valheim", True)
        yield SimpleNamespace(lease=leased)

    monkeypatch.setattr(commands, "open_named", opened)
    out = tmp_path / "table.json"
    with pytest.raises(typer.Exit) as ended:
        commands.location_table(out=out, pool="valheim")
    assert ended.value.exit_code == FAILED
    assert out.read_text() == LocationTableDocument.of(impossible).text()
    shown = " ".join(capsys.readouterr().err.split())
    assert "but it has impossible values" in shown
    assert "types, row 1, column max_delta: -1.0 is less than min_delta" in shown


def test_a_file_in_no_folder_is_rejected_before_an_engine_is_leased(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        commands.location_table(out=tmp_path / "none" / "table.json")


@pytest.mark.parametrize("words", [("serve", "--port", "0"), ("open", "HHcLC5acQt"), ("locations", "HHcLC5acQt")])
def test_unusable_table_of_the_environment_is_reported(tmp_path: Path, words: tuple[str, ...]) -> None:
    rejected = Vwe(tmp_path, {"VWE_LOCATION_TABLE": str(tmp_path / "absent.csv")}).call(*words)
    assert rejected.returncode == 2
    assert "absent.csv" in rejected.stderr
    assert "The variable VWE_LOCATION_TABLE names it; unset it for the game's own." in rejected.stderr
