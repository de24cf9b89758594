"""Publish the survey of the data folder to a bucket.

Files of several publishers are merged by block and set. The document of the survey is written last and only if it has
not changed, so that no publisher loses the files of another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.rows import digest_of
from vwe_dagster.publishing.bucket import Bucket, BucketError, in_threads
from vwe_dagster.publishing.checksums import has_sha256
from vwe_dagster.publishing.documents import (
    MAX_DOCUMENT_BYTES,
    SCHEMA_VERSION,
    SURVEY,
    SURVEY_DOCUMENT,
    DamagedObjectError,
    PublishedFile,
    PublishedSurvey,
    parse_survey,
)
from vwe_dagster.publishing.world_publishing import Publication, PublishState
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.survey.files import survey_files

_ATTEMPTS = 10
"""Maximum number of attempts to write the document while other processes publish."""


def publish_survey(store: WorldStore, bucket: Bucket) -> Publication:
    """Publish the current files of a survey that the bucket lacks or has with fewer rows.

    Raises:
        NewerSchemaError: a later version of the project published a survey there.
        BucketError: the bucket cannot be used.
        StoreError: a file cannot be read.
    """
    own = {file: path for path, file in _current_files(store)}
    existing = _lengths(bucket)
    written: dict[str, int] = {}

    def write(file: PublishedFile) -> None:
        if existing.get(file.path) != file.bytes:
            bucket.write(file.path, _content_of(own[file], file))
            existing[file.path] = written[file.path] = file.bytes

    for _ in range(_ATTEMPTS):
        stored = bucket.read(SURVEY_DOCUMENT, MAX_DOCUMENT_BYTES)
        former = () if stored is None else _files_in(stored.content, f"{bucket.address}/{SURVEY_DOCUMENT}")
        merged = _merged(former, own)
        content = PublishedSurvey(SCHEMA_VERSION, merged).to_json()
        wanted = [file for file in merged if file in own]
        in_threads(write, wanted)
        if stored is not None and stored.content == content and not written:
            return Publication(PublishState.UNCHANGED, reused=len(wanted))
        if bucket.swap(SURVEY_DOCUMENT, content, None if stored is None else stored.etag):
            # A prune may have deleted reused files before the document named them, so missing files are written again.
            existing = _lengths(bucket)
            in_threads(write, wanted)
            return Publication(
                PublishState.PUBLISHED,
                objects=len(written) + 1,
                bytes=sum(written.values()) + len(content),
                reused=len(wanted) - len(written),
            )
    raise BucketError(
        f"Other processes published surveys at {bucket.address} during {_ATTEMPTS} attempts; run the command again."
    )


def _lengths(bucket: Bucket) -> dict[str, int]:
    """Return the length in bytes of each published survey file, by path."""
    return {path: each.bytes for path, each in bucket.listing(SURVEY).items()}


def _current_files(store: WorldStore) -> Iterator[tuple[Path, PublishedFile]]:
    files = survey_files(store)
    for depth in Depth:
        for file in files.current(depth):
            content = file.path.read_bytes()
            try:
                footer = pq.read_metadata(pa.BufferReader(content))
            except pa.ArrowException as error:
                raise StoreError(
                    f"The survey file {file.path} is damaged; delete it, then survey its seeds again."
                ) from error
            yield (
                file.path,
                PublishedFile(
                    depth=depth,
                    name=file.name,
                    sha256=hashlib.sha256(content).hexdigest(),
                    bytes=len(content),
                    rows=footer.num_rows,
                    stamps=digest_of(footer.metadata),
                ),
            )


def _content_of(path: Path, file: PublishedFile) -> bytes:
    content = path.read_bytes()
    if not has_sha256(content, file.sha256):
        raise StoreError(f"The survey added rows to {path} while it was published; run the command again.")
    return content


def _files_in(content: bytes, place: str) -> tuple[PublishedFile, ...]:
    """Return the files of a document; a damaged document has none and is replaced."""
    try:
        return parse_survey(content, place).files
    except DamagedObjectError:
        return ()


def _merged(former: tuple[PublishedFile, ...], own: dict[PublishedFile, Path]) -> tuple[PublishedFile, ...]:
    """Return former and own files. For each block or set, prefer the own file if it has more rows or other stamps."""
    merged = {(file.depth, file.name): file for file in former}
    for file in own:
        other = merged.get((file.depth, file.name))
        if other is None or other.stamps != file.stamps or other.rows < file.rows:
            merged[file.depth, file.name] = file
    order = {depth: position for position, depth in enumerate(Depth)}
    return tuple(sorted(merged.values(), key=lambda file: (order[file.depth], file.name)))
