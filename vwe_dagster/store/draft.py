"""Drafts: the files of a stage that is being built, with their metadata for the manifest."""

from __future__ import annotations

import concurrent.futures
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import JsonValue

from vwe_dagster.files.atomic import sync_folder
from vwe_dagster.store.arrays import array_to_bytes
from vwe_dagster.store.errors import StoreError
from vwe_dagster.store.manifest import FileEntry, check_file_name

if TYPE_CHECKING:
    import pandas as pd

_CONCURRENT_SYNCS = 8


class Draft:
    """A stage that is not published yet; see :meth:`vwe_dagster.store.WorldStore.publish`."""

    def __init__(self, folder: Path) -> None:
        """Start without files, in an empty folder that only this draft uses."""
        self._folder = folder
        self._metadata: dict[str, dict[str, Any]] = {}
        self._sha256: dict[str, str] = {}
        self.maker: Mapping[str, JsonValue] | None = None
        self.seconds_before = 0.0

    def record_engine(self, maker: Mapping[str, JsonValue], *, seconds: float) -> None:
        """Record the actual engine of the content, if the recipe could only name the expected one.

        Args:
            maker: replaces the recipe's ``made_by``.
            seconds: the time that the engine took before the draft was created.
        """
        self.maker = maker
        self.seconds_before = seconds

    def path(self, name: str) -> Path:
        """Return the path for a file; the caller writes it and calls :meth:`file`.

        Raises:
            ValueError: ``name`` is not a valid file name of a stage.
        """
        check_file_name(name)
        path = self._folder / name
        if "/" in name:
            path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def file(
        self,
        name: str,
        *,
        dtype: str | Mapping[str, str] | None = None,
        shape: tuple[int, ...] | None = None,
        axes: str | None = None,
        units: str | Mapping[str, str] | None = None,
    ) -> None:
        """Record a file that was written to :meth:`path`, with its metadata; see :class:`FileEntry`."""
        check_file_name(name)
        self._metadata[name] = {"dtype": dtype, "shape": shape, "axes": axes, "units": units}

    def array(self, name: str, array: npt.NDArray[np.generic], *, units: str, axes: str = "z,x south first") -> None:
        """Write an array file (see :mod:`vwe_dagster.store.arrays`), and record it."""
        self.path(name).write_bytes(array_to_bytes(array))
        self.file(name, dtype=array.dtype.name, shape=array.shape, axes=axes, units=units)

    def link(self, name: str, source: Path, entry: FileEntry) -> None:
        """Add a file of another stage: as a hard link if the file system supports it, else as a copy.

        Args:
            name: the name of the file in this stage.
            source: the existing file, which must not change any more.
            entry: the entry of the file in the other stage's manifest.
        """
        path = self.path(name)
        try:
            path.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, path)
        self.file(name, dtype=entry.dtype, shape=entry.shape, axes=entry.axes, units=entry.units)
        self._sha256[name] = entry.sha256

    def table(self, name: str, table: pd.DataFrame, *, units: Mapping[str, str]) -> None:
        """Write a table as Parquet, without its index, and record it.

        Args:
            name: the name of the file.
            table: the table.
            units: the units of columns, by column name.

        Raises:
            ValueError: ``units`` names a column that the table does not have.
        """
        unknown = units.keys() - set(table.columns)
        if unknown:
            raise ValueError(f"The units of the table {name} name missing columns: {', '.join(sorted(unknown))}.")
        table.to_parquet(self.path(name), index=False)
        dtypes = {str(column): str(dtype) for column, dtype in table.dtypes.items()}
        self.file(name, dtype=dtypes, shape=table.shape, axes="row,column", units=units)

    def json(self, name: str, content: JsonValue) -> None:
        """Write indented JSON, and record it.

        Raises:
            ValueError: ``content`` contains a number that is not finite.
        """
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        self.path(name).write_text(text + "\n", encoding="utf-8")
        self.file(name)

    def flush(self) -> dict[str, FileEntry]:
        """Flush every recorded file to the disk.

        Returns:
            The entries of the files for the manifest.

        Raises:
            ValueError: a file was recorded but not written, or written but not recorded.
            StoreError: the content of a linked file differs from its entry.
        """
        entries = [(path.relative_to(self._folder).as_posix(), path.is_dir()) for path in self._folder.rglob("*")]
        written = {name for name, is_folder in entries if not is_folder}
        for name in sorted(written ^ self._metadata.keys()):
            fault = "written but not recorded" if name in written else "recorded but not written"
            raise ValueError(f"The file {name} of the stage was {fault}; write and record every file.")
        # Flushing many files concurrently is faster than one after the other.
        with concurrent.futures.ThreadPoolExecutor(_CONCURRENT_SYNCS) as threads:
            files = list(threads.map(self._flushed, self._metadata.keys(), self._metadata.values()))
        for name, is_folder in entries:
            if is_folder:
                sync_folder(self._folder / name)
        return dict(zip(self._metadata, files, strict=True))

    def _flushed(self, name: str, metadata: Mapping[str, Any]) -> FileEntry:
        with (self._folder / name).open("rb") as file:
            os.fsync(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if self._sha256.get(name, sha256) != sha256:
                raise StoreError(
                    f"The file {name} of another stage changed while it was linked; run the command again."
                )
            return FileEntry(bytes=file.tell(), sha256=sha256, **metadata)
