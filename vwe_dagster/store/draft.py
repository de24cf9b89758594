"""Drafts: the files of a stage in the making, and the facts about them that the manifest will tell."""

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
from vwe_dagster.store.manifest import FileFacts, check_file_name

if TYPE_CHECKING:
    import pandas as pd

_SETTLED_AT_ONCE = 8


class Draft:
    """A stage that nobody sees yet; :meth:`vwe_dagster.store.WorldStore.publish` gives one and publishes it."""

    def __init__(self, folder: Path) -> None:
        """Starts with no file.

        Args:
            folder: an empty folder that belongs to this draft alone.
        """
        self._folder = folder
        self._told: dict[str, dict[str, Any]] = {}
        self._sha256: dict[str, str] = {}
        self.maker: Mapping[str, JsonValue] | None = None
        self.seconds_before = 0.0

    def made_by(self, maker: Mapping[str, JsonValue], *, seconds: float) -> None:
        """Says who made the content, where the recipe could only tell who was going to.

        Args:
            maker: takes the place of the recipe's ``made_by``.
            seconds: how long that took before the draft was begun.
        """
        self.maker = maker
        self.seconds_before = seconds

    def path(self, name: str) -> Path:
        """Where to write a file; once written, :meth:`file` records it.

        Raises:
            ValueError: ``name`` is not the name of a file that a stage may have.
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
        """Records a file written at :meth:`path`, with what :class:`FileFacts` can tell of it."""
        check_file_name(name)
        self._told[name] = {"dtype": dtype, "shape": shape, "axes": axes, "units": units}

    def array(self, name: str, array: npt.NDArray[np.generic], *, units: str, axes: str = "z,x south first") -> None:
        """Writes an array, see :mod:`vwe_dagster.store.arrays`, and records it."""
        self.path(name).write_bytes(array_to_bytes(array))
        self.file(name, dtype=array.dtype.name, shape=array.shape, axes=axes, units=units)

    def link(self, name: str, source: Path, facts: FileFacts) -> None:
        """Takes over a file of another stage, without a second copy of it where the disk can do that.

        Args:
            name: what it is called in this stage.
            source: the file, which nobody writes to any more.
            facts: what the manifest of the other stage says of it.
        """
        path = self.path(name)
        try:
            path.hardlink_to(source)
        except OSError:
            shutil.copyfile(source, path)
        self.file(name, dtype=facts.dtype, shape=facts.shape, axes=facts.axes, units=facts.units)
        self._sha256[name] = facts.sha256

    def table(self, name: str, table: pd.DataFrame, *, units: Mapping[str, str]) -> None:
        """Writes a table as Parquet, without its index, and records it.

        Args:
            name: the file's name.
            table: what to write.
            units: the unit of every column that has one.

        Raises:
            ValueError: a unit is given for a column that the table does not have.
        """
        strangers = units.keys() - set(table.columns)
        if strangers:
            raise ValueError(f"The table {name} has no column {', '.join(sorted(strangers))} to have a unit.")
        table.to_parquet(self.path(name), index=False)
        dtypes = {str(column): str(dtype) for column, dtype in table.dtypes.items()}
        self.file(name, dtype=dtypes, shape=table.shape, axes="row,column", units=units)

    def json(self, name: str, content: JsonValue) -> None:
        """Writes JSON, indented for a reader, and records it.

        Raises:
            ValueError: ``content`` holds a number that is not finite.
        """
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        self.path(name).write_text(text + "\n", encoding="utf-8")
        self.file(name)

    def settle(self) -> dict[str, FileFacts]:
        """Forces every recorded file to the disk.

        Returns:
            What the manifest says of each.

        Raises:
            ValueError: a file was recorded and not written, or written and not recorded.
            StoreError: a file taken over from another stage is not the one that was meant.
        """
        entries = [(path.relative_to(self._folder).as_posix(), path.is_dir()) for path in self._folder.rglob("*")]
        written = {name for name, is_folder in entries if not is_folder}
        for name in sorted(written ^ self._told.keys()):
            fault = "written but not recorded" if name in written else "recorded but not written"
            raise ValueError(f"The file {name} of the stage was {fault}; a stage has both or neither.")
        # The disk takes many files at once sooner than one after the other.
        with concurrent.futures.ThreadPoolExecutor(_SETTLED_AT_ONCE) as threads:
            facts = list(threads.map(self._settled, self._told.keys(), self._told.values()))
        for name, is_folder in entries:
            if is_folder:
                sync_folder(self._folder / name)
        return dict(zip(self._told, facts, strict=True))

    def _settled(self, name: str, told: Mapping[str, Any]) -> FileFacts:
        with (self._folder / name).open("rb") as file:
            os.fsync(file.fileno())
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if self._sha256.get(name, sha256) != sha256:
                raise StoreError(f"The file {name} of another stage changed while it was taken over; run this again.")
            return FileFacts(bytes=file.tell(), sha256=sha256, **told)
