"""Patches of a plane: cells of one kind that are connected by their sides, found as runs along the rows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import flat, kernel


class Patches(NamedTuple):
    """The patches of a plane. Runs are in the order south to north, then west to east.

    Attributes:
        row: row of each run, int32 ``[run]``.
        start: its first column, int32 ``[run]``.
        stop: the column after its last one, int32 ``[run]``.
        patch: number of its patch, int32 ``[run]``; patches count from 1 in the order of their first cells.
        kind: kind of each patch by number, uint8 ``[patch + 1]``; 0 at 0.
        cells: number of cells of each patch by number, int64 ``[patch + 1]``; 0 at 0.
    """

    row: npt.NDArray[np.int32]
    start: npt.NDArray[np.int32]
    stop: npt.NDArray[np.int32]
    patch: npt.NDArray[np.int32]
    kind: npt.NDArray[np.uint8]
    cells: npt.NDArray[np.int64]


@kernel
def find_patches(kinds: npt.NDArray[np.uint8]) -> Patches:
    """Find the patches of a plane: cells that touch at a corner only are in two patches.

    Args:
        kinds: kind of each cell, ``[z, x]``; cells of kind 0 are in no patch.
    """
    row, start, stop, first_of_row = _find_runs(kinds)
    # A run points to an earlier run of its patch, the first run of a patch to itself.
    parent = np.arange(row.size).astype(np.int32)
    for z in range(1, kinds.shape[0]):
        south, end = first_of_row[z - 1], first_of_row[z]
        for run in range(first_of_row[z], first_of_row[z + 1]):
            while south < end and stop[south] <= start[run]:
                south += 1
            other = south
            while other < end and start[other] < stop[run]:
                if kinds[z - 1, start[other]] == kinds[z, start[run]]:
                    join(parent, run, other)
                other += 1
    count = 0
    patch = np.empty(row.size, np.int32)
    for run in range(row.size):
        if parent[run] == run:
            count += 1
            patch[run] = count
        else:
            patch[run] = patch[parent[run]]
    kind, cells = np.zeros(count + 1, np.uint8), np.zeros(count + 1, np.int64)
    for run in range(row.size):
        kind[patch[run]] = kinds[row[run], start[run]]
        cells[patch[run]] += stop[run] - start[run]
    return Patches(row, start, stop, patch, kind, cells)


@kernel
def number_cells(patches: Patches, number: npt.NDArray[np.int32], rows: int, columns: int) -> npt.NDArray[np.int32]:
    """Return a plane ``[z, x]`` with a number at every cell of a patch and 0 elsewhere.

    Args:
        patches: the patches.
        number: the number of each patch, ``[patch + 1]``.
        rows: height of the plane.
        columns: width of the plane.
    """
    plane = np.zeros((rows, columns), np.int32)
    for run in range(patches.row.size):
        plane[patches.row[run], patches.start[run] : patches.stop[run]] = number[patches.patch[run]]
    return plane


@kernel
def _find_runs(
    kinds: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Return row, first column and end of each run of equal cells, and the first run of each row, ``[row + 1]``."""
    rows, columns = kinds.shape
    first_of_row = np.zeros(rows + 1, np.int64)
    for z in range(rows):
        count = 0
        for x in flat(1, columns):
            count += kinds[z, x] != kinds[z, x - np.uint64(1)]
        first_of_row[z + 1] = first_of_row[z] + count + 1
    most = first_of_row[rows] if columns > 0 else 0
    row, start, stop = np.empty(most, np.int32), np.empty(most, np.int32), np.empty(most, np.int32)
    found = 0
    for z in range(rows):
        first_of_row[z] = found
        begin = 0
        for x in range(1, columns + 1):
            if x < columns and kinds[z, x] == kinds[z, begin]:
                continue
            if begin < columns and kinds[z, begin] != 0:
                row[found], start[found], stop[found] = z, begin, x
                found += 1
            begin = x
    first_of_row[rows] = found
    return row[:found].copy(), start[:found].copy(), stop[:found].copy(), first_of_row


@kernel
def join(parent: npt.NDArray[np.int32], one: int, other: int) -> None:
    """Make two runs part of one patch; the earlier first run stays the first one."""
    while parent[one] != one:
        parent[one] = parent[parent[one]]
        one = parent[one]
    while parent[other] != other:
        parent[other] = parent[parent[other]]
        other = parent[other]
    parent[max(one, other)] = min(one, other)
