"""The shortest way over water from the start land to lands with a biome."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.lands import BIOME_COUNT, Lands, MeasuredLands
from vwe_dagster.kernels.compiling import flat, kernel

SAILING_GRID_M = 48.0
"""Side of the blocks of cells that a ship sails through."""

_START = np.int32(1)
"""Bit that marks blocks on the start land; no biome of a land uses it, because it is that of ``Biome.NONE``."""

_STEP, _DIAGONAL = 12, 17
"""Costs of a step to a side and to a corner, in twelfths of a side: 17 instead of 16.97."""

_RING = _DIAGONAL + 1


class _Blocks(NamedTuple):
    """The sea and the lands by blocks, ``[z, x]``.

    Attributes:
        water: whether a ship sails through.
        bits: a bit for each biome of the lands in the block, and :data:`_START`.
    """

    water: npt.NDArray[np.bool_]
    bits: npt.NDArray[np.int32]


class _Queue(NamedTuple):
    """Blocks to visit, in a ring of linked lists: one list for each cost that is open at a time.

    Attributes:
        top: the entry last pushed to each list, -1 without, int32 ``[cost % _RING]``.
        after: the next entry of each entry's list, int32.
        block: the block of each entry, int32.
        pushed: number of entries so far, ``[1]``.
    """

    top: npt.NDArray[np.int32]
    after: npt.NDArray[np.int32]
    block: npt.NDArray[np.int32]
    pushed: npt.NDArray[np.int64]


def sailing_m(measured: MeasuredLands) -> npt.NDArray[np.float64]:
    """Return the sailing distance from the start land to a land with a large enough patch of each biome.

    The cells are taken together in square blocks of :data:`SAILING_GRID_M`, or of one cell where the grid is coarser. A
    ship sails through a block if at least half of its cells are water that cannot be walked. The way leads from any
    block with a cell of the start land over such blocks, by sides and corners, to a block with a cell of the land. A
    step to a side is as long as a block, one to a corner 17/12 of that.

    Returns:
        Meters by biome, ``[biome]``; 0 where the start land has such a patch itself, NaN where no way leads to one.
    """
    disc, lands, areas = measured.disc, measured.lands, measured.areas
    factor = max(1, round(SAILING_GRID_M / disc.cell_m))
    blocks = _find_blocks(lands, disc.inside, areas.biomes_of_land, areas.start_land, factor)
    wanted = sum(1 << int(biome) for biome in np.flatnonzero(areas.first))
    costs = _sail(blocks, wanted)
    return np.where(costs < 0, np.nan, costs * (factor * disc.cell_m / _STEP))


@kernel
def _find_blocks(
    lands: Lands,
    inside: npt.NDArray[np.bool_],
    biomes_of_land: npt.NDArray[np.int32],
    start_land: int,
    factor: int,
) -> _Blocks:
    """Return the blocks of ``factor`` x ``factor`` cells."""
    rows, columns = inside.shape
    shape = -(-rows // factor), -(-columns // factor)
    deep, bits = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for z in range(rows):
        counts = deep[z // factor]
        for block in range(shape[1]):
            count = 0
            for x in flat(block * factor, min((block + 1) * factor, columns)):
                count += inside[z, x]
            counts[block] += count
    for run in range(lands.row.size):
        z, first, last = lands.row[run] // factor, lands.start[run] // factor, (lands.stop[run] - 1) // factor
        found = biomes_of_land[lands.land[run]] | (_START if lands.land[run] == start_land else np.int32(0))
        for block in range(first, last + 1):
            begin, end = block * factor, (block + 1) * factor
            deep[z, block] -= min(int(lands.stop[run]), end) - max(int(lands.start[run]), begin)
            bits[z, block] |= found
    return _Blocks(deep * 2 >= factor * factor, bits)


@kernel
def _push(queue: _Queue, cost: int, block: int) -> None:
    entry, at = queue.pushed[0], cost % _RING
    queue.block[entry], queue.after[entry], queue.top[at] = block, queue.top[at], entry
    queue.pushed[0] += 1


@kernel
def _sail(blocks: _Blocks, wanted: int) -> npt.NDArray[np.int64]:
    """Return the cost of the cheapest way to each of the wanted bits, ``[bit]``; -1 where there is none."""
    water, bits = blocks.water, blocks.bits
    costs = np.full(water.shape, np.iinfo(np.int32).max, np.int32)
    # A block is pushed at most once for each of its sides and corners, and once as a start.
    most = 9 * water.size
    queue = _Queue(
        np.full(_RING, -1, np.int32), np.empty(most, np.int32), np.empty(most, np.int32), np.zeros(1, np.int64)
    )
    for block in np.flatnonzero(bits & _START):
        costs.ravel()[block] = 0
        _push(queue, 0, int(block))
    found, taken, now = np.full(BIOME_COUNT, -1, np.int64), 0, 0
    while taken < queue.pushed[0] and wanted != 0:
        while queue.top[now % _RING] >= 0:
            entry = queue.top[now % _RING]
            queue.top[now % _RING] = queue.after[entry]
            taken += 1
            z, x = divmod(queue.block[entry], water.shape[1])
            if costs[z, x] == now:
                for biome in range(1, BIOME_COUNT):
                    if bits[z, x] & wanted & (1 << biome):
                        found[biome] = now
                        wanted &= ~(1 << biome)
                if water[z, x] or now == 0:
                    _push_neighbors(blocks, queue, costs, z, x)
        now += 1
    return found


@kernel
def _push_neighbors(blocks: _Blocks, queue: _Queue, costs: npt.NDArray[np.int32], z: int, x: int) -> None:
    """Push the blocks around a block that are cheaper to reach over it."""
    rows, columns = costs.shape
    for south in range(max(z - 1, 0), min(z + 2, rows)):
        for west in range(max(x - 1, 0), min(x + 2, columns)):
            cost = costs[z, x] + (_STEP if south == z or west == x else _DIAGONAL)
            if cost < costs[south, west] and (blocks.water[south, west] or blocks.bits[south, west] != 0):
                costs[south, west] = cost
                _push(queue, cost, south * columns + west)
