"""World folders of version 1.0: the newest complete file is read and named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vwe_dagster.formats.fwl import SaveError, new_world, world_file_bytes
from vwe_dagster.formats.save import read_save
from vwe_dagster.seeds.seed import parse_seed

OK = ("_main.{}.fwl2.ok", "_main.{}.ok")


def put(folder: Path, number: int, *, ok: str | None = None, damaged: bool = False) -> Path:
    """Write a file of a world folder whose seed is ``@`` and its number."""
    folder.mkdir(exist_ok=True)
    path = folder / f"_main.{number}.fwl2"
    content = world_file_bytes(new_world(parse_seed(f"@{number}"), "Midgard", world_gen_version=2, world_version=41))
    path.write_bytes(content[:-1] if damaged else content)
    if ok is not None:
        (folder / ok.format(number)).touch()
    return path


@pytest.mark.parametrize("ok", OK)
def test_newest_complete_file_of_a_folder_is_read(tmp_path: Path, ok: str) -> None:
    folder = tmp_path / "Midgard"
    for number in (2, 9):
        put(folder, number, ok=ok)
    path = put(folder, 10, ok=ok)
    put(folder, 11)
    save = read_save(folder)
    assert (save.path, save.world.seed_number, save.skipped) == (path, 10, ())
    assert save.choice == f"Read {path}, the newest complete file."


def test_newest_file_is_read_if_none_is_marked_as_complete(tmp_path: Path) -> None:
    for number in (9, 10):
        put(tmp_path, number)
    save = read_save(tmp_path)
    assert save.world.seed_number == 10
    assert save.choice is not None
    assert "_main.10.fwl2, the newest file, which no .ok file marks as complete" in save.choice


def test_damaged_files_are_skipped_and_named(tmp_path: Path) -> None:
    put(tmp_path, 1)
    put(tmp_path, 2, ok=OK[0])
    damaged = put(tmp_path, 3, ok=OK[0], damaged=True)
    save = read_save(tmp_path)
    assert save.world.seed_number == 2
    (fault,) = save.skipped
    assert fault.startswith(f"{damaged}: The file states")


def test_pipe_in_a_folder_does_not_block(tmp_path: Path) -> None:
    put(tmp_path, 1)
    os.mkfifo(tmp_path / "_main.2.fwl2")
    assert read_save(tmp_path).world.seed_number == 1


def test_folder_without_a_readable_world_is_rejected(tmp_path: Path) -> None:
    for name in ("_main.x.fwl2", "main.1.fwl2", "_main.1.fwl2.old", "_main.1.db2", "_main..fwl2"):
        (tmp_path / name).touch()
    with pytest.raises(SaveError, match=r"is a folder without a file like _main\.1\.fwl2"):
        read_save(tmp_path)
    damaged = put(tmp_path, 1, damaged=True)
    with pytest.raises(SaveError, match=f"^{damaged}: The file states"):
        read_save(tmp_path)


def test_named_file_is_read_whatever_its_folder_has(tmp_path: Path) -> None:
    path = put(tmp_path, 4)
    put(tmp_path, 5, ok=OK[0])
    save = read_save(path)
    assert (save.path, save.world.seed_number, save.choice) == (path, 4, None)
    with pytest.raises(SaveError, match="cannot be read"):
        read_save(tmp_path / "missing")
