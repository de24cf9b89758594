"""Shared tables of kernels have the right values, and compiled code has one copy of each."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel
from vwe_dagster.kernels.memory import prefetch, shared_table

VALUES = np.arange(1000, dtype=np.int32) * 7 - 300
table = shared_table(VALUES)


@kernel
def first_places(n: int) -> npt.NDArray[np.int32]:
    return table()[:n].copy()


@kernel
def sum_of(i: int, j: int) -> int:
    return int(table()[i] + table()[j] + first_places(3)[2])


def test_kernel_reads_the_values() -> None:
    np.testing.assert_array_equal(first_places(1000), VALUES)
    assert sum_of(1, 999) == VALUES[1] + VALUES[999] + VALUES[2]


def test_compiled_code_has_one_copy() -> None:
    compiled = compiled_without_cache(sum_of)
    compiled(0, 0)
    (code,) = compiled.inspect_llvm().values()
    assert code.count("constant [4000 x i8]") == 1


@kernel
def prefetched(values: npt.NDArray[np.int32], place: int) -> int:
    prefetch(values, place)
    return int(values[0])


def test_missing_element_can_be_prefetched() -> None:
    compiled = compiled_without_cache(prefetched)
    assert compiled(VALUES, 10**9) == VALUES[0]
    assert "prefetch" in next(iter(compiled.inspect_asm().values()))


def compiled_without_cache(function: Any) -> Any:
    """Return a kernel compiled again, because numba does not show the code of a kernel from the cache."""
    return numba.njit(error_model="numpy", nogil=True)(function.py_func)
