"""Decorators that compile kernels with numba and cache the machine code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

from vwe_dagster.kernels.cache import cache_folder
from vwe_dagster.kernels.checked_cache import CheckedCache

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compile a function at its first call, without fast-math, and cache the machine code.

    Divisions by zero return infinities and NaN as in IEEE-754 instead of raising.
    """
    return _compiled(function)


def borrowing_kernel(function: _Function) -> _Function:
    """Compile a :func:`kernel` that neither creates nor returns arrays, without counting references to its arguments.

    Counting takes longer than a short row: two atomic instructions per call for each array of each tuple.
    """
    return _compiled(function, _nrt=False)


def inner_kernel(function: _Function) -> _Function:
    """Compile a :func:`borrowing_kernel` that only kernels may call; a call from Python crashes the process.

    The code that unpacks tuples of arrays from Python takes longer to compile than most kernels.
    """
    return _compiled(function, _nrt=False, no_cpython_wrapper=True)


def inlined_kernel(function: _Function) -> _Function:
    """Compile an :func:`inner_kernel` that is inlined into every kernel that calls it.

    For small functions that take or return :mod:`~vwe_dagster.kernels.vectors`: a call would pass these in memory.
    """
    return _compiled(function, _nrt=False, no_cpython_wrapper=True, forceinline=True)


def _compiled(function: _Function, **options: bool) -> _Function:
    compiled: Any = numba.njit(error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options)(function)
    if cache_folder(Path(inspect.getfile(function)).resolve()) is not None:
        compiled._cache = CheckedCache(function)  # noqa: SLF001  numba has no public way to set the cache
    return cast(_Function, compiled)


@kernel
def flat(start: int, stop: int) -> range:
    """Return the indices from ``start`` to before ``stop``, both non-negative, for a loop without branches.

    The indices are unsigned: LLVM does not vectorize a loop over indices that might be negative. In short loops, a
    slice costs more than the loop itself.
    """
    return range(np.uint64(start), np.uint64(stop))
