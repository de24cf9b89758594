"""Saves of the game: a world file, or the folder in which version 1.0 of the game stores a world.

The folder has several files ``_main.N.fwl2``; the one with the highest N is the newest. A file is complete if there is
another of its name with ``.ok`` instead of, or after, ``.fwl2``.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from vwe_dagster.formats.fwl import SaveError, WorldFile, read_world_file

_NAME = re.compile(r"_main\.([0-9]{1,18})\.fwl2", re.ASCII)


@dataclasses.dataclass(frozen=True)
class Save:
    """A world and the file from which it was read.

    Attributes:
        path: the file.
        world: its content.
        choice: a sentence with the file and why it was chosen; None if the user named the file.
        skipped: the errors of damaged files that would have been preferred.
    """

    path: Path
    world: WorldFile
    choice: str | None = None
    skipped: tuple[str, ...] = ()


def read_save(path: Path) -> Save:
    """Read a world file, or the newest complete one in a world's folder.

    A complete file that cannot be read is skipped. If no complete file can be read, the newest of the others is read.

    Raises:
        SaveError: the path cannot be read, is not a world file, or is a folder without a readable ``_main.N.fwl2``.
    """
    if not path.is_dir():
        return Save(path, read_world_file(path))
    numbers, complete = _files(path)
    faults: list[SaveError] = []
    for number in sorted(numbers, key=lambda each: (each in complete, each), reverse=True):
        file = path / numbers[number]
        try:
            world = read_world_file(file)
        except SaveError as error:
            faults.append(error)
            continue
        reason = "complete file" if number in complete else "file, which no .ok file marks as complete"
        return Save(file, world, f"Read {file}, the newest {reason}.", tuple(map(str, faults)))
    if faults:
        raise faults[0]
    raise SaveError(
        f"{path} is a folder without a file like _main.1.fwl2; name the .fwl or .fwl2 file of a world, or its folder."
    )


def _files(folder: Path) -> tuple[dict[int, str], set[int]]:
    """Return the names of the world files by number, and the numbers of the complete ones."""
    try:
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise SaveError(f"{folder} cannot be read ({error.strerror}); name a readable folder.") from error
    numbers = {int(match[1]): name for name in sorted(names) if (match := _NAME.fullmatch(name))}
    complete = {
        number for number, name in numbers.items() if {f"{name}.ok", f"{name.removesuffix('.fwl2')}.ok"} & names
    }
    return numbers, complete
