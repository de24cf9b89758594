"""Compiled loops over the cells of a disc."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel


@kernel
def number_patches(
    kinds: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
    """Finds the patches: cells of a kind that hang together by their sides, not by corners only.

    Args:
        kinds: ``[z, x]``; 0 belongs to no patch.

    Returns:
        The number of the patch at every cell, from 1 in the order in which they begin, south to north, then west to
        east, and 0 where there is none; by that number, how many cells a patch has, and of what kind they are.
    """
    rows, columns = kinds.shape
    number = np.zeros((rows, columns), np.int32)
    parent = np.zeros(kinds.size + 1, np.int32)
    begun = 0
    for z in range(rows):
        for x in range(columns):
            kind = kinds[z, x]
            if kind == 0:
                continue
            south = number[z - 1, x] if z > 0 and kinds[z - 1, x] == kind else 0
            west = number[z, x - 1] if x > 0 and kinds[z, x - 1] == kind else 0
            if south > 0 and west > 0 and south != west:
                number[z, x] = _join(parent, south, west)
            elif south > 0 or west > 0:
                number[z, x] = max(south, west)
            else:
                begun += 1
                parent[begun] = begun
                number[z, x] = begun
    count = _count_up(parent, begun)
    sizes, kind_of = np.zeros(count + 1, np.int64), np.zeros(count + 1, np.uint8)
    for z in range(rows):
        for x in range(columns):
            if kinds[z, x] != 0:
                patch = parent[number[z, x]]
                number[z, x] = patch
                sizes[patch] += 1
                kind_of[patch] = kinds[z, x]
    return number, sizes, kind_of


@kernel
def _join(parent: npt.NDArray[np.int32], one: int, other: int) -> int:
    """Makes two beginnings one patch: every one points at an earlier one, the first of a patch at itself."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    parent[max(one, other)] = min(one, other)
    return min(one, other)


@kernel
def _count_up(parent: npt.NDArray[np.int32], begun: int) -> int:
    """Puts the number of its patch in the place of every beginning; returns how many patches there are."""
    count = 0
    for patch in range(1, begun + 1):
        if parent[patch] == patch:
            count += 1
            parent[patch] = count
        else:
            parent[patch] = parent[parent[patch]]
    return count


@kernel
def steps_inland(land: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """How far every cell of land lies from the nearest one that is none, as which everything beyond the plane counts.

    Args:
        land: ``[z, x]``.

    Returns:
        ``[z, x]``: 5 for each step to a side and 7 for each to a corner, on the shortest way; 0 where there is no land.
    """
    rows, columns = land.shape
    steps = np.zeros((rows + 2, columns + 2), np.int32)
    for z in range(1, rows + 1):
        for x in range(1, columns + 1):
            if land[z - 1, x - 1]:
                straight, askew = min(steps[z - 1, x], steps[z, x - 1]), min(steps[z - 1, x - 1], steps[z - 1, x + 1])
                steps[z, x] = min(straight + 5, askew + 7)
    for z in range(rows, 0, -1):
        for x in range(columns, 0, -1):
            straight, askew = min(steps[z + 1, x], steps[z, x + 1]), min(steps[z + 1, x - 1], steps[z + 1, x + 1])
            steps[z, x] = min(steps[z, x], straight + 5, askew + 7)
    return steps[1:-1, 1:-1].copy()


@kernel
def gather(
    kinds: npt.NDArray[np.uint8], values: npt.NDArray[np.float32], count: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.intp]]:
    """Brings the values of each kind together, those of one kind in the order in which they stand.

    Args:
        kinds: ``[cell]``, each below ``count``.
        values: ``[cell]``.
        count: how many kinds there are.

    Returns:
        The values, and where each kind begins among them, with the end of the last one: ``[count + 1]``.
    """
    starts = np.zeros(count + 1, np.intp)
    for cell in range(kinds.size):
        starts[kinds[cell] + 1] += 1
    for kind in range(count):
        starts[kind + 1] += starts[kind]
    free = starts.copy()
    gathered = np.empty(values.size, np.float32)
    for cell in range(kinds.size):
        gathered[free[kinds[cell]]] = values[cell]
        free[kinds[cell]] += 1
    return gathered, starts


@kernel
def first_lowest(group: npt.NDArray[np.integer], values: npt.NDArray[np.floating], count: int) -> npt.NDArray[np.intp]:
    """The place of the lowest value of each group, of equally low ones the first; -1 where a group has none.

    Args:
        group: ``[n]``, the group of each value, below ``count``.
        values: ``[n]``, none of them NaN.
        count: how many groups there are.
    """
    places = np.full(count, -1, np.intp)
    for place in range(group.size):
        best = places[group[place]]
        if best < 0 or values[place] < values[best]:
            places[group[place]] = place
    return places
