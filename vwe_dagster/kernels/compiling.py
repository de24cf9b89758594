"""Compiled kernels: one decorator, and a cache of machine code that is never stale.

numba's own cache looks at the file of the outermost function only: a change in a function that it calls would go
unnoticed. Here the cache folder is named after the contents of every file that the kernels are made from, and folders
of other versions are removed when a new one is begun.

Other packages have kernels too. These call only what stands in their own file, at which numba's cache does look.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numba.core.config
import numpy as np

PACKAGE = Path(__file__).resolve().parents[1]
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _cache_folder() -> Path:
    digest = hashlib.sha256(numba.__version__.encode())
    for pattern in ("kernels/*.py", "world/*.py", "worldgen/*.py", "worldgen/*.csv"):
        for source in sorted(PACKAGE.glob(pattern)):
            digest.update(source.read_bytes())
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "vwe" / "kernels" / digest.hexdigest()[:16]


CACHE_FOLDER = _cache_folder()
"""Where the machine code of this version of the kernels is kept."""


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


def _compiled(function: _Function, **options: bool) -> _Function:
    config: Any = numba.core.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(CACHE_FOLDER)
    try:
        compiled: Any = numba.njit(cache=True, error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options)(
            function
        )
    finally:
        config.CACHE_DIR = before
    return cast(_Function, compiled)


@kernel
def flat(start: int, stop: int) -> range:
    """The places from ``start`` to before ``stop``, neither negative, for a loop without a branch.

    They come unsigned: an index that might be negative keeps a loop from becoming vector instructions, and a slice
    costs more than the loop where loops are short.
    """
    return range(np.uint64(start), np.uint64(stop))


def are_kernels_cached() -> bool:
    """Whether this version of the kernels has been compiled here, down to the last one that a grid needs."""
    return any(CACHE_FOLDER.glob("*/planes.fill_rows*.nbc"))


def remove_other_versions() -> None:
    """Removes machine code of other versions, unless it was used within a day: two checkouts may take turns."""
    yesterday = time.time() - 24 * 3600
    for folder in CACHE_FOLDER.parent.glob("*"):
        if folder != CACHE_FOLDER and folder.stat().st_mtime < yesterday:
            shutil.rmtree(folder, ignore_errors=True)
