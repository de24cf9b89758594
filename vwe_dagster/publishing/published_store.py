"""Published worlds and surveys as a data folder: manifests are copied, and files are fetched when they are read."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import threading
from pathlib import Path

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.files.atomic import remove_folder, replace_folder, write_atomically, write_to_disk
from vwe_dagster.files.bounded_read import NotAFileError, read_file
from vwe_dagster.publishing.bucket import Bucket, BucketError, in_threads
from vwe_dagster.publishing.checksums import has_sha256, read_verified
from vwe_dagster.publishing.documents import (
    MAX_DOCUMENT_BYTES,
    SURVEY_DOCUMENT,
    WORLDS,
    DamagedObjectError,
    NewerSchemaError,
    PublishedFile,
    PublishedStage,
    file_object,
    manifest_object,
    parse_survey,
    parse_world,
    seed_folder_of,
    world_document,
)
from vwe_dagster.publishing.object_cache import ObjectCache
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import MANIFEST_NAME, Manifest, Stage, WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.store.manifest import SCHEMA_VERSIONS, STATISTICS
from vwe_dagster.survey.files import SUFFIX, file_of, folder_of

_INDEX = "worlds.json"
_MAX_INDEX_BYTES = 256 * 2**20

_CACHE = "objects"

_DOCUMENT = "published.json"
"""The copy of the document of a world, beside its stages."""


@dataclasses.dataclass(frozen=True)
class RefreshResult:
    """The result of a refresh.

    Attributes:
        worlds: number of worlds that can be read.
        changed: number of worlds that were added, replaced or removed.
        left_out: for each world whose current version cannot be read, the reason.
    """

    worlds: int
    changed: int
    left_out: tuple[str, ...]


class PublishedStore(WorldStore):
    """The worlds and the survey at an address, for reading only.

    The data folder below ``folder`` has the manifests of every world and the files of the survey; :meth:`refresh` and
    :meth:`refresh_survey` bring both up to date. The files of worlds are fetched when they are read, into a cache.

    Args:
        bucket: the bucket.
        folder: the folder of everything that is fetched, from any address.
        cache_bytes: the limit of the cache of the files of worlds.
    """

    def __init__(self, bucket: Bucket, folder: Path, cache_bytes: int) -> None:
        address = bucket.address
        place = folder / hashlib.sha256(f"{address.endpoint} {address}".encode()).hexdigest()[:16]
        super().__init__(place / "data")
        self._bucket = bucket
        self._index = place / _INDEX
        self._cache = ObjectCache(folder / _CACHE, cache_bytes)
        self._refreshing = threading.Lock()

    def refresh(self) -> RefreshResult:
        """Bring the manifests up to date; the manifests of unchanged worlds are not fetched.

        A world that cannot be read stays in its former version.

        Raises:
            BucketError: the bucket cannot be used.
            StoreError: the folder cannot be written.
        """
        with self._refreshing, disk_errors_explained(self.root):
            listed = {
                name: each.etag
                for path, each in self._bucket.listing(WORLDS).items()
                if (name := seed_folder_of(path)) is not None
            }
            known = self._known()
            changed = [name for name, etag in listed.items() if known.get(name) != etag]
            removed = known.keys() - listed.keys()
            faults = dict(zip(changed, in_threads(self._fetch_world, changed), strict=True))
            for name in removed:
                remove_folder(self.root / "seeds" / name)
            now = {name: listed[name] for name in listed if faults.get(name) is None}
            if now != known:
                self._index.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._index, json.dumps(now).encode())
            left_out = tuple(fault for fault in faults.values() if fault is not None)
            return RefreshResult(len(now), len(changed) + len(removed) - len(left_out), left_out)

    def refresh_survey(self) -> int:
        """Bring the files of the survey up to date.

        Returns:
            The number of rows.

        Raises:
            BucketError: the bucket cannot be used, or an object of the survey is damaged.
            StoreError: the folder cannot be written.
        """
        with self._refreshing, disk_errors_explained(self.root):
            stored = self._bucket.read(SURVEY_DOCUMENT, MAX_DOCUMENT_BYTES)
            survey = None if stored is None else parse_survey(stored.content, self._place(SURVEY_DOCUMENT))
            files = () if survey is None else survey.files
            in_threads(self._fetch_survey_file, files)
            expected = {file_of(self, each.depth, each.name) for each in files}
            for depth in Depth:
                for path in folder_of(self, depth).glob(f"*{SUFFIX}"):
                    if path not in expected:
                        path.unlink(missing_ok=True)
            return sum(each.rows for each in files)

    def read(self, manifest: Manifest, name: str) -> io.BytesIO:
        """Return the content of a file of a stage from the cache, or from the bucket.

        Raises:
            BucketError: the bucket cannot be used, or the object is missing or damaged.
            KeyError: the manifest does not list the file.
        """
        entry = manifest.files[name]

        def fetch() -> bytes:
            return self._fetch(file_object(manifest, name), entry.sha256, entry.bytes)

        return io.BytesIO(self._cache.content(entry.sha256, entry.bytes, fetch))

    def _known(self) -> dict[str, str]:
        """Return the entity tags of the worlds whose manifests are in the folder and undamaged, by seed folder."""
        with contextlib.suppress(OSError, NotAFileError, ValueError):
            known = json.loads(read_file(self._index, _MAX_INDEX_BYTES))
            if isinstance(known, dict):
                return {name: etag for name, etag in known.items() if _is_whole(self.root / "seeds" / name)}
        return {}

    def _fetch_world(self, name: str) -> str | None:
        """Fetch the manifests of a world and return None, or the reason why the world cannot be read."""
        path = world_document(name)
        stored = self._bucket.read(path, MAX_DOCUMENT_BYTES)
        if stored is None:
            return f"The world {self._place(path)} was removed in the meantime."
        try:
            world = parse_world(stored.content, self._place(path))
            if world.seed.folder_name != name:
                return f"The object {self._place(path)} has another seed, {world.seed.key}; publish that seed again."
            manifests = {stage: self._fetch_manifest(world.seed, stage, each) for stage, each in world.stages.items()}
        except (NewerSchemaError, DamagedObjectError) as error:
            return str(error)
        with replace_folder(self.root / "seeds" / name) as draft:
            for stage, content in manifests.items():
                (draft / stage).mkdir()
                write_to_disk(draft / stage / MANIFEST_NAME, content)
            write_to_disk(draft / _DOCUMENT, stored.content)
        return None

    def _fetch_manifest(self, seed: Seed, stage: Stage, published: PublishedStage) -> bytes:
        path = manifest_object(seed, stage, published)
        content = self._fetch(path, published.manifest_sha256, published.manifest_bytes)
        try:
            fields = json.loads(content)
            if isinstance(fields, dict) and fields.get("schema_version", 0) > SCHEMA_VERSIONS[-1]:
                raise NewerSchemaError(f"A later version of vwe published {self._place(path)}; update vwe.")
            manifest = Manifest.from_json(content)
        except (ValueError, TypeError) as error:
            raise DamagedObjectError(self._damaged(path)) from error
        if (manifest.seed, manifest.stage, manifest.digest) != (seed, stage, published.digest):
            raise DamagedObjectError(self._damaged(path))
        if STATISTICS in manifest.files:
            # Fetched here, concurrently, because the catalog reads the statistics of one world after the other.
            self.read(manifest, STATISTICS)
        return content

    def _fetch_survey_file(self, file: PublishedFile) -> None:
        path = file_of(self, file.depth, file.name)
        if read_verified(path, file.sha256, file.bytes) is not None:
            return
        content = self._fetch(file.path, file.sha256, file.bytes)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

    def _fetch(self, path: str, sha256: str, nbytes: int) -> bytes:
        """Return an object after comparing it with its hash."""
        stored = self._bucket.read(path, nbytes)
        if stored is None or not has_sha256(stored.content, sha256):
            raise DamagedObjectError(self._damaged(path))
        return stored.content

    def _damaged(self, path: str) -> str:
        return (
            f"The object {self._place(path)} is missing or damaged; delete it if it exists, then publish its world or "
            f"the survey again."
        )

    def _place(self, path: str) -> str:
        return f"{self._bucket.address}/{path}"


def _is_whole(folder: Path) -> bool:
    """Return whether a seed folder has the manifests that its document names."""
    try:
        world = parse_world(read_file(folder / _DOCUMENT, MAX_DOCUMENT_BYTES), str(folder))
        return all(
            read_verified(folder / stage / MANIFEST_NAME, each.manifest_sha256, each.manifest_bytes) is not None
            for stage, each in world.stages.items()
        )
    except (OSError, NotAFileError, BucketError):
        return False
