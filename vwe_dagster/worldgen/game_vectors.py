"""The game's two-component vectors: every component rounded to float32 after every operation."""

from __future__ import annotations

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.worldgen.numerics import f, length


@kernel
def distance(ax: float, az: float, bx: float, bz: float) -> float:
    """Return the distance between two points."""
    return length(f(ax - bx), f(az - bz))


@kernel
def are_equal(ax: float, az: float, bx: float, bz: float) -> bool:
    """Return whether the game considers two points equal, by an epsilon test."""
    dx, dz = f(ax - bx), f(az - bz)
    return dx * dx + dz * dz < 9.9999994e-11


@kernel
def direction(ax: float, az: float, bx: float, bz: float) -> tuple[float, float]:
    """Return the unit vector from one point to another; zero if they are too near."""
    dx, dz = f(bx - ax), f(bz - az)
    magnitude = length(dx, dz)
    if magnitude > f(1e-5):
        return f(dx / magnitude), f(dz / magnitude)
    return 0.0, 0.0
