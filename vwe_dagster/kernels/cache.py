"""The cache of compiled kernels: one folder for each module and each version of its dependencies."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import llvmlite
import numba
import numba.core.config
import numpy as np

from vwe_dagster.kernels.sources import PACKAGE, sources_digest

_GRID_KERNELS = {"worldgen/pregeneration.py": "pregeneration.*", "worldgen/height_rows.py": "height_rows.fill_heights*"}
"""By module, the file names of the kernels that are compiled last for a grid."""

_CODE_SETTINGS = ("BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "OPT", "SLP_VECTORIZE", "USING_SVML")
"""The settings of numba that change machine code and that numba does not compare itself."""


@functools.cache
def cache_folder(source: Path) -> Path | None:
    """Return the folder for the machine code of a module's kernels; None if no folder can be written.

    The name of the folder has a digest over everything that the kernels depend on, numba's settings included. numba
    itself compares the file of a kernel only: the cached code would keep old values of constants and old code of
    functions from other modules. The digest covers no path, so all checkouts and installations of a version share their
    machine code.

    Args:
        source: the module's file.
    """
    name = folder_name(source)
    for base in _bases():
        folder = base / name
        if _is_writable(folder):
            _report_fallback(base)
            return folder
    _report_fallback(None)
    return None


def folder_name(source: Path) -> str:
    """Return the name of a module's cache folder in this version."""
    path = source.relative_to(PACKAGE) if source.is_relative_to(PACKAGE) else Path(source.name)
    digest = hashlib.sha256(f"{sources_digest(source)} {_compiler()}".encode()).hexdigest()[:16]
    return f"{'.'.join(path.with_suffix('').parts)}-{numba.__version__}-{digest}"


def _compiler() -> str:
    """Return the versions and settings, apart from numba's version, that determine machine code."""
    settings = (f"{name}={getattr(numba.core.config, name)}" for name in _CODE_SETTINGS)
    return " ".join((f"llvmlite={llvmlite.__version__}", f"numpy={np.__version__}", *settings))


def are_kernels_cached() -> bool:
    """Return whether the kernels that a grid needs have been compiled in this version."""
    folders = {cache_folder(PACKAGE / module): name for module, name in _GRID_KERNELS.items()}
    return all(folder is not None and any(folder.glob(f"{name}.nbc")) for folder, name in folders.items())


def remove_other_versions() -> None:
    """Remove machine code of other versions that was unused for a day; two checkouts may share a cache."""
    yesterday = time.time() - 24 * 3600
    for base in {folder.parent for module in _GRID_KERNELS if (folder := cache_folder(PACKAGE / module))}:
        for folder in base.iterdir():
            # Another process may remove the same folders.
            with contextlib.suppress(OSError):
                if not _is_current(folder) and folder.stat().st_mtime < yesterday:
                    shutil.rmtree(folder, ignore_errors=True)


def _is_current(folder: Path) -> bool:
    source = PACKAGE.joinpath(*folder.name.partition("-")[0].split(".")).with_suffix(".py")
    return source.is_file() and folder.name == folder_name(source)


def _bases() -> Iterator[Path]:
    """Yield the possible folders of the cache, in order of preference."""
    yield from _user_cache()
    if home := os.environ.get("VWE_HOME"):
        yield Path(os.path.expanduser(home)) / ".vwe" / "kernels"  # noqa: PTH111  Path.expanduser raises
    with contextlib.suppress(OSError):
        yield from _temporary()


def _user_cache() -> Iterator[Path]:
    # Without a home the path still begins with the tilde.
    home = os.path.expanduser("~")  # noqa: PTH111
    base = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    if base or home != "~":
        yield Path(base or Path(home, ".cache")) / "vwe" / "kernels"


def _temporary() -> Iterator[Path]:
    """Yield a folder that only this user may enter, because the machine code in it is executed."""
    private = Path(tempfile.gettempdir()) / f"vwe-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    status = private.lstat()
    if stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077:
        yield private / "kernels"


def _is_writable(folder: Path) -> bool:
    """Create a folder and mark it as used; return whether files can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        os.utime(folder)
    except OSError:
        return False
    return True


@functools.cache
def _report_fallback(base: Path | None) -> None:
    preferred = next(_user_cache(), Path("~/.cache/vwe/kernels"))
    if base is None:
        sys.stderr.write(
            f"Neither {preferred} nor a temporary folder can be written: every process compiles its kernels again, "
            "which takes a minute. Set NUMBA_CACHE_DIR to a writable folder.\n"
        )
    elif base != preferred:
        sys.stderr.write(f"{preferred} cannot be written; compiled kernels are cached in {base} instead.\n")
