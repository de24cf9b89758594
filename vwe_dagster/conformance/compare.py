"""Comparison of two exports of one world, cell by cell and bit by bit; differences are grouped by biome."""

from __future__ import annotations

import dataclasses
import itertools
import operator
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from vwe_dagster.conformance.location_types import TypeDifference, type_differences
from vwe_dagster.engine.messages import LANDMARKS, LOCATIONS, Line, WorldExport
from vwe_dagster.world.biomes import BIOMES
from vwe_dagster.world.grid import Grid

_BIOME_OF_FLAG = {biome.flag: biome.game_name for biome in BIOMES}


@dataclasses.dataclass(frozen=True)
class CellDifference:
    """A differing cell: its center in meters, and its value from each engine."""

    x_m: float
    z_m: float
    engine: float
    native: float


@dataclasses.dataclass(frozen=True)
class BiomeDifference:
    """The differences in one biome; the native engine decides which cells belong to it.

    Attributes:
        biome: the game's name.
        cells: number of differing cells.
        largest: the largest difference, in the unit of the layer; None for the layer ``biome``.
        mean: the mean difference of the differing cells; None for the layer ``biome``.
        instead: for the layer ``biome``: the number of differing cells by the engine's biome.
    """

    biome: str
    cells: int
    largest: float | None
    mean: float | None
    instead: Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class LayerDifference:
    """The differences in one layer.

    Attributes:
        layer: its name.
        differing: number of differing cells of a plane, or of differing lines of a layer of lines.
        of: number of all cells or lines.
        biomes: differences of a plane by biome, the biome with most differing cells first.
        largest: the cell of a plane that differs most.
        types: differences of locations by type, the type with most differing instances first.
    """

    layer: str
    differing: int
    of: int
    biomes: tuple[BiomeDifference, ...] = ()
    largest: CellDifference | None = None
    types: tuple[TypeDifference, ...] = ()


def differences(engine: WorldExport, native: WorldExport) -> list[LayerDifference]:
    """Compare every layer that both exports have; return those that differ in a bit.

    Args:
        engine: the export to verify.
        native: the native engine's export for the same request, layers aside; it has the layer ``biome``.
    """
    found = []
    for name, plane in engine.planes.items():
        if name in native.planes:
            found.append(_plane_difference(name, plane, native))
    for name, lines in engine.lines.items():
        if name in native.lines:
            compare = _location_difference if name in {LOCATIONS, LANDMARKS} else _line_difference
            found.append(compare(name, lines, native.lines[name]))
    return [difference for difference in found if difference.differing]


def differing_cells(plane: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Return a mask of the cells in which two planes of one dtype and shape differ in a bit."""
    bits = np.dtype(f"u{plane.dtype.itemsize}")
    return np.asarray(np.ascontiguousarray(plane).view(bits) != np.ascontiguousarray(other).view(bits))


def _plane_difference(name: str, plane: npt.NDArray[np.generic], native: WorldExport) -> LayerDifference:
    other, grid = native.planes[name], native.request.grid
    if (plane.dtype, plane.shape) != (other.dtype, other.shape):
        return LayerDifference(name, plane.size, plane.size)
    where = differing_cells(plane, other)
    cells = int(np.count_nonzero(where))
    if not cells:
        return LayerDifference(name, 0, plane.size)
    flags = native.planes["biome"]
    by_biome = [
        _biome_difference(name, _BIOME_OF_FLAG.get(int(flag), f"flag {flag}"), plane[there], other[there])
        for flag in np.unique(flags[where])
        for there in [where & (flags == flag)]
    ]
    by_biome.sort(key=lambda each: -each.cells)
    return LayerDifference(name, cells, plane.size, tuple(by_biome), _largest(plane, other, where, grid))


def _biome_difference(
    layer: str, biome: str, here: npt.NDArray[np.generic], other: npt.NDArray[np.generic]
) -> BiomeDifference:
    if layer == "biome":
        flags, counts = np.unique(here, return_counts=True)
        instead = {_BIOME_OF_FLAG.get(int(flag), f"flag {flag}"): int(n) for flag, n in zip(flags, counts, strict=True)}
        return BiomeDifference(biome, len(here), None, None, instead)
    apart = _apart(here, other)
    return BiomeDifference(biome, len(here), float(apart.max()), float(apart.mean()), {})


def _largest(
    plane: npt.NDArray[np.generic], other: npt.NDArray[np.generic], where: npt.NDArray[np.bool_], grid: Grid
) -> CellDifference:
    rows, columns = np.nonzero(where)
    most = int(np.argmax(_apart(plane[where], other[where])))
    row, column = rows[most], columns[most]
    meters = grid.coordinates()
    return CellDifference(
        float(meters[column]), float(meters[row]), float(plane[row, column]), float(other[row, column])
    )


def _apart(here: npt.NDArray[np.generic], other: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    """Return the absolute differences; differences from NaN are infinite."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(here.astype(np.float64) - other.astype(np.float64))
    return np.where(np.isnan(apart), np.inf, apart)


def _location_difference(name: str, lines: Sequence[Line], other: Sequence[Line]) -> LayerDifference:
    types = type_differences(lines, other)
    differing = sum(each.differing for each in types)
    return LayerDifference(name, differing, max(len(lines), len(other)), types=types)


def _line_difference(name: str, lines: Sequence[Line], other: Sequence[Line]) -> LayerDifference:
    """Compare lines by position, in the game's order; if the counts differ, align at both ends."""
    most = max(len(lines), len(other))
    if len(lines) == len(other):
        return LayerDifference(name, sum(map(operator.ne, lines, other)), most)
    before = _alike(lines, other)
    after = _alike(lines[before:][::-1], other[before:][::-1])
    return LayerDifference(name, most - before - after, most)


def _alike(lines: Sequence[Line], other: Sequence[Line]) -> int:
    """Return the number of equal lines before the first difference."""
    return sum(1 for _ in itertools.takewhile(bool, map(operator.eq, lines, other)))
