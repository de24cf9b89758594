"""Requests to an engine and its exports, independent of the kind of engine and of the transport."""

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
"""Layers sampled on the grid and their dtype. ``biome`` holds the game's bit flags, ``height`` meters,
``forest`` the forest factor (see :func:`vwe_dagster.worldgen.World.forest`), ``lava`` 0 to 1."""

ESSENTIAL = ("biome", "height")
"""Layers that every world needs."""

LINES = ("rivers", "streams", "lakes")
"""Layers of lines: one mapping per line with ``points``, a list of ``[x_m, z_m, width_m]``; a lake is one point."""

LOCATIONS = "locations"
"""A layer of lines: one mapping per location with ``kind``, ``prefab``, ``group``, ``x_m``, ``y_m``, ``z_m``,
``radius_m`` (of its outer circle), and ``placed``, true if the game has already built it near a player."""

LANDMARKS = "landmarks"
"""A layer like :data:`LOCATIONS`, limited to the types that the game places first, such as bosses' altars and traders.

Only the native engine has it. It takes a tenth of the time of all locations."""


class LocationScope(enum.StrEnum):
    """Selection of the locations in a request."""

    ALL = "all"
    LANDMARKS = "landmarks"
    NONE = "none"


MAX_NAME_LENGTH = 256
"""Maximum length of a location's ``prefab`` or ``group``; the game's longest have some thirty characters."""

Line = Mapping[str, object]
Progress = Callable[[float, str], None]
"""Callback with the fraction done, 0 to 1, and the phase as text."""


def no_progress(fraction: float, phase: str) -> None:
    """Ignore progress: the default :data:`Progress`."""


def confirm_nothing() -> None:
    """Confirm nothing: the ``confirm`` of an export whose engine cannot be claimed by another holder."""


@dataclasses.dataclass(frozen=True)
class WorldRequest:
    """Request for one world.

    Attributes:
        seed: signed 32-bit integer.
        grid: grid of the planes.
        world_gen_version: world-gen version of the game.
        layers: required layers.
        if_offered: layers that are also generated if the engine has them.
        location_table: location table for a native engine; None for the game's own.
    """

    seed: int
    grid: Grid
    world_gen_version: int = 2
    layers: tuple[str, ...] = ("biome", "height", "lava", "rivers", "streams", "lakes")
    if_offered: tuple[str, ...] = ()
    location_table: LocationTable | None = None

    def layers_of(self, offered: Collection[str]) -> tuple[str, ...]:
        """Return the layers to generate on an engine that offers ``offered``."""
        return (*self.layers, *(layer for layer in self.if_offered if layer in offered))


@dataclasses.dataclass(frozen=True)
class EngineIdentity:
    """Identity of an engine: ``kind`` is ``native`` or ``valheim``; only the latter has a ``game_version``."""

    kind: str
    version: str
    game_version: str | None = None


NATIVE = EngineIdentity("native", "1.0")
"""Identity of the native engine. Its version changes with its output. To rebuild existing worlds, also change the code
version of raw_export."""


@dataclasses.dataclass(frozen=True)
class WorldExport:
    """Result of a :class:`WorldRequest`: planes ``[z, x]``, south first, lines, and seconds by phase.

    The caller calls ``confirm`` directly before it publishes the export: it raises :class:`EngineError` if another
    holder claimed the engine before the export was complete.
    """

    request: WorldRequest
    engine: EngineIdentity
    planes: Mapping[str, npt.NDArray[np.generic]]
    lines: Mapping[str, list[Line]]
    timings_s: Mapping[str, float]
    confirm: Callable[[], None] = dataclasses.field(default=confirm_nothing, compare=False, repr=False)


SURVEY_THREADS = 16
"""The most worlds that an engine computes at a time in a survey: each takes some 140 MB, and an engine has 4 GB."""


@dataclasses.dataclass(frozen=True)
class SurveyRequest:
    """Request for the statistics rows of many seeds.

    Attributes:
        seeds: signed 32-bit integers.
        depth: how much of each world is computed.
        world_gen_version: world-gen version of the game.
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
    confirm: Callable[[], None] = dataclasses.field(default=confirm_nothing, compare=False, repr=False)


class Engine(Protocol):
    """Source of worlds: the native engine in this process, or a pool of engines."""

    @property
    def identity(self) -> EngineIdentity:
        """Identity of the engine, known before the first request."""

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        """Generate one world.

        Raises:
            EngineError: the engine rejected the request or failed.
        """


class EngineError(RuntimeError):
    """Raised if an engine rejects a request or fails; the message includes the remedy."""
