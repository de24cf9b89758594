"""Compiled functions are counted, so that a user sees the progress of compiling."""

from __future__ import annotations

from typing import Any

import numba

from vwe_dagster.kernels.counting import counting_compilations


def test_each_compiled_function_is_counted_once_within_the_block() -> None:
    @numba.njit  # type: ignore[untyped-decorator]
    def inner(number: int) -> int:
        return number + 1

    @numba.njit  # type: ignore[untyped-decorator]
    def outer(number: int) -> Any:
        return inner(number) * 2

    counts: list[int] = []
    with counting_compilations(counts.append):
        assert outer(1) == 4
        assert outer(2) == 6
    outer(1.5)
    assert counts == [1, 2]
