"""The world store finds, checks, publishes and removes the stages of seeds in the data folder.

A stage is the folder ``seeds/<hash of the seed>/<stage>`` below the root, with a ``manifest.json``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import io
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from vwe_dagster.files.atomic import remove_folder, replace_folder, restore_folder, write_to_disk
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.seeds.seed import Seed, folder_name_of
from vwe_dagster.store.draft import Draft
from vwe_dagster.store.errors import StoreError, disk_errors_explained
from vwe_dagster.store.manifest import (
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    SCHEMA_VERSIONS,
    STAGES,
    FileEntry,
    Manifest,
    Recipe,
    Stage,
)
from vwe_dagster.store.name_links import NameLinks
from vwe_dagster.store.stage_counts import Outcome, StageCounts

_UPSTREAM: tuple[Stage, ...] = ("raw", "extracted", "processed")
"""Stages that other stages are built from."""

_NO_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError, NotAFileError)


class WorldStore:
    """The data folder. Any number of processes may use it concurrently.

    Every method raises :class:`StoreError` if the disk is full, not accessible or broken.
    """

    def __init__(self, root: Path, *, stage_counts: StageCounts | None = None) -> None:
        """Set the data folder, which need not exist yet.

        Args:
            root: the data folder.
            stage_counts: counters of built and kept stages; None counts nothing.
        """
        self.root = root.absolute()
        self._stage_counts = stage_counts
        self._names = NameLinks(self.root)

    def folder(self, seed: Seed, stage: Stage) -> Path:
        """Return the path of a stage, which need not exist."""
        return self._seed_folder(seed) / stage

    def readable_folder(self, seed: Seed, stage: Stage) -> Path:
        """Return the folder of a stage by its readable link, for people; by its hash if there is no link."""
        return self._names.folder(seed) / stage

    def published_stages(self, seed: Seed) -> list[Stage]:
        """Return the stages of a seed that have a manifest file; the manifests are not read."""
        folder = str(self._seed_folder(seed))
        return [stage for stage in STAGES if os.path.isfile(f"{folder}/{stage}/{MANIFEST_NAME}")]  # noqa: PTH113  see _trace

    def manifest(self, seed: Seed, stage: Stage) -> Manifest | None:
        """Return the manifest of a stage; None if the stage is missing or its manifest is invalid."""
        folder = self.folder(seed, stage)
        with disk_errors_explained(self.root):
            manifest = _read_manifest(folder)
            if manifest is None and restore_folder(folder):
                manifest = _read_manifest(folder)
        return manifest if manifest and (manifest.seed, manifest.stage) == (seed, stage) else None

    def version(self, manifest: Manifest) -> str:
        """Return the version of a stage, see :meth:`vwe_dagster.store.manifest.Manifest.version`."""
        found = {stage: self.manifest(manifest.seed, stage) for stage in _UPSTREAM if stage != manifest.stage}
        return manifest.version({stage: source for stage, source in found.items() if source is not None})

    def damaged(self, seed: Seed, stage: Stage) -> list[str]:
        """Return a sentence on each damage of a stage; empty if it exists and every file has its length and hash."""
        manifest = self.manifest(seed, stage)
        if manifest is None:
            return [f"The stage {stage} of the seed {seed.key} was never built, or its manifest is invalid."]
        return self._damage(manifest)

    def current(self, seed: Seed, stage: Stage, recipe: Recipe) -> Manifest | None:
        """Return the manifest of a stage if the stage is up to date, else None.

        A stage is up to date if its recipe has the same fingerprint and every file is undamaged.
        """
        manifest = self.manifest(seed, stage)
        if manifest is None or manifest.recipe.fingerprint != recipe.fingerprint or self._damage(manifest):
            return None
        return manifest

    def read(self, manifest: Manifest, name: str) -> io.BytesIO:
        """Return the content of a file of a stage, after comparing its hash with the manifest.

        Raises:
            StoreError: the file is damaged, or the stage was rebuilt after the manifest was read.
            KeyError: the manifest does not list the file.
        """
        entry = manifest.files[name]
        path = self.folder(manifest.seed, manifest.stage) / name
        with disk_errors_explained(self.root), contextlib.suppress(*_NO_FILE):
            content = read_file(path, entry.bytes + 1)
            if hashlib.sha256(content).hexdigest() == entry.sha256:
                return io.BytesIO(content)
        now = self.manifest(manifest.seed, manifest.stage)
        if now is not None and now != manifest:
            raise StoreError(
                f"The stage {manifest.stage} of {manifest.seed.key} has just been rebuilt by another run; "
                f"run the command again."
            )
        raise StoreError(f"The file {path} differs from its manifest; build the stage {manifest.stage} again.")

    @contextlib.contextmanager
    def publish(self, seed: Seed, stage: Stage, recipe: Recipe) -> Iterator[Draft]:
        """Build a stage: the caller writes its files to the draft within the block.

        At the end of the block, the new stage replaces the former one atomically. If the block raises or the process is
        killed, the former stage stays. Other processes that build the same stage wait.
        """
        with disk_errors_explained(self.root), replace_folder(self.folder(seed, stage)) as folder:
            began = time.monotonic()
            draft = Draft(folder)
            yield draft
            manifest = Manifest(
                schema_version=SCHEMA_VERSIONS[-1],
                seed=seed,
                stage=stage,
                recipe=recipe if draft.maker is None else dataclasses.replace(recipe, made_by=draft.maker),
                files=draft.flush(),
                made_at=dt.datetime.now(dt.UTC),
                seconds=draft.seconds_before + time.monotonic() - began,
            )
            write_to_disk(folder / MANIFEST_NAME, manifest.to_json())
        self._names.add(seed)
        self.count(stage, "made")

    def count(self, stage: Stage, outcome: Outcome) -> None:
        """Count a stage that was built or kept; :meth:`publish` counts built stages itself."""
        if self._stage_counts is not None:
            self._stage_counts.add(stage, outcome)

    def seeds(self, *, besides: Iterable[str] = ()) -> Iterator[Seed]:
        """Yield every seed that has a stage on disk, in arbitrary order.

        Args:
            besides: keys of seeds to skip, without reading their manifests.
        """
        left_out = {folder_name_of(key) for key in besides}
        with disk_errors_explained(self.root):
            for folder in sorted((self.root / "seeds").glob("*/")):
                seed = None if folder.name in left_out else self.seed_of(folder.name)
                if seed is not None:
                    yield seed

    def seed_of(self, folder_name: str) -> Seed | None:
        """Return the seed of a folder below ``seeds/``; None if no stage in it has a valid manifest of that seed."""
        folder = self.root / "seeds" / folder_name
        manifests = (_read_manifest(folder / stage) for stage in STAGES)
        seed = next((manifest.seed for manifest in manifests if manifest), None)
        return seed if seed is not None and self._seed_folder(seed) == folder else None

    def traces(self, *stages: Stage) -> dict[str, str]:
        """Return a text per seed folder that changes when one of the stages does; no manifest is read."""
        found = {}
        with (
            disk_errors_explained(self.root),
            contextlib.suppress(FileNotFoundError),
            os.scandir(self.root / "seeds") as folders,
        ):
            for folder in folders:
                found[folder.name] = " ".join(_trace(f"{folder.path}/{stage}/{MANIFEST_NAME}") for stage in stages)
        return found

    def remove(self, seed: Seed) -> None:
        """Remove every stage of a seed, after waiting for processes that are building one."""
        with disk_errors_explained(self.root):
            for stage in reversed(STAGES):
                remove_folder(self.folder(seed, stage))
            # The folder stays if another process has just begun to build a stage.
            with contextlib.suppress(OSError):
                self._seed_folder(seed).rmdir()
        self._names.remove(seed)

    def repair_names(self) -> int:
        """Repair the readable links to the folders of seeds, see :class:`vwe_dagster.store.name_links.NameLinks`.

        Returns:
            The number of added and removed links.
        """
        return self._names.repair(self.seed_of)

    def _seed_folder(self, seed: Seed) -> Path:
        return self.root / "seeds" / seed.folder_name

    def _damage(self, manifest: Manifest) -> list[str]:
        folder = self.folder(manifest.seed, manifest.stage)
        with disk_errors_explained(self.root):
            faults = ((folder / name, _fault(folder / name, entry)) for name, entry in manifest.files.items())
            return [f"The file {path} {fault}; build the stage again." for path, fault in faults if fault]


def _trace(path: str) -> str:
    try:
        entry = os.stat(path)  # noqa: PTH116  a Path per manifest doubles the time for 10,000 seeds
    except _NO_FILE:
        return "-"
    return f"{entry.st_ino}:{entry.st_mtime_ns}"


def _read_manifest(folder: Path) -> Manifest | None:
    try:
        return Manifest.from_json(read_file(folder / MANIFEST_NAME, MAX_MANIFEST_BYTES))
    except (*_NO_FILE, ValueError):
        return None


def _fault(path: Path, entry: FileEntry) -> str | None:
    if not path.is_file():
        return "is missing"
    size = path.stat().st_size
    if size != entry.bytes:
        return f"has {size} bytes instead of {entry.bytes}"
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256:
            return "has changed since it was written"
    return None
