"""Shared tables of kernels have the right values, and compiled code has one copy of each."""

from __future__ import annotations

from typing import Any, cast

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
    sum_of(0, 0)
    (code,) = cast(Any, sum_of).inspect_llvm().values()
    assert code.count("constant [4000 x i8]") == 1


@kernel
def prefetched(values: npt.NDArray[np.int32], place: int) -> int:
    prefetch(values, place)
    return int(values[0])


def test_missing_element_can_be_prefetched() -> None:
    assert prefetched(VALUES, 10**9) == VALUES[0]
    assert "prefetch" in next(iter(cast(Any, prefetched).inspect_asm().values()))
