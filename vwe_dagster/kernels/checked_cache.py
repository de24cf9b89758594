"""The cache of compiled kernels. All checkouts share it; checksums prevent damaged code from crashing a process."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import inspect
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba.np.linalg
from numba.core.caching import CompileResultCacheImpl, FunctionCache, IndexDataCacheFile, _CacheLocator

from vwe_dagster.kernels.cache import cache_folder

_CHECKSUM_BYTES = hashlib.sha256().digest_size


class DamagedCacheError(OSError):
    """A cache file whose checksum does not match its content."""


class _ModuleFolder(_CacheLocator):  # type: ignore[misc]  # numba has no type hints
    """The folder of a kernel's module.

    The locators of numba add the path of the module, so each checkout and each installation would compile all kernels.
    """

    def __init__(self, folder: Path, first_line: int) -> None:
        self._folder = folder
        self._first_line = first_line

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        """Return a constant: the name of the folder already has a digest of the sources."""
        return ""

    def get_disambiguator(self) -> str:
        return str(self._first_line)

    @classmethod
    def from_function(cls, function: Callable[..., Any], file: str) -> _ModuleFolder | None:
        folder = cache_folder(Path(file).resolve())
        return None if folder is None else cls(folder, function.__code__.co_firstlineno)


class _InModuleFolder(CompileResultCacheImpl):  # type: ignore[misc]
    def __init__(self, function: Callable[..., Any]) -> None:
        """Initialize the object as numba's constructor does, but without searching for a locator.

        That search follows the variable ``NUMBA_CACHE_LOCATOR_CLASSES``, whose folders no digest of the sources names.

        Raises:
            RuntimeError: no folder can be written.
        """
        file = inspect.getfile(function)
        locator = _ModuleFolder.from_function(function, file)
        if locator is None:
            raise RuntimeError(f"The machine code of {function.__qualname__} cannot be cached: no folder is writable.")
        self._lineno = function.__code__.co_firstlineno
        self._locator = locator
        self._filename_base = self.get_filename_base(f"{Path(file).stem}.{function.__qualname__}", sys.abiflags)


class CheckedCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one kernel, in :func:`~vwe_dagster.kernels.cache.cache_folder`; the folder must be writable."""

    _impl_class = _InModuleFolder

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = _CheckedCacheFile(
            self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp()
        )

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the machine code for a signature, None if there is none."""
        _load_array_functions()
        return super().load_overload(sig, target_context)

    @contextlib.contextmanager
    def _guard_against_spurious_io_errors(self) -> Iterator[None]:
        """Report a file that cannot be read or written; the kernel is then compiled for this process only."""
        try:
            yield
        except OSError as error:
            _report_unusable(Path(self._cache_path).parent, error.strerror or str(error))


class _CheckedCacheFile(IndexDataCacheFile):  # type: ignore[misc]
    """The cache files of one function; each begins with the SHA-256 of the rest.

    A damaged file counts as missing, so the function is compiled again, and one line on standard error names the file.
    """

    def save(self, key: Any, data: Any) -> None:
        """Write machine code to a file that only its key can have, then the index.

        numba numbers the files. If two processes compile a kernel for different types, both may choose the same number,
        and the index of one then names the code of the other.
        """
        overloads = self._load_index()
        name = overloads.get(key) or self._data_name(hashlib.sha256(self._dump(key)).hexdigest()[:16])
        self._save_data(name, data)
        self._save_index({**overloads, key: name})

    def _data_name(self, key: str) -> str:
        return f"{self._index_name.removesuffix('.nbi')}.{key}.nbc"

    def _load_index(self) -> dict[Any, str]:
        try:
            content = io.BytesIO(_checked(Path(self._index_path)))
        except FileNotFoundError:
            return {}
        except DamagedCacheError as error:
            sys.stderr.write(f"{error}\n")
            return {}
        if pickle.load(content) != self._version:  # noqa: S301  the cache is the user's own
            return {}
        stamp, overloads = pickle.load(content)  # noqa: S301
        return overloads if stamp == self._source_stamp else {}

    def _load_data(self, name: str) -> Any:
        try:
            return pickle.loads(_checked(Path(self._data_path(name))))  # noqa: S301
        except DamagedCacheError as error:
            sys.stderr.write(f"{error}\n")
            raise

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[io.BytesIO]:
        content = io.BytesIO()
        yield content
        with super()._open_for_write(filepath) as file:
            file.write(hashlib.sha256(content.getvalue()).digest())
            file.write(content.getvalue())


@functools.cache
def _load_array_functions() -> None:
    """Load numba's functions of arrays without SciPy.

    While they load, numba checks that SciPy has products of matrices. That takes 0.2 s and 16 MB, and no kernel
    multiplies matrices. A function that does so checks it again.
    """
    ensure_blas = numba.np.linalg.ensure_blas
    numba.np.linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        numba.np.linalg.ensure_blas = ensure_blas


@functools.cache
def _report_unusable(folder: Path, reason: str) -> None:
    sys.stderr.write(
        f"Compiled kernels cannot be cached in {folder} ({reason}): this process compiles them itself. Free space, "
        "correct the owner of the files, or set NUMBA_CACHE_DIR to another folder.\n"
    )


def _checked(path: Path) -> bytes:
    """Return the content of a cache file after its checksum.

    Raises:
        DamagedCacheError: the checksum does not match.
    """
    whole = path.read_bytes()
    checksum, content = whole[:_CHECKSUM_BYTES], whole[_CHECKSUM_BYTES:]
    if hashlib.sha256(content).digest() != checksum:
        raise DamagedCacheError(f"The compiled kernel {path} is damaged; it is compiled again.")
    return content
