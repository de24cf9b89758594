"""Rivers from lake to lake, and how rivers and streams become points. Section 8 of the specification."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen.constants import WorldConstants
from vwe_dagster.worldgen.lakes import Coordinates
from vwe_dagster.worldgen.numerics import f
from vwe_dagster.worldgen.river_field import CELL_M, REACH, SPAN, SPARE, RiverField, cell_index
from vwe_dagster.worldgen.terrain import base_height
from vwe_dagster.worldgen.unity_random import State, range_float, range_int
from vwe_dagster.worldgen.vectors import are_equal, direction, distance

Courses = npt.NDArray[np.float64]
"""Rivers or streams, ``[n, 8]``: start x, z, end x, z, least and greatest width, width and length of the bends."""

FIELDS = 8


@kernel
def set_course(out: Courses, i: int, ax: float, az: float, bx: float, bz: float, least: float, greatest: float) -> None:
    """Writes the course from ``a`` to ``b`` to row ``i``."""
    span = distance(ax, az, bx, bz)
    out[i, 0], out[i, 1], out[i, 2], out[i, 3] = ax, az, bx, bz
    out[i, 4], out[i, 5], out[i, 6], out[i, 7] = least, greatest, f(span / 15.0), f(span / 20.0)


@kernel
def _may_flow(c: WorldConstants, ax: float, az: float, bx: float, bz: float) -> bool:
    """Whether a straight line crosses land, and no mountain."""
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
    """The lake that a river from ``start`` flows to, drawn from all it may flow to; -1 for none."""
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
    """The rivers between the lakes at ``xs``, ``zs``."""
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
    """The points of every course, in order.

    Returns:
        float32 ``[m, 3]``: x, z and width in metres; int64 ``[n + 1]``: where the points of each course begin.
    """
    begins = np.zeros(len(courses) + 1, np.int64)
    capacity = 0
    for i in range(len(courses)):
        capacity += np.int64(courses[i, 7] * 20.0 / (courses[i, 4] / 8.0)) + 3
    points = np.empty((capacity, 3), np.float32)
    count = 0
    for i in range(len(courses)):
        ax, az, bx, bz, least, greatest, bend_width, bend_length = courses[i]
        dx, dz = direction(ax, az, bx, bz)
        span, step = distance(ax, az, bx, bz), f(least / 8.0)
        s = 0.0
        while s <= span:
            t = f(s / bend_length)
            waves = math.sin(t) * math.sin(t * 0.634119987487793) * math.sin(t * 0.3341200053691864)
            aside = f(waves * bend_width)
            points[count, 2] = range_float(state, least, greatest)
            points[count, 0] = f(ax + f(dx * s)) + f(-dz * aside)
            points[count, 1] = f(az + f(dz * s)) + f(dx * aside)
            count += 1
            s = f(s + step)
        begins[i + 1] = count
    return points[:count], begins


@kernel
def _cells_near(points: npt.NDArray[np.float32], cells: npt.NDArray[np.int64], members: npt.NDArray[np.int64]) -> int:
    """Lists the cells that each point reaches, and the point beside each; returns how many."""
    count = 0
    for i in range(len(points)):
        x, z, r = np.float64(points[i, 0]), np.float64(points[i, 1]), np.float64(points[i, 2])
        gx, gz, n = cell_index(x), cell_index(z), np.int64(math.ceil(f(r / CELL_M)))
        reach = f(r + CELL_M / 2.0)
        for row in range(gz - n, gz + n + 1):
            for column in range(gx - n, gx + n + 1):
                if abs(f(x - CELL_M * column)) < reach and abs(f(z - CELL_M * row)) < reach:
                    cells[count] = (row + REACH) * SPAN + column + REACH
                    members[count] = i
                    count += 1
    return count


@kernel
def add_points(field: RiverField, points: npt.NDArray[np.float32]) -> RiverField:
    """The field with the points ``[m, 3]`` of a rendered list behind the old ones of every cell that they reach."""
    capacity = 25 * len(points)
    cells, members = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    count = _cells_near(points, cells, members)
    start = np.zeros(SPAN * SPAN + 1, np.int32)
    for k in range(count):
        start[cells[k] + 1] += 1
    for cell in range(SPAN * SPAN):
        start[cell + 1] += start[cell] + field.start[cell + 1] - field.start[cell]
    total = start[-1]
    x, z = np.empty(total + SPARE, np.float32)[:total], np.empty(total + SPARE, np.float32)[:total]
    radius, radius2 = np.empty(total + SPARE, np.float32)[:total], np.empty(total + SPARE, np.float32)[:total]
    free = np.empty(SPAN * SPAN, np.int64)
    for cell in range(SPAN * SPAN):
        old, end = field.start[cell], field.start[cell + 1]
        new = start[cell]
        free[cell] = new + end - old
        if end > old:
            x[new : free[cell]], z[new : free[cell]] = field.x[old:end], field.z[old:end]
            radius[new : free[cell]], radius2[new : free[cell]] = field.radius[old:end], field.radius2[old:end]
    for k in range(count):
        i, at = members[k], free[cells[k]]
        x[at], z[at], radius[at] = points[i, 0], points[i, 1], points[i, 2]
        radius2[at] = points[i, 2] * points[i, 2]
        free[cells[k]] = at + 1
    return RiverField(start, x, z, radius, radius2)
