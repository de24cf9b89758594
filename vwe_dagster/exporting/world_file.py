"""The format ``fwl``: a world file, for a game or a server that has never seen the world.

Its layout is in :mod:`vwe_dagster.formats.fwl`.
"""

from __future__ import annotations

import re
from pathlib import Path

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.formats.fwl import WRITTEN, new_world, shown, world_file_bytes

_CURRENT = 2
_WITHIN_FOLDER = re.compile(r"_main\.[0-9]+", re.ASCII)


def write(path: Path, facts: WorldFacts, options: ExportOptions) -> None:
    """Write a world file; the world has the name of the file, by which the game finds it.

    The world-gen version is that of the world if it is known, else the current one. World modifiers are those of the
    save that the world came from.

    Raises:
        ExportError: the name of the file is not UTF-8, or is one of the names within the folder of a world.
    """
    if _WITHIN_FOLDER.fullmatch(path.stem):
        raise ExportError(
            f"The world would be called {path.stem}, as the file; write a file with the name of the world, such as "
            f"Midgard.fwl, and rename it then."
        )
    version = facts.world_gen_version
    world = new_world(
        facts.seed,
        path.stem,
        world_gen_version=_CURRENT if version is None else version,
        world_version=WRITTEN if options.world_version is None else options.world_version,
        starting_keys=facts.starting_keys,
    )
    try:
        content = world_file_bytes(world)
    except UnicodeEncodeError as error:
        raise ExportError(
            f"The world would be called as the file, {shown(path.stem)}, and that is no UTF-8 text; "
            f"name another file with --out."
        ) from error
    path.write_bytes(content)
