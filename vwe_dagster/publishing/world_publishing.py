"""Publish worlds of the data folder to a bucket.

The files of a stage are written first, then its manifest, and the document of the world last. A reader that begins
with the document therefore sees the former or the new world, and an interrupted publication leaves only objects that
no document names. The next publication reuses them. :mod:`vwe_dagster.publishing.pruning` may delete them at the same
time, so a publisher lists its objects again after it has written the document, and writes missing objects again.
"""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from collections.abc import Collection, Mapping

from vwe_dagster.publishing.bucket import Bucket, BucketError, in_threads
from vwe_dagster.publishing.documents import (
    MAX_DOCUMENT_BYTES,
    SCHEMA_VERSION,
    DamagedObjectError,
    PublishedStage,
    PublishedWorld,
    manifest_object,
    parse_world,
    seed_objects,
    stage_folder,
    world_document,
)
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store import Manifest, Stage, StoreError, WorldStore
from vwe_dagster.store.stages import built_stages, drawn_stage
from vwe_dagster.text.commands import vwe_command


class PublishState(enum.StrEnum):
    """Whether a publication wrote anything."""

    PUBLISHED = "published"
    UNCHANGED = "unchanged"


@dataclasses.dataclass(frozen=True)
class Publication:
    """The result of a publication.

    Attributes:
        state: whether it wrote anything.
        objects: number of objects that were written.
        bytes: their length.
        reused: number of objects that already existed.
    """

    state: PublishState
    objects: int = 0
    bytes: int = 0
    reused: int = 0


class IncompleteWorldError(StoreError):
    """A world has no complete chain of stages to publish."""


def complete_stages(store: WorldStore, seed: Seed) -> dict[Stage, Manifest]:
    """Return the stages of a world that were built from each other, in build order.

    Pictures and tiles of former planes are left out.

    Raises:
        IncompleteWorldError: the world is not built, or is partially built.
    """
    built = built_stages(store, seed)
    if built is None:
        raise IncompleteWorldError(
            f"The world of {seed.key} is not completely built, so it was not published; build it with: "
            f"{vwe_command('world', operands=[seed.key])}"
        )
    extracted, processed = built
    raw = store.manifest(seed, "raw")
    if raw is not None and extracted.is_outdated_by(raw):
        raise IncompleteWorldError(
            f"The planes of {seed.key} are older than its export, so it was not published; rebuild it with: "
            f"{vwe_command('world', operands=[seed.key])}"
        )
    found: dict[Stage, Manifest | None] = {
        "raw": raw if raw is not None and extracted.is_built_from(raw) else None,
        "extracted": extracted,
        "processed": processed,
        "renders": drawn_stage(store, extracted, "renders"),
        "tiles": drawn_stage(store, extracted, "tiles"),
    }
    return {stage: manifest for stage, manifest in found.items() if manifest is not None}


def publish_world(store: WorldStore, seed: Seed, bucket: Bucket) -> Publication:
    """Publish a world, unless the bucket already has the same stages.

    Raises:
        IncompleteWorldError: the world is not built, or is partially built.
        NewerSchemaError: a later version of the project published this world.
        BucketError: the bucket cannot be used, or another process published this world in the meantime.
        StoreError: a file of the world is damaged, or was rebuilt in the meantime.
    """
    stages = complete_stages(store, seed)
    path = world_document(seed.folder_name)
    content = PublishedWorld(
        SCHEMA_VERSION, seed, {stage: _reference(each) for stage, each in stages.items()}
    ).to_json()
    former = bucket.read(path, MAX_DOCUMENT_BYTES)
    if former is not None:
        _check_schema(former.content, f"{bucket.address}/{path}")
    total = _publish_stages(store, stages.values(), bucket)
    if former is not None and former.content == content:
        return total if total.objects else Publication(PublishState.UNCHANGED, reused=total.reused)
    if not bucket.swap(path, content, None if former is None else former.etag):
        now = bucket.read(path, MAX_DOCUMENT_BYTES)
        if now is None or now.content != content:
            raise BucketError(
                f"Another process published {seed.key} at {bucket.address} in the meantime, and its version is kept; "
                f"run the command again to replace it."
            )
    _publish_stages(store, stages.values(), bucket)
    return dataclasses.replace(total, objects=total.objects + 1, bytes=total.bytes + len(content))


def _reference(manifest: Manifest) -> PublishedStage:
    content = manifest.to_json()
    return PublishedStage(manifest.digest, hashlib.sha256(content).hexdigest(), len(content))


def _check_schema(content: bytes, place: str) -> None:
    """Raise :class:`NewerSchemaError` for the document of a later version; accept a damaged one, which is replaced."""
    try:
        parse_world(content, place)
    except DamagedObjectError:
        return


def _publish_stages(store: WorldStore, stages: Collection[Manifest], bucket: Bucket) -> Publication:
    """Write the objects of a world's stages that do not exist."""
    existing = {path: each.bytes for path, each in bucket.listing(seed_objects(next(iter(stages)).seed)).items()}
    written = [_publish_stage(store, manifest, bucket, existing) for manifest in stages]
    return Publication(
        PublishState.PUBLISHED,
        objects=sum(each.objects for each in written),
        bytes=sum(each.bytes for each in written),
        reused=sum(each.reused for each in written),
    )


def _publish_stage(store: WorldStore, manifest: Manifest, bucket: Bucket, existing: Mapping[str, int]) -> Publication:
    """Write the objects of a stage that do not exist, its manifest last.

    Args:
        store: the data folder.
        manifest: the manifest of the stage.
        bucket: the bucket.
        existing: the lengths of the existing objects of the seed, by path.
    """
    reference = _reference(manifest)
    folder = stage_folder(manifest.seed, manifest.stage, reference.digest)
    missing = {
        name: entry.bytes for name, entry in manifest.files.items() if existing.get(f"{folder}/{name}") != entry.bytes
    }

    def write(name: str) -> None:
        bucket.write(f"{folder}/{name}", store.read(manifest, name).getvalue())

    in_threads(write, missing)
    path = manifest_object(manifest.seed, manifest.stage, reference)
    if existing.get(path) != reference.manifest_bytes:
        bucket.write(path, manifest.to_json())
        missing[path] = reference.manifest_bytes
    return Publication(
        PublishState.PUBLISHED, len(missing), sum(missing.values()), len(manifest.files) + 1 - len(missing)
    )
