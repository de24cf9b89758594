"""The layout of published worlds and surveys in a bucket, and the documents that name their objects.

Objects whose path has a digest never change. The document of a world, ``worlds/<seed folder>.json``, and that of the
survey, ``survey.json``, name these objects; each is written last and replaced as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeVar

from pydantic import ConfigDict, NonNegativeInt, StringConstraints, TypeAdapter
from pydantic.dataclasses import dataclass

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.publishing.bucket import BucketError
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.store.manifest import Manifest, Stage

SCHEMA_VERSION: Final = 1

WORLDS = "worlds"
SEEDS = "seeds"
SURVEY = "survey"
SURVEY_DOCUMENT = "survey.json"

MAX_DOCUMENT_BYTES = 256 * 2**20
"""Maximum size of a document to read. The document of a survey has 300 bytes per file."""

_SUFFIX = ".json"
_SEED_FOLDER = re.compile(rf"{WORLDS}/(?P<folder>[0-9a-f]{{64}}){re.escape(_SUFFIX)}")
_CONFIG = ConfigDict(extra="forbid")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True, config=_CONFIG)
class PublishedStage:
    """The reference to a stage.

    Attributes:
        digest: :attr:`vwe_dagster.store.Manifest.digest`, which names the folder of the stage's files.
        manifest_sha256: the hash of its manifest, which names the object of the manifest.
        manifest_bytes: the length of its manifest.
    """

    digest: Sha256
    manifest_sha256: Sha256
    manifest_bytes: NonNegativeInt


@dataclass(frozen=True, config=_CONFIG)
class PublishedWorld:
    """The document of a world.

    Attributes:
        schema_version: the version of this schema.
        seed: the seed.
        stages: its stages, each built from the one before.
    """

    schema_version: Literal[1]
    seed: Seed
    stages: Mapping[Stage, PublishedStage]

    def to_json(self) -> bytes:
        """Return the content of the object."""
        return _WORLD.dump_json(self, indent=2) + b"\n"


@dataclass(frozen=True, config=_CONFIG)
class PublishedFile:
    """The reference to a file of the survey.

    Attributes:
        depth: the depth of its rows.
        name: the name of its block or set.
        sha256: the hash of its content.
        bytes: its length.
        rows: number of its rows.
        stamps: the digest of its stamps; only rows with equal stamps are comparable.
    """

    depth: Depth
    name: Annotated[str, StringConstraints(pattern=r"^(block-[0-9]{7}|set-[0-9a-f]{16})$")]
    sha256: Sha256
    bytes: NonNegativeInt
    rows: NonNegativeInt
    stamps: Sha256

    @property
    def path(self) -> str:
        """The path of the object."""
        return f"{SURVEY}/{self.depth.value}/{self.name}/{self.sha256}.parquet"


@dataclass(frozen=True, config=_CONFIG)
class PublishedSurvey:
    """The document of a survey.

    Attributes:
        schema_version: the version of this schema.
        files: its files, in the order of depth and name.
    """

    schema_version: Literal[1]
    files: tuple[PublishedFile, ...]

    def to_json(self) -> bytes:
        """Return the content of the object."""
        return _SURVEY.dump_json(self) + b"\n"


class DamagedObjectError(BucketError):
    """An object is missing, or differs from its hash."""


class NewerSchemaError(BucketError):
    """A document was written by a later version of the project."""


def world_document(seed_folder: str) -> str:
    """Return the path of the document of a world."""
    return f"{WORLDS}/{seed_folder}{_SUFFIX}"


def seed_folder_of(path: str) -> str | None:
    """Return the seed folder of the document of a world; None if it is another path."""
    match = _SEED_FOLDER.fullmatch(path)
    return match["folder"] if match else None


def seed_objects(seed: Seed) -> str:
    """Return the path of the folder of all objects of a seed."""
    return f"{SEEDS}/{seed.folder_name}"


def stage_folder(seed: Seed, stage: Stage, digest: str) -> str:
    """Return the path of the folder of a stage's files."""
    return f"{seed_objects(seed)}/{stage}/{digest}"


def manifest_object(seed: Seed, stage: Stage, published: PublishedStage) -> str:
    """Return the path of the manifest of a stage.

    Stages with equal files may have different manifests, because a manifest contains the time of the build.
    """
    return f"{stage_folder(seed, stage, published.digest)}/manifest-{published.manifest_sha256}.json"


def file_object(manifest: Manifest, name: str) -> str:
    """Return the path of a file of a stage."""
    return f"{stage_folder(manifest.seed, manifest.stage, manifest.digest)}/{name}"


def parse_world(content: bytes, place: str) -> PublishedWorld:
    """Parse the document of a world.

    Args:
        content: the document.
        place: the address of the object, for errors.

    Raises:
        NewerSchemaError: a later version of the project wrote the document.
        DamagedObjectError: the document is damaged.
    """
    return _parsed(_WORLD, content, place)


def parse_survey(content: bytes, place: str) -> PublishedSurvey:
    """Parse the document of a survey; arguments and errors are those of :func:`parse_world`."""
    return _parsed(_SURVEY, content, place)


_Document = TypeVar("_Document")


def _parsed(kind: TypeAdapter[_Document], content: bytes, place: str) -> _Document:
    try:
        fields = json.loads(content)
        version = fields.get("schema_version") if isinstance(fields, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise NewerSchemaError(
                f"A later version of vwe published {place} (schema {version}, known is {SCHEMA_VERSION}); update vwe."
            )
        return kind.validate_json(content)
    except (ValueError, RecursionError) as error:
        raise DamagedObjectError(f"The object {place} is damaged; publish it again.") from error


_WORLD = TypeAdapter(PublishedWorld)
_SURVEY = TypeAdapter(PublishedSurvey)
