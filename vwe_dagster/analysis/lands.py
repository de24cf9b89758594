"""Lands, areas of connected walkable ground, and their patches of biomes, found as runs along rows."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.disc import Disc, bearing_deg
from vwe_dagster.analysis.islands import ISLAND_AREA_KM2
from vwe_dagster.analysis.patches import join
from vwe_dagster.kernels.compiling import flat, kernel
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import SEA_LEVEL_M

WADING_DEPTH_M = 1.0
"""Depth up to which water can be walked through; players swim or sail in deeper water."""

PATCH_AREA_KM2 = 0.1
"""Smallest patch of a biome that counts: ten hectares, a square of 316 m."""

_BIOME, _DRY, _WALKED = np.uint8(15), np.uint8(16), np.uint8(32)
_SEA_M, _DEEP_M = np.float32(SEA_LEVEL_M), np.float32(SEA_LEVEL_M - WADING_DEPTH_M)
BIOME_COUNT = len(Biome)


class Lands(NamedTuple):
    """The runs of cells that can be walked, and the connected areas they are part of, on three levels.

    Cells are connected by their sides. Runs are in the order south to north, then west to east. Numbers of areas count
    from 1 in the order of their first runs.

    Attributes:
        row: row of each run, int32 ``[run]``.
        start: its first column, int32 ``[run]``.
        stop: the column after its last one, int32 ``[run]``.
        biome: its biome, uint8 ``[run]``.
        dry: whether it is land, not water up to wading depth, bool ``[run]``.
        first: the first run of each row, int64 ``[row + 1]``.
        patch: number of the patch of each run, int32 ``[run]``: connected cells of one biome.
        landmass: number of the landmass, int32 ``[run]``: connected cells that are not water; 0 for water.
        land: number of the land, int32 ``[run]``: connected cells.
    """

    row: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    biome: npt.NDArray[np.uint8]
    dry: npt.NDArray[np.bool_]
    first: npt.NDArray[np.int64]
    patch: npt.NDArray[np.int32]
    landmass: npt.NDArray[np.int32]
    land: npt.NDArray[np.int32]


class Areas(NamedTuple):
    """The measures of the lands over all walkable cells, including water up to wading depth.

    Attributes:
        landmass_cells: number of cells of each landmass, int64 ``[landmass + 1]``; 0 at 0.
        dry_cells: number of cells within each radius that are not water, int64 ``[radius]``.
        biome_cells: number of cells of each biome within each radius, int64 ``[radius, biome]``.
        largest: number of cells of the largest patch of each biome, int64 ``[biome]``.
        first: the patch of each biome whose mean position is nearest to the center, of the patches that are large
            enough, int64 ``[biome]``; 0 without such a patch.
        patch_cells: number of cells of each patch, int64 ``[patch + 1]``; 0 at 0.
        patch_x_m, patch_z_m: mean position of the cells of each patch, float64 ``[patch + 1]``.
        start_land: number of the start land; 0 without.
        start_cells: number of its cells.
        start_biome_cells: number of its cells of each biome, int64 ``[biome]``.
        start_highest_m: height of its highest cell; -infinity without.
        highest_m: height of the highest cell of all lands; -infinity without.
        biomes_of_land: a bit for each biome that has a large enough patch on the land, int32 ``[land + 1]``; 0 at 0.
    """

    landmass_cells: npt.NDArray[np.int64]
    dry_cells: npt.NDArray[np.int64]
    biome_cells: npt.NDArray[np.int64]
    largest: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    patch_cells: npt.NDArray[np.int64]
    patch_x_m: npt.NDArray[np.float64]
    patch_z_m: npt.NDArray[np.float64]
    start_land: int
    start_cells: int
    start_biome_cells: npt.NDArray[np.int64]
    start_highest_m: float
    highest_m: float
    biomes_of_land: npt.NDArray[np.int32]


class FirstPatch(NamedTuple):
    """The patch of a biome, among those that are large enough, whose mean position is nearest to the center.

    Attributes:
        distance_m: distance of its middle from the center.
        bearing_deg: compass bearing of its middle from the center.
        area_km2: its area.
    """

    distance_m: float
    bearing_deg: float
    area_km2: float


@dataclasses.dataclass(frozen=True)
class MeasuredLands:
    """The lands of a disc with their measures.

    Attributes:
        disc: the measured part of the world.
        lands: its lands.
        areas: their measures.
    """

    disc: Disc
    lands: Lands
    areas: Areas

    @classmethod
    def of_disc(cls, disc: Disc, radii_m: tuple[float, ...], spawn: tuple[float, float]) -> Self:
        """Find and measure the lands of a disc, see :func:`measure_lands`."""
        lands = find_lands(disc)
        return cls(disc, lands, measure_lands(disc, lands, radii_m, spawn))

    def are_on_start_land(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Return which points, x and z in meters ``[n, 2]``, are on the start land."""
        land = land_at(self.disc, self.lands, points[:, 0], points[:, 1])
        found: npt.NDArray[np.bool_] = (land > 0) & (land == self.areas.start_land)
        return found

    def first_patch(self, biome: Biome) -> FirstPatch | None:
        """Return the first patch of a biome; None if no patch is large enough."""
        patch, areas = int(self.areas.first[biome]), self.areas
        if not patch:
            return None
        x_m, z_m = areas.patch_x_m[patch : patch + 1], areas.patch_z_m[patch : patch + 1]
        area_km2 = int(areas.patch_cells[patch]) * self.disc.cell_area_km2
        return FirstPatch(float(np.hypot(x_m, z_m)[0]), float(bearing_deg(x_m, z_m)[0]), area_km2)


def find_lands(disc: Disc) -> Lands:
    """Find the lands of a disc."""
    return _find_lands(disc.biome, disc.height, disc.inside)


def measure_lands(disc: Disc, lands: Lands, radii_m: tuple[float, ...], spawn: tuple[float, float]) -> Areas:
    """Measure the lands of a disc.

    Args:
        disc: the measured part of the world.
        lands: its lands.
        radii_m: distances from the center within which the land of each biome is counted.
        spawn: x and z of the place where players first appear. The start land is the nearest land to it that is large
            enough for an island.
    """
    least = int(np.ceil(PATCH_AREA_KM2 / disc.cell_area_km2))
    island = int(ISLAND_AREA_KM2 // disc.cell_area_km2) + 1
    return _measure_lands(lands, disc.height, disc.coordinates_m, np.array(radii_m), spawn, (least, island))


def land_at(
    disc: Disc, lands: Lands, x_m: npt.NDArray[np.float64], z_m: npt.NDArray[np.float64]
) -> npt.NDArray[np.int32]:
    """Return the number of the land in the cell of each point; 0 if the cell cannot be walked."""
    first_m = disc.coordinates_m[:1] if disc.coordinates_m.size else np.zeros(1)
    rows, columns = (np.rint((values - first_m) / disc.cell_m).astype(np.int64) for values in (z_m, x_m))
    return _land_at(lands, rows, columns)


@kernel
def _find_lands(biome: npt.NDArray[np.uint8], height: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]) -> Lands:
    row, start, stop, kind, first = _find_runs(biome, height, inside)
    count = row.size
    patch = np.arange(count).astype(np.int32)
    landmass, land = patch.copy(), patch.copy()
    for z in range(first.size - 1):
        south, end = (first[z - 1], first[z]) if z > 0 else (0, 0)
        for run in range(first[z], first[z + 1]):
            if run > first[z] and stop[run - 1] == start[run]:
                join(land, run, run - 1)
                if kind[run] & kind[run - 1] & _DRY:
                    join(landmass, run, run - 1)
                if kind[run] & _BIOME == kind[run - 1] & _BIOME:
                    join(patch, run, run - 1)
            while south < end and stop[south] <= start[run]:
                south += 1
            other = south
            while other < end and start[other] < stop[run]:
                join(land, run, other)
                if kind[run] & kind[other] & _DRY:
                    join(landmass, run, other)
                if kind[run] & _BIOME == kind[other] & _BIOME:
                    join(patch, run, other)
                other += 1
    dry, every = (kind & _DRY) != 0, np.ones(count, np.bool_)
    return Lands(
        row,
        start,
        stop,
        kind & _BIOME,
        dry,
        first,
        _numbered(patch, every),
        _numbered(landmass, dry),
        _numbered(land, every),
    )


@kernel
def _find_runs(
    biome: npt.NDArray[np.uint8], height: npt.NDArray[np.float32], inside: npt.NDArray[np.bool_]
) -> tuple[
    npt.NDArray[np.int32],
    npt.NDArray[np.int32],
    npt.NDArray[np.int32],
    npt.NDArray[np.uint8],
    npt.NDArray[np.int64],
]:
    """Return row, first column, end and kind of each run of equal cells that can be walked, and the first by row."""
    rows, columns = height.shape
    # The system does not allocate memory that is never written.
    row, start, stop = np.empty(height.size, np.int32), np.empty(height.size, np.int32), np.empty(height.size, np.int32)
    kind, first = np.empty(height.size, np.uint8), np.zeros(rows + 1, np.int64)
    kinds, found = np.zeros(columns + 1, np.uint8), 0
    for z in range(rows):
        first[z] = found
        for x in flat(0, columns):
            height_m = height[z, x]
            dry = _DRY if height_m >= _SEA_M else np.uint8(0)
            walked = inside[z, x] & (height_m >= _DEEP_M)
            kinds[x] = (_WALKED | dry | biome[z, x]) if walked else np.uint8(0)
        begin = 0
        for x in range(1, columns + 1):
            if x < columns and kinds[x] == kinds[begin]:
                continue
            if begin < columns and kinds[begin] != 0:
                row[found], start[found], stop[found], kind[found] = z, begin, x, kinds[begin]
                found += 1
            begin = x
    first[rows] = found
    return row[:found].copy(), start[:found].copy(), stop[:found].copy(), kind[:found].copy(), first


@kernel
def _numbered(parent: npt.NDArray[np.int32], counted: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Return the number of the area of each run, from the run that each run points to; 0 for runs not counted."""
    number, count = np.zeros(parent.size, np.int32), 0
    for run in range(parent.size):
        if not counted[run]:
            continue
        if parent[run] == run:
            count += 1
            number[run] = count
        else:
            # A run points to an earlier one.
            number[run] = number[parent[run]]
    return number


@kernel
def _nearest_of_run(lands: Lands, run: int, column: int) -> int:
    """Return the column of a run that is nearest to a column."""
    return min(max(column, int(lands.start[run])), int(lands.stop[run]) - 1)


@kernel
def _nearest_column(coordinates_m: npt.NDArray[np.float64], at_m: float) -> int:
    """Return the first of the columns nearest to a coordinate."""
    nearest = 0
    for x in range(1, coordinates_m.size):
        if abs(coordinates_m[x] - at_m) < abs(coordinates_m[nearest] - at_m):
            nearest = x
    return nearest


@kernel
def _measure_lands(
    lands: Lands,
    height: npt.NDArray[np.float32],
    coordinates_m: npt.NDArray[np.float64],
    radii_m: npt.NDArray[np.float64],
    spawn: tuple[float, float],
    smallest: tuple[int, int],
) -> Areas:
    least, island = smallest
    patch_cells, patch_biome, land_of_patch, x_m, z_m = _measure_patches(lands, coordinates_m)
    first, largest = _first_patches(patch_cells, patch_biome, x_m, z_m, least)
    biomes_of_land = np.zeros(_count_of(lands.land) + 1, np.int32)
    for patch in range(1, patch_cells.size):
        if patch_cells[patch] >= least:
            biomes_of_land[land_of_patch[patch]] |= np.int32(1) << patch_biome[patch]
    dry_cells, biome_cells = _cells_within(lands, coordinates_m, radii_m)
    start_land = _nearest_land(lands, coordinates_m, spawn, island)
    start_cells, start_biome_cells = 0, np.zeros(BIOME_COUNT, np.int64)
    start_highest_m = highest_m = np.float32(-np.inf)
    for run in range(lands.row.size):
        highest_of_run = np.float32(-np.inf)
        for x in range(lands.start[run], lands.stop[run]):
            # Not max(), which takes twice as long: it has rules for NaN.
            height_m = height[lands.row[run], x]
            highest_of_run = height_m if height_m > highest_of_run else highest_of_run  # noqa: FURB136
        highest_m = max(highest_m, highest_of_run)
        if lands.land[run] == start_land:
            start_highest_m = max(start_highest_m, highest_of_run)
            start_cells += lands.stop[run] - lands.start[run]
            start_biome_cells[lands.biome[run]] += lands.stop[run] - lands.start[run]
    return Areas(
        _landmass_cells(lands),
        dry_cells,
        biome_cells,
        largest,
        first,
        patch_cells,
        x_m,
        z_m,
        start_land,
        start_cells,
        start_biome_cells,
        float(start_highest_m),
        float(highest_m),
        biomes_of_land,
    )


@kernel
def _count_of(numbers: npt.NDArray[np.int32]) -> int:
    """Return the number of areas, from their numbers by run."""
    count = 0
    for number in numbers:
        count = max(count, number)
    return count


@kernel
def _landmass_cells(lands: Lands) -> npt.NDArray[np.int64]:
    """Return the number of cells of each landmass; 0 at 0."""
    cells = np.zeros(_count_of(lands.landmass) + 1, np.int64)
    for run in range(lands.row.size):
        if lands.dry[run]:
            cells[lands.landmass[run]] += lands.stop[run] - lands.start[run]
    return cells


@kernel
def _measure_patches(
    lands: Lands, coordinates_m: npt.NDArray[np.float64]
) -> tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.uint8],
    npt.NDArray[np.int32],
    npt.NDArray[np.float64],
    npt.NDArray[np.float64],
]:
    """Return the cells, the biome, the land and the mean x and z of each patch."""
    count = _count_of(lands.patch) + 1
    patch_cells, patch_biome, land_of_patch = (
        np.zeros(count, np.int64),
        np.zeros(count, np.uint8),
        np.zeros(count, np.int32),
    )
    x_m, z_m = np.zeros(count), np.zeros(count)
    for run in range(lands.row.size):
        patch, start, stop = lands.patch[run], lands.start[run], lands.stop[run]
        patch_cells[patch] += stop - start
        patch_biome[patch], land_of_patch[patch] = lands.biome[run], lands.land[run]
        # The columns are evenly spaced.
        x_m[patch] += (coordinates_m[start] + coordinates_m[stop - 1]) / 2 * (stop - start)
        z_m[patch] += coordinates_m[lands.row[run]] * (stop - start)
    for patch in range(1, count):
        x_m[patch] /= patch_cells[patch]
        z_m[patch] /= patch_cells[patch]
    return patch_cells, patch_biome, land_of_patch, x_m, z_m


@kernel
def _first_patches(
    patch_cells: npt.NDArray[np.int64],
    patch_biome: npt.NDArray[np.uint8],
    x_m: npt.NDArray[np.float64],
    z_m: npt.NDArray[np.float64],
    least: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return ``first`` and ``largest`` of :class:`Areas`."""
    first, largest = np.zeros(BIOME_COUNT, np.int64), np.zeros(BIOME_COUNT, np.int64)
    nearest_m2 = np.full(BIOME_COUNT, np.inf)
    for patch in range(1, patch_cells.size):
        biome, distance_m2 = patch_biome[patch], x_m[patch] ** 2 + z_m[patch] ** 2
        largest[biome] = max(largest[biome], patch_cells[patch])
        if patch_cells[patch] >= least and distance_m2 < nearest_m2[biome]:
            nearest_m2[biome], first[biome] = distance_m2, patch
    return first, largest


@kernel
def _nearest_land(lands: Lands, coordinates_m: npt.NDArray[np.float64], spawn: tuple[float, float], least: int) -> int:
    """Return the number of the land of ``least`` cells or more with the cell nearest to a point; 0 without.

    Of equally near cells it is the first one.
    """
    nearest_m2, nearest = np.inf, np.int64(0)
    cells = np.zeros(_count_of(lands.land) + 1, np.int64)
    for run in range(lands.row.size):
        cells[lands.land[run]] += lands.stop[run] - lands.start[run]
    column = _nearest_column(coordinates_m, spawn[0])
    for run in range(lands.row.size):
        x = _nearest_of_run(lands, run, column)
        distance_m2 = (coordinates_m[x] - spawn[0]) ** 2 + (coordinates_m[lands.row[run]] - spawn[1]) ** 2
        if distance_m2 < nearest_m2 and cells[lands.land[run]] >= least:
            nearest_m2, nearest = distance_m2, np.int64(lands.land[run])
    return int(nearest)


@kernel
def _cells_within(
    lands: Lands, coordinates_m: npt.NDArray[np.float64], radii_m: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return ``dry_cells`` and ``biome_cells`` of :class:`Areas`."""
    dry_cells, biome_cells = np.zeros(radii_m.size, np.int64), np.zeros((radii_m.size, BIOME_COUNT), np.int64)
    square_m2, middle = coordinates_m**2, _nearest_column(coordinates_m, 0.0)
    for i in range(radii_m.size):
        left = right = middle
        for z in range(coordinates_m.size):
            # The columns within the radius are those from ``left`` to before ``right``.
            rest_m2 = radii_m[i] ** 2 - square_m2[z]
            if square_m2[middle] > rest_m2:
                left = right = middle
                continue
            while left > 0 and square_m2[left - 1] <= rest_m2:
                left -= 1
            while square_m2[left] > rest_m2:
                left += 1
            while right < coordinates_m.size and square_m2[right] <= rest_m2:
                right += 1
            while square_m2[right - 1] > rest_m2:
                right -= 1
            for run in range(lands.first[z], lands.first[z + 1]):
                within = max(min(right, lands.stop[run]) - max(left, lands.start[run]), 0)
                biome_cells[i, lands.biome[run]] += within
                dry_cells[i] += within if lands.dry[run] else 0
    return dry_cells, biome_cells


@kernel
def _land_at(lands: Lands, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    land = np.zeros(rows.size, np.int32)
    for i in range(rows.size):
        if not 0 <= rows[i] < lands.first.size - 1:
            continue
        for run in range(lands.first[rows[i]], lands.first[rows[i] + 1]):
            if lands.start[run] <= columns[i] < lands.stop[run]:
                land[i] = lands.land[run]
    return land
