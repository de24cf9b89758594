"""Delete published objects that no document names: former builds, removed worlds, leftovers of interrupted publishers.

Publishers may run concurrently. The age limit protects the objects that a running publisher has written, but not the
old objects that it reuses. If a prune deletes a reused object, one of the two processes detects it:

- A publisher writes its document, then lists its objects again. If the prune deleted an object before the document was
  written, the publisher writes the object again.
- A prune reads the document, deletes, and reads the document again. If the document was written between the two reads
  and names a deleted object, the prune reports the world that must be published again. The time between the two reads
  is a fraction of a second.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Final

from vwe_dagster.publishing.bucket import Bucket, in_threads
from vwe_dagster.publishing.documents import (
    MAX_DOCUMENT_BYTES,
    SEEDS,
    SURVEY,
    SURVEY_DOCUMENT,
    DamagedObjectError,
    NewerSchemaError,
    manifest_object,
    parse_survey,
    parse_world,
    stage_folder,
    world_document,
)
from vwe_dagster.text.commands import vwe_command

MIN_AGE: Final = dt.timedelta(days=1)
"""Age limit: younger objects are kept, because their publisher may not have written the document yet."""

FORMER_FILES_KEPT: Final = dt.timedelta(hours=1)
"""Age limit of a document: files of its predecessor are kept until then, because readers may still use them."""

_BETWEEN_REPORTS = 64
"""Number of folders between two reports of progress."""

_SEED_FOLDER = re.compile(rf"{SEEDS}/[0-9a-f]{{64}}")
_STAGE_OBJECT = re.compile(rf"(?P<stage>{SEEDS}/(?P<seed>[0-9a-f]{{64}})/[a-z]+/[0-9a-f]{{64}})/(?P<file>.+)")
_MANIFEST = re.compile(r"manifest-[0-9a-f]{64}\.json")
_SURVEY_OBJECT = re.compile(rf"{SURVEY}/[a-z]+/(block-[0-9]{{7}}|set-[0-9a-f]{{16}})/[0-9a-f]{{64}}\.parquet")


@dataclasses.dataclass(frozen=True)
class Leftovers:
    """The objects of one world or of the survey that no document names.

    Attributes:
        name: the seed, or ``survey``; the folder of the objects if their seed is unknown, because it has no document.
        objects: number of objects that are old enough to be deleted.
        bytes: their total length.
        young: number of objects that are kept because they, or the document that replaced them, are too young.
        fault: the reason that nothing was deleted, or the damage that the deletion caused; else None.
    """

    name: str
    objects: int = 0
    bytes: int = 0
    young: int = 0
    fault: str | None = None


@dataclasses.dataclass(frozen=True)
class _NamedObjects:
    """The objects that a document names.

    Attributes:
        owner: the seed or ``survey``; the folder of the objects if a world has no document.
        contains: returns True for the path of an object that the document names.
        since: the time of the last write of the document; None if it does not exist.
    """

    owner: str
    contains: Callable[[str], bool]
    since: dt.datetime | None


def prune(bucket: Bucket, *, now: dt.datetime, dry_run: bool, report: Callable[[float, str], None]) -> list[Leftovers]:
    """Delete the objects that no document names and that are older than :data:`MIN_AGE`.

    Objects with an unknown form of path are kept, and all objects whose document is damaged or of a later version.

    Args:
        bucket: the bucket.
        now: the present time.
        dry_run: only list the objects.
        report: called with the fraction of finished folders, and the name of the phase.

    Returns:
        The worlds with leftovers or faults, then the survey if it has any.

    Raises:
        BucketError: the bucket cannot be used.
    """

    def pruned(folder: str) -> Leftovers:
        return _prune_folder(bucket, folder, now, dry_run=dry_run)

    folders = [*filter(_SEED_FOLDER.fullmatch, bucket.folders(SEEDS)), SURVEY]
    found: list[Leftovers] = []
    for first in range(0, len(folders), _BETWEEN_REPORTS):
        report(first / len(folders), "reading documents" if dry_run else "deleting")
        found += in_threads(pruned, folders[first : first + _BETWEEN_REPORTS])
    return [each for each in found if each.objects or each.young or each.fault]


def _prune_folder(bucket: Bucket, folder: str, now: dt.datetime, *, dry_run: bool) -> Leftovers:
    """Delete the leftovers in the folder of a seed or of the survey."""
    # The listing comes before the document, so that objects of a document that is written in between are kept.
    listed = {path: each for path, each in bucket.listing(folder).items() if _is_known(path)}
    read = _named_by_survey if folder == SURVEY else _named_by_world
    try:
        named = read(bucket, folder)
        unnamed = {path: each for path, each in listed.items() if not named.contains(path)}
        is_new = named.since is not None and now - named.since < FORMER_FILES_KEPT
        old = {path: each.bytes for path, each in unnamed.items() if not is_new and now - each.modified > MIN_AGE}
        leftovers = Leftovers(named.owner, len(old), sum(old.values()), len(unnamed) - len(old))
        if dry_run or not old:
            return leftovers
        bucket.delete(list(old))
        named = read(bucket, folder)
    except (DamagedObjectError, NewerSchemaError) as error:
        return Leftovers(folder, fault=f"{error} Until then, nothing is deleted in {folder}.")
    return dataclasses.replace(leftovers, fault=_damage(named, old))


def _is_known(path: str) -> bool:
    return (_STAGE_OBJECT.fullmatch(path) or _SURVEY_OBJECT.fullmatch(path)) is not None


def _named_by_world(bucket: Bucket, folder: str) -> _NamedObjects:
    """Read the document of a world, and return the objects that it names."""
    seed_folder = folder.rpartition("/")[2]
    path = world_document(seed_folder)
    stored = bucket.read(path, MAX_DOCUMENT_BYTES)
    if stored is None:
        return _NamedObjects(folder, lambda _: False, None)
    world = parse_world(stored.content, f"{bucket.address}/{path}")
    if world.seed.folder_name != seed_folder:
        raise DamagedObjectError(f"The object {bucket.address}/{path} is damaged; publish it again.")
    manifests = {
        stage_folder(world.seed, stage, each.digest): manifest_object(world.seed, stage, each)
        for stage, each in world.stages.items()
    }

    def contains(path: str) -> bool:
        """Return True for the named manifest of a named stage, and for its other files, which its digest determines."""
        match = _STAGE_OBJECT.fullmatch(path)
        if match is None or match["stage"] not in manifests:
            return False
        return _MANIFEST.fullmatch(match["file"]) is None or path == manifests[match["stage"]]

    return _NamedObjects(world.seed.key, contains, stored.modified)


def _named_by_survey(bucket: Bucket, _: str) -> _NamedObjects:
    """Read the document of the survey, and return the objects that it names."""
    stored = bucket.read(SURVEY_DOCUMENT, MAX_DOCUMENT_BYTES)
    if stored is None:
        return _NamedObjects(SURVEY, lambda _: False, None)
    survey = parse_survey(stored.content, f"{bucket.address}/{SURVEY_DOCUMENT}")
    return _NamedObjects(SURVEY, {file.path for file in survey.files}.__contains__, stored.modified)


def _damage(named: _NamedObjects, deleted: Mapping[str, int]) -> str | None:
    """Return an error message if the document names a deleted object, else None."""
    lost = sum(map(named.contains, deleted))
    if not lost:
        return None
    again = (
        vwe_command("publish", "--survey") if named.owner == SURVEY else vwe_command("publish", operands=[named.owner])
    )
    return (
        f"A publisher reused {lost} unused objects of {named.owner} while this prune deleted them, so readers cannot "
        f"find them; publish them again with: {again}"
    )
