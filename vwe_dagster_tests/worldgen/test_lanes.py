"""Short cuts of the vector kernels return the bits of the full computation, and kept surveys have bounded size."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vwe_dagster.kernels.vectors import LANES, bits, load, quotient, store
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import lane_power, lane_trig, rings
from vwe_dagster.worldgen.noise import PERLIN_SCALE


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def scaled(values: Any, out: Any) -> None:
    for i in range(0, values.size, LANES):
        store(out, i, quotient(load(values, i), PERLIN_SCALE))


def test_the_scale_of_perlin_noise_divides_exactly() -> None:
    mantissas = np.arange(2**23, 2**24, dtype=np.int32).astype(np.float32)
    for values in (mantissas, -mantissas, np.zeros(LANES, np.float32)):
        computed = np.empty_like(values)
        scaled(values, computed)
        np.testing.assert_array_equal(computed.view(np.uint32), (values / PERLIN_SCALE).view(np.uint32))


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def turned(angles: Any, sine: Any, cosine: Any) -> Any:
    s, c = lane_trig.sine_and_cosine(load(angles, 0))
    store(sine, 0, s)
    store(cosine, 0, c)
    return bits(lane_trig.is_uncertain(s)), bits(lane_trig.is_uncertain(c))


@given(angles=arrays(np.float64, LANES, elements=st.floats(0, 30, width=32)))
def test_certain_sines_round_as_those_of_libm(angles: npt.NDArray[np.float64]) -> None:
    sine, cosine = np.empty(LANES), np.empty(LANES)
    uncertain = turned(angles, sine, cosine)
    for i, angle in enumerate(angles.tolist()):
        for computed, exact, unsure in ((sine, math.sin, uncertain[0]), (cosine, math.cos, uncertain[1])):
            assert computed[i] == pytest.approx(exact(angle), rel=2**-49, abs=1e-300)
            assert unsure >> i & 1 or np.float32(computed[i]) == np.float32(exact(angle))


HILLS = float(np.float32(1.4))


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def raised(values: Any, out: Any, doubts: Any) -> None:
    for i in range(0, values.size, LANES):
        m = load(values, i)
        result = lane_power.power(m, HILLS)
        store(out, i, result)
        doubts[i // LANES] = bits(lane_power.is_uncertain(m, result))


def _check_powers(values: npt.NDArray[np.float64]) -> float:
    """Compare powers with those of libm, and return the share that is in doubt."""
    out, doubts = np.empty_like(values), np.empty(values.size // LANES, np.int64)
    raised(values, out, doubts)
    unsure = (doubts[:, None] >> np.arange(LANES) & 1).ravel() != 0
    exact = np.array([math.pow(value, HILLS) for value in values.tolist()])
    in_range = values >= lane_power.LEAST
    assert (np.abs(out - exact)[in_range] <= exact[in_range] * 2.0**-44).all()
    assert (unsure | (out.astype(np.float32) == exact.astype(np.float32))).all()
    return float(unsure.mean())


def test_certain_powers_round_as_those_of_libm() -> None:
    assert _check_powers(np.random.default_rng(3).random(2_000_000 // LANES * LANES)) < 1e-4


def test_powers_near_a_rounding_boundary_are_in_doubt() -> None:
    results = np.random.default_rng(4).random(20_000 // LANES * LANES).astype(np.float32)
    halfway = (results.astype(np.float64) + np.nextafter(results, np.float32(2)).astype(np.float64)) / 2
    values = np.minimum(halfway ** (1 / HILLS), 1.0)
    for _ in range(6):
        assert _check_powers(values) > 0.9
        values = np.nextafter(values, 0)


def test_small_numbers_and_ends_of_the_range_have_exact_or_doubtful_powers() -> None:
    ends = [0.0, 5e-324, 1e-300, 2.0**-21, np.nextafter(2.0**-20, 0), 2.0**-20, 0.5, math.sqrt(0.5), 1 - 2**-53, 1.0]
    _check_powers(np.resize(np.array(ends), len(ends) * LANES))


def _survey(size: int) -> rings.Rings:
    coordinates = Grid.of_world(size).coordinates()
    return rings.survey_of(coordinates, coordinates, 6000.0)


def test_surveys_of_several_grids_are_kept() -> None:
    first = [_survey(size) for size in (64, 80, 96, 128)]
    assert all(a is b for a, b in zip(first, (_survey(size) for size in (64, 80, 96, 128)), strict=True))


def test_surveys_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    oldest, newer, newest = (_survey(size) for size in (160, 176, 192))
    monkeypatch.setattr(rings, "CACHE_BYTES", rings.size_of(newer) + rings.size_of(newest) + 1)
    assert _survey(176) is newer
    assert _survey(192) is newest
    assert _survey(160) is not oldest
    monkeypatch.setattr(rings, "CACHE_BYTES", 0)
    assert _survey(160) is _survey(160)
