"""Every lane of a vector operation equals the scalar operation, bit for bit."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vwe_dagster.kernels import vectors
from vwe_dagster.kernels.vectors import (
    absolute,
    all_of,
    any_of,
    as_f32,
    as_f64,
    as_i32,
    bits,
    ceil,
    f32x16,
    f64x16,
    floor,
    fused,
    gather,
    greatest,
    highest_bit,
    i32x16,
    lane,
    least,
    load8,
    load16,
    lowest_bit,
    mask8,
    mask16,
    numbers8,
    numbers16,
    permute,
    reinterpreted,
    rounded,
    select,
    sqrt,
    store,
)

Array = npt.NDArray[Any]
LANES = [8, 16]


def jit(function: Callable[..., Any]) -> Any:
    return numba.njit(error_model="numpy")(function)


def for_lanes(build: Callable[[Any, Any], Any]) -> dict[int, Any]:
    """Build a kernel for each number of lanes, with a function of ``load`` and ``mask``."""
    return {8: build(load8, mask8), 16: build(load16, mask16)}


def assert_same_bits(computed: Array, expected: Array) -> None:
    """Compare bits: NaN equals NaN, and 0.0 does not equal -0.0."""
    np.testing.assert_array_equal(computed, expected)
    numbers = expected == expected  # noqa: PLR0124  NaN is not equal to itself
    np.testing.assert_array_equal(np.signbit(computed[numbers]), np.signbit(expected[numbers]))


def _build_float(load: Any, _mask: Any) -> Any:
    @jit
    def compute(a: Any, b: Any, out: Any) -> None:
        x, y = load(a, 0), load(b, 0)
        store(out, (0, 0), x + y)
        store(out, (1, 0), x - y)
        store(out, (2, 0), x * y)
        store(out, (3, 0), x / y)
        store(out, (4, 0), -x)
        store(out, (5, 0), sqrt(x))
        store(out, (6, 0), floor(x))
        store(out, (7, 0), ceil(x))
        store(out, (8, 0), absolute(x))
        store(out, (9, 0), least(x, y))
        store(out, (10, 0), greatest(x, y))
        store(out, (11, 0), x * y + x)
        store(out, (12, 0), select(x < y, x, y))

    return compute


FLOAT = for_lanes(_build_float)


@jit
def scalar_float(a: Any, b: Any, out: Any) -> None:
    for i in range(a.size):
        x, y = a[i], b[i]
        out[0, i], out[1, i], out[2, i], out[3, i], out[4, i] = x + y, x - y, x * y, x / y, -x
        out[5, i], out[6, i], out[7, i], out[8, i] = math.sqrt(x), np.floor(x), np.ceil(x), abs(x)
        out[9, i], out[10, i] = y if y < x else x, y if y > x else x  # noqa: FURB136  min and max differ for NaN
        out[11, i] = x * y + x
        out[12, i] = x if x < y else y  # noqa: FURB136


def float_pairs(dtype: Any, lanes: int) -> st.SearchStrategy[tuple[Array, Array]]:
    numbers = arrays(dtype, lanes, elements=st.floats(width=np.dtype(dtype).itemsize * 8))
    return st.tuples(numbers, numbers)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_float_operations_equal_scalars(lanes: int, dtype: Any, data: st.DataObject) -> None:
    a, b = data.draw(float_pairs(dtype, lanes))
    computed, expected = np.zeros((13, lanes), dtype), np.zeros((13, lanes), dtype)
    FLOAT[lanes](a, b, computed)
    scalar_float(a, b, expected)
    assert_same_bits(computed, expected)


def _build_integer(load: Any, _mask: Any) -> Any:
    @jit
    def compute(a: Any, b: Any, shift: int, out: Any) -> None:
        x, y = load(a, 0), load(b, 0)
        store(out, (0, 0), x + y)
        store(out, (1, 0), x - y)
        store(out, (2, 0), x * y)
        store(out, (3, 0), x & y)
        store(out, (4, 0), x | y)
        store(out, (5, 0), x ^ y)
        store(out, (6, 0), ~x)
        store(out, (7, 0), x << shift)
        store(out, (8, 0), x >> shift)
        store(out, (9, 0), -x)
        store(out, (10, 0), least(x, 5))
        store(out, (11, 0), greatest(x, y))

    return compute


INTEGER = for_lanes(_build_integer)


@pytest.mark.parametrize("lanes", LANES)
@given(data=st.data(), shift=st.integers(0, 31))
def test_integer_operations_wrap_like_numpys(lanes: int, data: st.DataObject, shift: int) -> None:
    whole = arrays(np.int32, lanes, elements=st.integers(-(2**31), 2**31 - 1))
    a, b = data.draw(st.tuples(whole, whole))
    computed = np.zeros((12, lanes), np.int32)
    INTEGER[lanes](a, b, shift, computed)
    five = np.int32(5)
    rows = [a + b, a - b, a * b, a & b, a | b, a ^ b, ~a, a << shift, a >> shift, -a, np.minimum(a, five)]
    np.testing.assert_array_equal(computed, np.array([*rows, np.maximum(a, b)]))


def _build_comparison(load: Any, _mask: Any) -> Any:
    @jit
    def compute(a: Any, b: Any) -> Any:
        x, y = load(a, 0), load(b, 0)
        both = (x < y) & (x != y)
        either = (x == y) | ~(x <= y)
        order = bits(x < y), bits(x <= y), bits(x > y), bits(x >= y), bits(x == y), bits(x != y)
        return order, (bits(both), bits(either), bits(both ^ either)), (any_of(both), all_of(both), all_of(x == x))  # noqa: PLR0124

    return compute


@given(number=st.integers(-(2**63), 2**63 - 1).filter(bool))
def test_lowest_and_highest_bits_are_the_first_and_last_set_lanes(number: int) -> None:
    lowest, highest = ends(number)
    assert 1 << lowest == number & -number
    assert highest == (number % 2**64).bit_length() - 1


@jit
def ends(number: int) -> tuple[int, int]:
    return lowest_bit(number), highest_bit(number)


COMPARISON = for_lanes(_build_comparison)


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
def test_masks_equal_comparisons_of_scalars(lanes: int, dtype: Any, data: st.DataObject) -> None:
    a, b = data.draw(float_pairs(dtype, lanes))
    places = 1 << np.arange(lanes)
    order, combined, quantified = COMPARISON[lanes](a, b)
    compared = [a < b, a <= b, a > b, a >= b, a == b, a != b]
    assert list(order) == [int(places[mask].sum()) for mask in compared]
    both, either = (a < b) & (a != b), (a == b) | ~(a <= b)
    assert list(combined) == [int(places[mask].sum()) for mask in (both, either, both ^ either)]
    assert list(quantified) == [both.any(), both.all(), not np.isnan(a).any()]


@jit
def convert(a: Any, d: Any, i: Any, floats: Any, doubles: Any, whole: Any) -> None:
    store(floats, (0, 0), f32x16(load16(d, 0)))
    store(floats, (1, 0), as_f32(load16(i, 0)))
    store(floats, (2, 0), f32x16(0.1))
    store(floats, (3, 0), reinterpreted(load16(i, 0)))
    store(doubles, (0, 0), f64x16(load16(a, 0)))
    store(doubles, (1, 0), as_f64(load16(i, 0)))
    store(doubles, (2, 0), rounded(load16(d, 0)))
    store(whole, (0, 0), i32x16(load16(a, 0)))
    store(whole, (1, 0), as_i32(load16(d, 0)))
    store(whole, (2, 0), i32x16(load16(a, 0) < np.float32(0)))
    store(whole, (3, 0), reinterpreted(load16(a, 0)))


@given(
    d=arrays(np.float64, 16, elements=st.floats(-2e9, 2e9)),
    i=arrays(np.int32, 16, elements=st.integers(-(2**31), 2**31 - 1)),
)
def test_conversions_equal_numpys(d: Array, i: Array) -> None:
    a = d.astype(np.float32)
    floats, doubles, whole = np.empty((4, 16), np.float32), np.empty((3, 16)), np.empty((4, 16), np.int32)
    convert(a, d, i, floats, doubles, whole)
    assert_same_bits(floats, np.stack([a, i.astype(np.float32), np.full(16, 0.1, np.float32), i.view(np.float32)]))
    assert_same_bits(doubles, np.stack([a.astype(np.float64), i.astype(np.float64), a.astype(np.float64)]))
    np.testing.assert_array_equal(whole, np.stack([a.astype(np.int32), d.astype(np.int32), a < 0, a.view(np.int32)]))


def test_vectors_are_read_and_written_at_any_index() -> None:
    @jit
    def move(table: Any, small: Any, places: Any, out: Any) -> Any:
        at = load16(places, 1)
        store(out, (0, 2), gather(table, at))
        store(out, (1, 2), permute(load16(table, 3), at & 15))
        store(out, (2, 2), select(mask16(0b10100101), load16(table, 0), np.float32(-1)))
        store(out, (3, 2), select(mask16(True), load16(out, (2, 2)), np.float32(0)))
        store(small, 1, gather(small, at) + numbers16())
        return lane(load16(table, 0), 5)

    random = np.random.default_rng(1)
    table, small = random.random(300).astype(np.float32), random.integers(0, 256, 300).astype(np.uint8)
    places, out, before = random.integers(0, 300, 17).astype(np.int32), np.zeros((4, 20), np.float32), small.copy()
    assert move(table, small, places, out) == table[5]
    at = places[1:]
    np.testing.assert_array_equal(out[0, 2:18], table[at])
    np.testing.assert_array_equal(out[1, 2:18], table[3 + (at & 15)])
    chosen = np.array([0b10100101 >> i & 1 for i in range(16)], bool)
    np.testing.assert_array_equal(out[2, 2:18], np.where(chosen, table[:16], np.float32(-1)))
    np.testing.assert_array_equal(out[3], out[2])
    assert not out[:, :2].any()
    assert not out[:, 18:].any()
    np.testing.assert_array_equal(small[1:17], (before[at] + np.arange(16)).astype(np.uint8))
    np.testing.assert_array_equal(small[17:], before[17:])


def test_eight_lanes_gather_and_permute() -> None:
    @jit
    def move(table: Any, places: Any, out: Any) -> Any:
        at = load8(places, 0)
        store(out, 0, gather(table, at))
        store(out, 8, permute(load8(table, 3), numbers8() ^ 1))
        return bits(mask8(0x2C5))

    table, places = np.arange(40.0), np.array([3, 39, 0, 7, 7, 21, 1, 38], np.int32)
    out = np.zeros(16)
    assert move(table, places, out) == 0xC5
    np.testing.assert_array_equal(out, [*table[places], *table[3 + (np.arange(8) ^ 1)]])


def test_fused_products_of_signs_equal_separate_operations() -> None:
    @jit
    def multiply(a: Any, b: Any, c: Any, out: Any) -> None:
        store(out, 0, fused(load16(a, 0), load16(b, 0), load16(c, 0)))

    random = np.random.default_rng(3)
    signs, b, c = random.integers(-1, 2, 16).astype(np.float64), random.random(16), random.random(16)
    out = np.empty(16)
    multiply(signs, b, c, out)
    np.testing.assert_array_equal(out, signs * b + c)


@pytest.mark.parametrize(
    "mixed",
    [
        lambda a: load16(a, 0) + 0.5,  # float64 would round silently
        lambda a: load16(a, 0) + load8(a, 0),
        lambda a: load16(a, 0) + f64x16(load16(a, 0)),
        lambda a: load16(a, 0) & load16(a, 0),
        lambda a: select(load8(a, 0) < load8(a, 0), load16(a, 0), load16(a, 0)),
    ],
)
def test_operands_that_do_not_fit_are_rejected(mixed: Any) -> None:
    def compute(a: Any) -> None:
        store(a, 0, mixed_jit(a))

    mixed_jit = jit(mixed)
    with pytest.raises(numba.core.errors.TypingError):
        jit(compute)(np.zeros(32, np.float32))


@pytest.mark.parametrize(("cpu", "features"), [("generic", ""), ("haswell", "+avx2,+fma,+avx")])
@pytest.mark.slow
def test_vectors_need_no_vector_instructions(cpu: str, features: str) -> None:
    """Run the other tests compiled for another processor, whose code this one can also run.

    The tests themselves are compiled for this processor, so that one with AVX-512 runs them with AVX-512.
    """
    # The plugins of other packages take longer to load than these tests take.
    without_plugins = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": "-p xdist"}
    environment = {**os.environ, **without_plugins, "NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", __file__]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:]


def test_example_in_the_documentation_works() -> None:
    @jit
    def scaled_row(xs: Any, low: Any, out: Any) -> None:
        for i in range(0, xs.size, 16):
            x = load16(xs, i)
            root = sqrt(x)
            store(out, i, select(x > low, root, f32x16(0)))

    xs, out = np.linspace(-1, 5, 64).astype(np.float32), np.empty(64, np.float32)
    scaled_row(xs, np.float32(0.5), out)
    np.testing.assert_array_equal(out, np.where(xs > 0.5, np.sqrt(np.maximum(xs, 0)), 0))
    assert "load16(xs, i)" in str(vectors.__doc__)
