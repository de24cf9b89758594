"""Report of a verification: a JSON file with the complete result, and a picture of each plane that differs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import pydantic_core

from vwe_dagster.conformance.compare import LayerDifference, differing_cells
from vwe_dagster.conformance.picture import difference_picture
from vwe_dagster.conformance.verify import Verification, WorldVerdict
from vwe_dagster.engine.messages import PLANES, EngineError, WorldExport
from vwe_dagster.files.atomic import replace_folder, write_to_disk
from vwe_dagster.pool.last_verification import REPORT
from vwe_dagster.rendering.png import png_bytes

_BIOMES_SHOWN = 4
_TYPES_SHOWN = 8


class Report:
    """Collects worlds while they are compared, then writes the report."""

    def __init__(self) -> None:
        """Start without a world."""
        self._pictures: dict[str, bytes] = {}

    def add_world(self, engine: WorldExport, native: WorldExport) -> None:
        """Draw a picture of each plane that differs between the engine's and the native engine's world."""
        for name, plane in engine.planes.items():
            other = native.planes.get(name)
            if other is None or (plane.dtype, plane.shape) != (other.dtype, other.shape):
                continue
            where = differing_cells(plane, other)
            if where.any():
                picture = difference_picture(native.planes["biome"], where)
                self._pictures[f"{engine.request.seed}-{name}.png"] = png_bytes(picture)

    def write(self, folder: Path, verification: Verification) -> None:
        """Write the report; an earlier one is replaced completely or not at all."""
        self._write(folder, {**verification.as_dict(), "sentences": sentences(verification)})

    def write_failure(self, folder: Path, error: EngineError) -> None:
        """Write that the engine failed, because an earlier report that passed no longer holds."""
        at = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        report = [f"The engine failed to generate the worlds for the verification. {error}"]
        self._write(folder, {"at": at, "passed": False, "sentences": report})

    def _write(self, folder: Path, report: Mapping[str, object]) -> None:
        text = pydantic_core.to_json(report, indent=2, inf_nan_mode="strings") + b"\n"
        with replace_folder(folder) as draft:
            write_to_disk(draft / REPORT, text)
            for name, content in self._pictures.items():
                write_to_disk(draft / name, content)


def sentences(verification: Verification) -> list[str]:
    """Return the result for people, as sentences: the outcome first, then the differences by layer."""
    engine = verification.engine
    name = " ".join(filter(None, (engine.kind, engine.version, engine.game_version and f"({engine.game_version})")))
    worlds = " and ".join(str(world.seed) for world in verification.worlds)
    omitted = (
        [f"It does not offer {', '.join(verification.not_offered)}, so these were not compared."]
        if verification.not_offered
        else []
    )
    if verification.passed:
        passed = (
            f"The worlds {worlds} of the engine {name} equal those of the native engine, bit for bit and repeatably."
        )
        return [passed, *omitted]
    if verification.needed:
        needed = " and no ".join(verification.needed)
        return [f"The engine {name} cannot generate worlds: it has no {needed}. Its status shows what is missing."]
    is_other = any(world.differences for world in verification.worlds)
    differs = f"generates worlds {worlds} that differ from those of the native engine {verification.native}"
    found = [f"The engine {name} {differs if is_other else 'does not generate the same world twice'}."]
    if verification.changed:
        found.append(
            f"The world {verification.worlds[0].seed} differed when it was generated again: "
            f"{', '.join(verification.changed)}. The engine keeps state from one world to the next; do not use it."
        )
    return found + omitted + [sentence for world in verification.worlds for sentence in _of_world(world)]


def _of_world(world: WorldVerdict) -> Iterator[str]:
    for difference in world.differences:
        share = difference.differing / max(1, difference.of)
        unit = "cells" if difference.layer in PLANES else "locations" if difference.types else "lines"
        count = f"{difference.differing:,} of {difference.of:,} {unit} ({share:.2g})"
        yield f"World {world.seed}, {difference.layer}: {count} differ."
        yield from (f"  {detail}" for detail in (*_by_biome(difference), *_by_type(difference)))


def _by_biome(difference: LayerDifference) -> Iterator[str]:
    for each in difference.biomes[:_BIOMES_SHOWN]:
        if each.largest is not None:
            yield f"{each.biome}: {each.cells:,} cells, by {each.largest:.6g} at most, {each.mean:.3g} on average."
        else:
            others = ", ".join(f"{count:,} {biome}" for biome, count in each.instead.items())
            yield f"{each.biome}: {each.cells:,} cells are {others}."
    if len(difference.biomes) > _BIOMES_SHOWN:
        yield f"{len(difference.biomes) - _BIOMES_SHOWN} more biomes are in the report."
    if difference.largest is not None:
        at = difference.largest
        yield f"Largest difference at x {at.x_m:g}, z {at.z_m:g}: {at.engine:.9g} instead of {at.native:.9g}."


def _by_type(difference: LayerDifference) -> Iterator[str]:
    for each in difference.types[:_TYPES_SHOWN]:
        if each.engine == each.native:
            counts = f"{each.differing:,} of {each.native:,} differ"
        else:
            counts = f"{each.differing:,} differ: {each.engine:,} instead of {each.native:,}"
        if each.farthest_m is None or each.mean_m is None:
            yield f"{each.prefab}: {counts}."
        elif each.farthest_m == 0:
            yield f"{each.prefab}: {counts}; their places are equal, but their groups or radii differ."
        else:
            yield f"{each.prefab}: {counts}, {each.farthest_m:.3g} m apart at most, {each.mean_m:.3g} m on average."
    if len(difference.types) > _TYPES_SHOWN:
        yield f"{len(difference.types) - _TYPES_SHOWN} more types are in the report."
