"""The format ``fwl``: a world file, for a game or a server that has never seen the world.

Its layout is in :mod:`vwe_dagster.formats.fwl`.
"""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.formats.fwl import new_world, shown, world_file_bytes

_CURRENT = 2


def write(path: Path, facts: WorldFacts, _options: ExportOptions) -> None:
    """Writes a world file; the world is called as the file, for that is how the game finds it.

    The world-gen version is that of the world where it is known, else the current one.

    Raises:
        ExportError: the name of the file is no text.
    """
    version = facts.world_gen_version
    world = new_world(facts.seed, path.stem, world_gen_version=_CURRENT if version is None else version)
    try:
        content = world_file_bytes(world)
    except UnicodeEncodeError as error:
        raise ExportError(
            f"The world would be called as the file, {shown(path.stem)}, and that is no UTF-8 text; "
            f"name another file with --out."
        ) from error
    path.write_bytes(content)
