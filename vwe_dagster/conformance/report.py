"""What is kept of trying an engine: a report with all there is to know, and a picture for each plane that differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import pydantic_core

from vwe_dagster.conformance.compare import LayerDifference, differing_cells
from vwe_dagster.conformance.picture import difference_picture
from vwe_dagster.conformance.verify import Verification, WorldVerdict
from vwe_dagster.engine.messages import PLANES, EngineError, WorldExport
from vwe_dagster.files.atomic import replace_whole, write_to_disk
from vwe_dagster.pool.verified import REPORT
from vwe_dagster.rendering.png import png_bytes

_BIOMES_TOLD = 4
_TYPES_SHOWN = 8


class Report:
    """A report in the making: it takes in the worlds as they are compared, and is written when all are."""

    def __init__(self) -> None:
        """Knows of no world yet."""
        self._pictures: dict[str, bytes] = {}

    def see(self, engine: WorldExport, native: WorldExport) -> None:
        """Draws the planes of a world that differ."""
        for name, plane in engine.planes.items():
            other = native.planes.get(name)
            if other is None or (plane.dtype, plane.shape) != (other.dtype, other.shape):
                continue
            where = differing_cells(plane, other)
            if where.any():
                picture = difference_picture(native.planes["biome"], where)
                self._pictures[f"{engine.request.seed}-{name}.png"] = png_bytes(picture)

    def write(self, folder: Path, verification: Verification) -> None:
        """Writes the report in place of an earlier one; it appears whole or not at all."""
        self._write(folder, {**verification.as_dict(), "sentences": sentences(verification)})

    def write_failure(self, folder: Path, error: EngineError) -> None:
        """Writes that the engine did not make the worlds, likewise: an earlier trial that passed is no longer true."""
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        told = [f"The engine did not make the worlds it was tried with. {error}"]
        self._write(folder, {"at": at, "passed": False, "sentences": told})

    def _write(self, folder: Path, told: Mapping[str, object]) -> None:
        text = pydantic_core.to_json(told, indent=2, inf_nan_mode="strings") + b"\n"
        with replace_whole(folder) as draft:
            write_to_disk(draft / REPORT, text)
            for name, content in self._pictures.items():
                write_to_disk(draft / name, content)


def sentences(verification: Verification) -> list[str]:
    """What came of it, for people: the outcome first, then what differs where and by how much."""
    engine = verification.engine
    who = " ".join(filter(None, (engine.kind, engine.version, engine.game_version and f"({engine.game_version})")))
    worlds = " and ".join(str(world.seed) for world in verification.worlds)
    has_not = (
        [f"It has no {', '.join(verification.not_offered)}, of which nothing was compared."]
        if verification.not_offered
        else []
    )
    if verification.passed:
        passed = f"The engine {who} makes the worlds {worlds} as the native engine does, to the bit, and repeatably."
        return [passed, *has_not]
    if verification.needed:
        needed = " and no ".join(verification.needed)
        return [f"The engine {who} makes no worlds: it has no {needed}. Look at what its status says is missing."]
    as_native = f"make the worlds {worlds} as the native engine {verification.native} does"
    is_other = any(world.differences for world in verification.worlds)
    found = [f"The engine {who} does not {as_native if is_other else 'repeat itself'}."]
    if verification.changed:
        found.append(
            f"The world {verification.worlds[0].seed} came out otherwise when it was made again: "
            f"{', '.join(verification.changed)}. The engine does not start afresh for every world; do not use it."
        )
    return found + has_not + [sentence for world in verification.worlds for sentence in _of_world(world)]


def _of_world(world: WorldVerdict) -> Iterator[str]:
    for difference in world.differences:
        share = difference.differing / max(1, difference.of)
        unit = "cells" if difference.layer in PLANES else "locations" if difference.types else "lines"
        count = f"{difference.differing:,} of {difference.of:,} {unit} ({share:.2g})"
        yield f"World {world.seed}, {difference.layer}: {count} differ."
        yield from (f"  {detail}" for detail in (*_by_biome(difference), *_by_type(difference)))


def _by_biome(difference: LayerDifference) -> Iterator[str]:
    for each in difference.biomes[:_BIOMES_TOLD]:
        if each.largest is not None:
            yield f"{each.biome}: {each.cells:,} cells, by {each.largest:.6g} at most, {each.mean:.3g} in the mean."
        else:
            others = ", ".join(f"{count:,} {biome}" for biome, count in each.instead.items())
            yield f"{each.biome}: {each.cells:,} cells are {others}."
    if len(difference.biomes) > _BIOMES_TOLD:
        yield f"{len(difference.biomes) - _BIOMES_TOLD} more biomes are in the report."
    if difference.largest is not None:
        at = difference.largest
        yield f"Most at x {at.x_m:g}, z {at.z_m:g}: {at.engine:.9g} in place of {at.native:.9g}."


def _by_type(difference: LayerDifference) -> Iterator[str]:
    for each in difference.types[:_TYPES_SHOWN]:
        if each.engine == each.native:
            counts = f"{each.differing:,} of {each.native:,} differ"
        else:
            counts = f"{each.differing:,} differ: {each.engine:,} instead of {each.native:,}"
        if each.farthest_m is None or each.mean_m is None:
            yield f"{each.prefab}: {counts}."
        elif each.farthest_m == 0:
            yield f"{each.prefab}: {counts}, at the same places, in group or radius."
        else:
            yield f"{each.prefab}: {counts}, {each.farthest_m:.3g} m apart at most, {each.mean_m:.3g} m on average."
    if len(difference.types) > _TYPES_SHOWN:
        yield f"{len(difference.types) - _TYPES_SHOWN} more types are in the report."
