"""What is asked of an engine and what it answers, whichever engine it is and wherever it runs."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.world.grid import Grid

if TYPE_CHECKING:
    import pyarrow as pa

    from vwe_dagster.analysis.columns import Depth

PLANES: Mapping[str, str] = {"biome": "uint16", "height": "float32", "forest": "float32", "lava": "float32"}
"""Layers sampled on the grid and their dtype. ``biome`` holds the game's bit flags, ``height`` metres,
``forest`` the forest factor (see :func:`vwe_dagster.worldgen.World.forest`), ``lava`` 0 to 1."""

ESSENTIAL = ("biome", "height")
"""The layers without which there is no world."""

LINES = ("rivers", "streams", "lakes")
"""Layers of lines: one mapping a line with ``points``, a list of ``[x_m, z_m, width_m]``; a lake is one point."""

LOCATIONS = "locations"
"""A layer of lines: one mapping per location with ``kind``, ``prefab``, ``group``, ``x_m``, ``y_m``, ``z_m``,
``radius_m`` (of its outer circle), and ``placed``, true if the game has built it because a player came near."""

LANDMARKS = "landmarks"
"""A layer of the same form that only the native engine has: the locations of the types that the game places first,
among them the altars of bosses and the traders. It takes a tenth of the time of all locations."""


class LocationScope(enum.StrEnum):
    """Which locations of a world are requested."""

    ALL = "all"
    LANDMARKS = "landmarks"
    NONE = "none"


MAX_NAME_LENGTH = 256
"""Characters of the longest ``prefab`` or ``group`` of a location; the game's own have some thirty."""

Line = Mapping[str, object]
Progress = Callable[[float, str], None]
"""Called with the fraction done, 0 to 1, and the phase in words."""


def no_progress(fraction: float, phase: str) -> None:
    """A :data:`Progress` that tells nobody."""


def nothing_to_confirm() -> None:
    """What an export's ``confirm`` does where nobody else can have taken its engine."""


@dataclasses.dataclass(frozen=True)
class WorldRequest:
    """One world to be generated.

    Attributes:
        layers: what must be made of it.
        if_offered: layers that are made of it, too, where the engine has them.
        location_table: the table to place locations by, of a native engine; None for the game's own.
    """

    seed: int
    grid: Grid
    world_gen_version: int = 2
    layers: tuple[str, ...] = ("biome", "height", "lava", "rivers", "streams", "lakes")
    if_offered: tuple[str, ...] = ()
    location_table: LocationTable | None = None

    def layers_of(self, offered: Collection[str]) -> tuple[str, ...]:
        """The layers that are made of it by an engine that has these."""
        return (*self.layers, *(layer for layer in self.if_offered if layer in offered))


@dataclasses.dataclass(frozen=True)
class EngineIdentity:
    """Who made an export: ``kind`` is ``native`` or ``valheim``; ``game_version`` where there is a game."""

    kind: str
    version: str
    game_version: str | None = None


NATIVE = EngineIdentity("native", "1.0")
"""The native engine. Its version changes when its output changes; worlds that are to be made again need a new code
version of raw_export."""


@dataclasses.dataclass(frozen=True)
class WorldExport:
    """What an engine answered: planes ``[z, x]``, south first, lines, and seconds taken by phase.

    Whoever publishes an export calls ``confirm`` last: it raises :class:`EngineError` if the engine was taken from its
    holder before the export was whole.
    """

    request: WorldRequest
    engine: EngineIdentity
    planes: Mapping[str, npt.NDArray[np.generic]]
    lines: Mapping[str, list[Line]]
    timings_s: Mapping[str, float]
    confirm: Callable[[], None] = dataclasses.field(default=nothing_to_confirm, compare=False, repr=False)


SURVEY_THREADS = 16
"""The most worlds that an engine computes at a time in a survey: each takes some 140 MB, and an engine has 4 GB."""


@dataclasses.dataclass(frozen=True)
class SurveyRequest:
    """Seeds whose rows of statistics are to be computed.

    Attributes:
        seeds: signed 32-bit integers.
        depth: how much of each world is computed.
        world_gen_version: the world-gen version.
    """

    seeds: tuple[int, ...]
    depth: Depth
    world_gen_version: int = 2


@dataclasses.dataclass(frozen=True)
class SurveyExport:
    """The rows that an engine computed, see :mod:`vwe_dagster.engine.rows`, in the order of the requested seeds.

    The caller calls ``confirm`` before it stores the rows, as for :class:`WorldExport`.
    """

    request: SurveyRequest
    engine: EngineIdentity
    table: pa.Table
    timings_s: Mapping[str, float]
    confirm: Callable[[], None] = dataclasses.field(default=nothing_to_confirm, compare=False, repr=False)


class Engine(Protocol):
    """Anything that turns a seed into data: the native engine in this process, or a pool of engines."""

    @property
    def identity(self) -> EngineIdentity:
        """Who this engine is, before it is asked for anything."""

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        """Generates one world.

        Raises:
            EngineError: the engine refused the request or failed.
        """


class EngineError(RuntimeError):
    """An engine refused or failed; the message says what to do."""
