"""The format ``fwl``: a world file, for a game or a server that has never loaded the world.

:mod:`vwe_dagster.formats.fwl` describes the layout.
"""

from __future__ import annotations

import re
from pathlib import Path

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.formats.fwl import WRITTEN, new_world, shown, world_file_bytes

_CURRENT = 2
_WITHIN_FOLDER = re.compile(r"_main\.[0-9]+", re.ASCII)


def write(path: Path, source: ExportSource, options: ExportOptions) -> None:
    """Write a world file; the world has the name of the file, because the game finds it by that name.

    The world-gen version is that of the world, or the current one if it is unknown. World modifiers are those of the
    save from which the world was imported.

    Raises:
        ExportError: the file name is not UTF-8, or has a meaning inside the folder of a world.
    """
    if _WITHIN_FOLDER.fullmatch(path.stem):
        raise ExportError(
            f"Invalid file name {path.stem}: the world has the name of the file, and the game reserves this one; write "
            f"a file with the name of the world, such as Midgard.fwl, and rename it."
        )
    version = source.world_gen_version
    world = new_world(
        source.seed,
        path.stem,
        world_gen_version=_CURRENT if version is None else version,
        world_version=WRITTEN if options.world_version is None else options.world_version,
        starting_keys=source.starting_keys,
    )
    try:
        content = world_file_bytes(world)
    except UnicodeEncodeError as error:
        raise ExportError(
            f"Invalid file name {shown(path.stem)}: the world has the name of the file, which must be UTF-8; choose "
            f"another path with --out."
        ) from error
    path.write_bytes(content)
