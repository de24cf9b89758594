"""Rivers between lakes, and the conversion of rivers and streams to points. Section 8 of the specification."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import (
    LANES,
    Lanes,
    absolute,
    as_f64,
    as_i32,
    bits,
    ceil,
    floor,
    gather,
    load,
    lowest_bit,
    numbers,
    rounded,
    select,
    store,
)
from vwe_dagster.kernels.vectors import least as smaller
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.game_vectors import are_equal, direction, distance
from vwe_dagster.worldgen.lakes import Coordinates
from vwe_dagster.worldgen.lane_trig import is_uncertain, sine_and_cosine
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.river_field import CELL_M, REACH, SPAN, SPARE, RiverField
from vwe_dagster.worldgen.terrain import base_height
from vwe_dagster.worldgen.unity_random import State, range_float, range_int

Courses = npt.NDArray[np.float64]
"""Rivers or streams, ``[n, 8]``: start x, z, end x, z, least and greatest width, width and length of the bends."""

FIELDS = 8
FARTHEST = 2
"""Cells to each side that the widest river can reach."""


@kernel
def set_course(out: Courses, i: int, ax: float, az: float, bx: float, bz: float, least: float, greatest: float) -> None:
    """Write the course from ``a`` to ``b`` to row ``i``."""
    span = distance(ax, az, bx, bz)
    out[i, 0], out[i, 1], out[i, 2], out[i, 3] = ax, az, bx, bz
    out[i, 4], out[i, 5], out[i, 6], out[i, 7] = least, greatest, f(span / 15.0), f(span / 20.0)


@kernel
def _may_flow(c: WorldConstants, ax: float, az: float, bx: float, bz: float) -> bool:
    """Return whether a straight line crosses land, but no mountain."""
    dx, dz = direction(ax, az, bx, bz)
    end = f(distance(bx, bz, ax, az) - 128.0)
    crosses_land = False
    s = 128.0
    while s <= end:
        base = base_height(c, f(ax + f(dx * s)), f(az + f(dz * s)))
        if base > f(0.4):
            return False
        if base > f(0.05):
            crosses_land = True
        s = f(s + 128.0)
    return crosses_land


@kernel
def _river_end(
    c: WorldConstants,
    state: State,
    xs: Coordinates,
    zs: Coordinates,
    start: int,
    reach: float,
    is_joined: npt.NDArray[np.bool_],
) -> int:
    """Return a lake drawn from all that a river from ``start`` may flow to; -1 if there is none."""
    found = np.empty(xs.size, np.int64)
    count = 0
    x, z = xs[start], zs[start]
    for i in range(xs.size):
        if is_joined[start, i] or are_equal(xs[i], zs[i], x, z) or distance(x, z, xs[i], zs[i]) >= reach:
            continue
        if _may_flow(c, x, z, xs[i], zs[i]):
            found[count] = i
            count += 1
    return found[range_int(state, 0, count)] if count else -1


@kernel
def find_rivers(c: WorldConstants, state: State, xs: Coordinates, zs: Coordinates) -> Courses:
    """Return the rivers between the lakes at ``xs``, ``zs``."""
    lakes = xs.size
    is_joined = np.zeros((lakes, lakes), np.bool_)
    has_river = np.zeros(lakes, np.bool_)
    rivers = np.empty((lakes * lakes, FIELDS))
    count, start = 0, 0
    while start < lakes - 1:
        end = _river_end(c, state, xs, zs, start, 2000.0, is_joined)
        if end < 0 and not has_river[start]:
            end = _river_end(c, state, xs, zs, start, 5000.0, is_joined)
        if end < 0:
            start += 1
            continue
        greatest = range_float(state, 60.0, 100.0)
        least = range_float(state, 60.0, greatest)
        set_course(rivers, count, xs[start], zs[start], xs[end], zs[end], least, greatest)
        count += 1
        is_joined[start, end] = is_joined[end, start] = True
        has_river[start] = has_river[end] = True
    return rivers[:count]


@kernel
def render(state: State, courses: Courses) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the points of every course, in order.

    Returns:
        float32 ``[m, 3]``: x, z and width in meters; int64 ``[n + 1]``: the first point of each course.
    """
    begins = np.zeros(len(courses) + 1, np.int64)
    capacity, longest = 0, 0
    for i in range(len(courses)):
        most = np.int64(courses[i, 7] * 20.0 / (courses[i, 4] / 8.0)) + 3
        capacity, longest = capacity + most, max(longest, most)
    points = np.empty((capacity, 3), np.float32)
    along, aside = np.zeros(longest + LANES), np.empty(longest + LANES)
    count = 0
    for i in range(len(courses)):
        ax, az, bx, bz, least, greatest, bend_width, bend_length = courses[i]
        dx, dz = direction(ax, az, bx, bz)
        span, step = distance(ax, az, bx, bz), f(least / 8.0)
        s, n = 0.0, 0
        while s <= span:
            along[n] = s
            n += 1
            s = f(s + step)
        _fill_bends(along, n, bend_width, bend_length, aside)
        for k in range(n):
            points[count, 2] = range_float(state, least, greatest)
            points[count, 0] = f(ax + f(dx * along[k])) + f(-dz * aside[k])
            points[count, 1] = f(az + f(dz * along[k])) + f(dx * aside[k])
            count += 1
        begins[i + 1] = count
    return points[:count], begins


@inner_kernel
def _fill_bends(along: Coordinates, count: int, width: float, length: float, aside: Coordinates) -> None:
    """Write the distance of a course from its line at each distance along it, meters."""
    for k in range(0, count, LANES):
        t = rounded(load(along, k) / length)
        waves = (
            sine_and_cosine(t)[0]
            * sine_and_cosine(t * 0.634119987487793)[0]
            * sine_and_cosine(t * 0.3341200053691864)[0]
        )
        bend = waves * width
        store(aside, k, rounded(bend))
        uncertain = bits(is_uncertain(bend))
        while uncertain != 0:
            i = k + lowest_bit(uncertain)
            uncertain &= uncertain - 1
            at = f(along[i] / length)
            exact = math.sin(at) * math.sin(at * 0.634119987487793) * math.sin(at * 0.3341200053691864)
            aside[i] = f(exact * width)


@inlined_kernel
def _cells_of(v: Lanes, r: Lanes) -> tuple[Lanes, Lanes]:
    """Return the columns, or rows, of cells that points reach: the first and the one after the last, int32 lanes."""
    near, n, reach = floor(rounded((v + CELL_M / 2.0) / CELL_M)), ceil(rounded(r / CELL_M)), rounded(r + CELL_M / 2.0)
    first, last = near + FARTHEST, near - FARTHEST
    for k in range(-FARTHEST, FARTHEST + 1):
        cell = near + np.float64(k)
        is_reached = (absolute(rounded(v - CELL_M * cell)) < reach) & (n >= np.float64(abs(k)))
        first = select(is_reached, smaller(first, cell), first)
        last = select(is_reached, cell, last)
    return as_i32(first), as_i32(last) + 1


@kernel
def _reached_cells(points: npt.NDArray[np.float32]) -> npt.NDArray[np.int32]:
    """Return the cells that each point reaches, ``[4, m]``: first column, the one after the last, likewise rows."""
    m, flat = len(points), points.reshape(-1)
    reached = np.empty((4, m + LANES), np.int32)
    for i in range(0, m, LANES):
        at = 3 * smaller(numbers() + i, m - 1)
        r = as_f64(gather(flat, at + 2))
        for axis in range(2):
            first, last = _cells_of(as_f64(gather(flat, at + axis)), r)
            store(reached, (2 * axis, i), first)
            store(reached, (2 * axis + 1, i), last)
    return reached[:, :m]


@inlined_kernel
def _count_by_cell(reached: npt.NDArray[np.int32], counts: npt.NDArray[np.int32]) -> int:
    """Add the number of points that reach each cell to ``counts``, int32 ``[SPAN * SPAN]``, and return their sum."""
    total = 0
    for i in range(reached.shape[1]):
        for row in range(reached[2, i], reached[3, i]):
            for column in range(reached[0, i], reached[1, i]):
                counts[(row + REACH) * SPAN + column + REACH] += 1
                total += 1
    return total


@inlined_kernel
def _copy_old(field: RiverField, begin: int, end: int, shift: int, new: RiverField) -> None:
    """Copy the points ``begin`` to before ``end`` to places that are ``shift`` higher, and less than LANES more."""
    for i in range(begin, end, LANES):
        store(new.x, i + shift, load(field.x, i))
        store(new.z, i + shift, load(field.z, i))
        store(new.radius, i + shift, load(field.radius, i))


@inlined_kernel
def _append(
    points: npt.NDArray[np.float32], reached: npt.NDArray[np.int32], free: npt.NDArray[np.int32], new: RiverField
) -> None:
    """Write each point to the next free place of all cells that it reaches."""
    for i in range(len(points)):
        x, z, radius = points[i, 0], points[i, 1], points[i, 2]
        for row in range(reached[2, i], reached[3, i]):
            for column in range(reached[0, i], reached[1, i]):
                cell = (row + REACH) * SPAN + column + REACH
                at = free[cell]
                free[cell] = at + 1
                new.x[at], new.z[at], new.radius[at] = x, z, radius


@kernel
def add_points(field: RiverField, points: npt.NDArray[np.float32]) -> RiverField:
    """Return the field with more points, ``[m, 3]``, appended to the old ones of every cell that they reach."""
    reached, counts = _reached_cells(points), np.zeros(SPAN * SPAN, np.int32)
    total = field.x.size + _count_by_cell(reached, counts)
    x, z = np.empty(total + SPARE, np.float32)[:total], np.empty(total + SPARE, np.float32)[:total]
    radius = np.empty(total + SPARE, np.float32)[:total]
    new = RiverField(np.empty(SPAN * SPAN + 1, np.int32), x, z, radius)
    free = np.empty(SPAN * SPAN, np.int32)
    begin = shift = 0
    for cell in range(SPAN * SPAN):
        end = int(field.start[cell + 1])
        new.start[cell], free[cell] = field.start[cell] + shift, end + shift
        if counts[cell] > 0:
            # A copy that exceeds the end is overwritten by the next copy, and finally by the new points.
            _copy_old(field, begin, end, shift, new)
            begin, shift = end, shift + counts[cell]
    _copy_old(field, begin, field.x.size, shift, new)
    new.start[SPAN * SPAN] = total
    _append(points, reached, free, new)
    return new
