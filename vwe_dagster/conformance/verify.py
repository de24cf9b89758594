"""Trying an engine: a world, another, and the first again; what the native engine has too is compared bit for bit."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pydantic_core

from vwe_dagster.conformance.compare import LayerDifference, differences, differing_cells
from vwe_dagster.engine.messages import (
    ESSENTIAL,
    LANDMARKS,
    LOCATIONS,
    EngineIdentity,
    Progress,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.protocol import Capabilities
from vwe_dagster.locations.world_locations import SUPPORTED_VERSION
from vwe_dagster.world.grid import Grid

Generate = Callable[[WorldRequest, Progress], WorldExport]
"""Has one engine generate a world."""

Seen = Callable[[WorldExport, WorldExport], None]
"""Shown each world as the engine and as the native engine made it."""

SEEDS = (298112588, -1772362158)
"""The worlds an engine is tried with unless others are named; the digest of the second is known of the game itself."""

_NATIVE_LAYERS = tuple(layer.name for layer in NativeEngine.capabilities.layers)


@dataclasses.dataclass(frozen=True)
class WorldVerdict:
    """How a world of the engine compares with that of the native engine.

    Attributes:
        seed: the integer of the seed.
        digests: SHA-256 of each layer as the engine made it.
        differences: what differs from the native engine; empty if nothing does.
        not_compared: layers that only this engine has.
    """

    seed: int
    digests: Mapping[str, str]
    differences: tuple[LayerDifference, ...]
    not_compared: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Verification:
    """What came of trying an engine.

    Attributes:
        at: when, UTC, in ISO 8601.
        engine: who it is.
        native: the version of the native engine that it was compared with.
        size: cells along each side of the grid.
        world_gen_version: which the worlds are of.
        worlds: a verdict for each seed, in the order in which they were made.
        changed: layers of the first world that were not the same when it was made again.
        not_offered: layers that only the native engine has; landmarks are some of its locations and do not count.
    """

    at: str
    engine: EngineIdentity
    native: str
    size: int
    world_gen_version: int
    worlds: tuple[WorldVerdict, ...]
    changed: tuple[str, ...]
    not_offered: tuple[str, ...]

    @property
    def needed(self) -> tuple[str, ...]:
        """Layers that the engine does not offer and without which there is no world."""
        return tuple(layer for layer in ESSENTIAL if layer in self.not_offered)

    @property
    def passed(self) -> bool:
        """Whether every layer that both have is the same to the bit, and the first world came out the same twice.

        Biomes and heights have to be among them.
        """
        return not (self.needed or self.changed or any(world.differences for world in self.worlds))

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {**dataclasses.asdict(self), "passed": self.passed}


def requests_of(
    seeds: Sequence[int], grid: Grid, world_gen_version: int, capabilities: Capabilities
) -> tuple[WorldRequest, ...]:
    """Requests for worlds with every layer that an engine has."""
    layers = tuple(layer.name for layer in capabilities.layers)
    return tuple(WorldRequest(seed, grid, world_gen_version, layers) for seed in seeds)


def verify(
    generate: Generate,
    requests: Sequence[WorldRequest],
    *,
    progress: Progress = no_progress,
    seen: Seen = lambda engine, native: None,  # noqa: ARG005
) -> Verification:
    """Tries an engine.

    Args:
        generate: has the engine generate a world; the same engine each time.
        requests: worlds of at least two seeds, on one grid; the first is made again after the last.
        progress: told how far it is.
        seen: shown each world and the native engine's.

    Raises:
        EngineError: the engine refused or failed.
        ValueError: there are not two seeds.
    """
    if len({request.seed for request in requests}) < 2:
        raise ValueError("An engine is tried with worlds of at least two seeds: it has to come back from another.")
    steps = 2 * len(requests) + 1
    native = NativeEngine()
    worlds: list[WorldVerdict] = []

    def compared(number: int) -> WorldExport:
        request = requests[number]
        export = generate(request, _part(progress, 2 * number, steps, f"world {request.seed}"))
        own = native.generate(
            dataclasses.replace(request, layers=native_layers(request)),
            _part(progress, 2 * number + 1, steps, f"the native engine's world {request.seed}"),
        )
        seen(export, own)
        only_here = tuple(layer for layer in request.layers if layer not in own.request.layers)
        worlds.append(WorldVerdict(request.seed, _digests(export), tuple(differences(export, own)), only_here))
        return export

    first = compared(0)
    for number in range(1, len(requests)):
        compared(number)
    again = generate(requests[0], _part(progress, steps - 1, steps, f"world {requests[0].seed} again"))
    return Verification(
        at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        engine=first.engine,
        native=native.identity.version,
        size=requests[0].grid.size,
        world_gen_version=requests[0].world_gen_version,
        worlds=tuple(worlds),
        changed=tuple(_changed(first, again)),
        not_offered=tuple(layer for layer in _NATIVE_LAYERS if layer not in requests[0].layers and layer != LANDMARKS),
    )


def native_layers(request: WorldRequest) -> tuple[str, ...]:
    """Return the layers of a request that the native engine has, and its biomes, by which differences are reported.

    The native engine places locations for one world-gen version only.
    """
    lacks = set() if request.world_gen_version == SUPPORTED_VERSION else {LOCATIONS, LANDMARKS}
    common = [layer for layer in request.layers if layer in _NATIVE_LAYERS and layer not in lacks]
    return tuple(dict.fromkeys(["biome", *common]))


def _part(progress: Progress, number: int, of: int, what: str) -> Progress:
    return lambda fraction, phase: progress((number + fraction) / of, f"{what}: {phase}")


def _changed(first: WorldExport, again: WorldExport) -> list[str]:
    planes = [name for name, plane in first.planes.items() if _differs(plane, again.planes[name])]
    return planes + [name for name, lines in first.lines.items() if lines != again.lines[name]]


def _differs(plane: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> bool:
    return plane.dtype != other.dtype or plane.shape != other.shape or bool(differing_cells(plane, other).any())


def _digests(export: WorldExport) -> dict[str, str]:
    planes = {name: np.ascontiguousarray(plane).tobytes() for name, plane in export.planes.items()}
    lines = {name: pydantic_core.to_json(each) for name, each in export.lines.items()}
    return {name: hashlib.sha256(content).hexdigest() for name, content in {**planes, **lines}.items()}
