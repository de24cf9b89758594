"""Decorators that compile kernels with numba and keep the machine code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.config
import numpy as np

from vwe_dagster.kernels.cache import cache_folder
from vwe_dagster.kernels.checked_cache import CheckedCacheFile

_Function = TypeVar("_Function", bound=Callable[..., Any])


def kernel(function: _Function) -> _Function:
    """Compiles a function at its first call, without fast-math, and keeps the machine code.

    Divisions by zero give infinities and NaN as in IEEE-754 instead of raising.
    """
    return _compiled(function)


def borrowing_kernel(function: _Function) -> _Function:
    """A :func:`kernel` that neither makes nor returns arrays, and does not count references to those it is given.

    Counting takes longer than a short row does: two atomic instructions for each array of each tuple at each call.
    """
    return _compiled(function, _nrt=False)


def inner_kernel(function: _Function) -> _Function:
    """A :func:`borrowing_kernel` that only kernels may call: called from Python it ends the process.

    To unpack tuples of arrays from Python takes longer to compile than most kernels.
    """
    return _compiled(function, _nrt=False, no_cpython_wrapper=True)


def inlined_kernel(function: _Function) -> _Function:
    """Compile an :func:`inner_kernel` that is inlined into every kernel that calls it.

    For small functions that take or return :mod:`~vwe_dagster.kernels.vectors`: a call would pass these in memory.
    """
    return _compiled(function, _nrt=False, no_cpython_wrapper=True, forceinline=True)


def _compiled(function: _Function, **options: bool) -> _Function:
    config: Any = numba.core.config
    before = config.CACHE_DIR
    folder = cache_folder(Path(inspect.getfile(function)).resolve())
    config.CACHE_DIR = str(folder or "")
    try:
        compiled: Any = numba.njit(
            cache=folder is not None, error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options
        )(function)
    finally:
        config.CACHE_DIR = before
    if folder is not None:
        compiled._cache._cache_file = CheckedCacheFile.replacing(compiled._cache._cache_file)  # noqa: SLF001
    return cast(_Function, compiled)


@kernel
def flat(start: int, stop: int) -> range:
    """The places from ``start`` to before ``stop``, neither negative, for a loop without a branch.

    They come unsigned: an index that might be negative keeps a loop from becoming vector instructions, and a slice
    costs more than the loop where loops are short.
    """
    return range(np.uint64(start), np.uint64(stop))
