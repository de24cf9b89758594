"""The header of a world: the identity and origin that the site knows without the world's planes."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Mapping

from pydantic import JsonValue

from vwe_dagster.kernels.sources import PACKAGE, sources_digest
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.world.grid import Grid


@dataclasses.dataclass(frozen=True)
class WorldHeader:
    """The identity and origin of a world.

    Attributes:
        seed: its seed.
        version: a digest that identifies this build of the world and the code that generates its files.
        data_version: a digest that identifies its planes and waterways and the code; drawing tiles does not change it.
        grid: the grid of its planes.
        engine: kind and versions of the engine, or of the program that exported the world.
        world_gen_version: the world-gen version; None if it is unknown.
        location_table: name and hash of the table of location types; None if the engine does not name one.
        has_waterways: whether rivers and lakes are known.
        built_at: the time when it was stored; None if it is not stored.
    """

    seed: Seed
    version: str
    data_version: str
    grid: Grid
    engine: Mapping[str, JsonValue]
    world_gen_version: int | None
    location_table: JsonValue
    has_waterways: bool
    built_at: dt.datetime | None


def version_of(module: str, *parts: str) -> str:
    """Return the version of generated files, which changes with their inputs and their code.

    Browsers cache a file forever by its URL, which contains the version.

    Args:
        module: the file name of the module in ``site`` whose code generates the files.
        parts: digests and other texts that determine the content of the files.
    """
    code = sources_digest(PACKAGE / "site" / module)
    return hashlib.sha256(" ".join((*parts, code)).encode()).hexdigest()[:16]
