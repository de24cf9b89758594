"""Manifests: what a stage holds, what it was made from and by what, as ``manifest.json`` in its folder says it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Final, Literal, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    ConfigDict,
    JsonValue,
    NonNegativeFloat,
    NonNegativeInt,
    StringConstraints,
    TypeAdapter,
    field_validator,
)
from pydantic.dataclasses import dataclass

from vwe_dagster.seeds.seed import Seed, parse_seed
from vwe_dagster.world.grid import Grid

Stage = Literal["raw", "extracted", "processed", "renders", "tiles"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
"""The stages of a seed in the order they are made; each has a folder of that name."""

WORLD_STAGES: Final[tuple[Stage, ...]] = ("raw", "extracted", "processed", "renders")
"""The stages that every world has; the others are made when they are asked for."""

STATISTICS = "statistics.json"
"""The file of a stage ``processed`` that holds its statistics."""

MANIFEST_NAME = "manifest.json"

MAX_MANIFEST_BYTES = 64 * 2**20
"""Longest manifest that is read. The manifest of a tile pyramid lists every tile, in 200 bytes each."""

SCHEMA_VERSIONS: Final = (1, 2)
"""Versions of the form of a manifest that are read; the last one is written."""

_CHECKSUM = "sha256"

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")


def _plain_name(name: str) -> str:
    if name == MANIFEST_NAME:
        raise ValueError(f"{MANIFEST_NAME} is the manifest's own name")
    return name


def _expressible_in_json(facts: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    json.dumps(facts, allow_nan=False)
    return facts


Facts = Annotated[Mapping[str, JsonValue], AfterValidator(_expressible_in_json)]
_PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"

FileName = Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART}){{0,7}}$"), AfterValidator(_plain_name)]
"""Names a file of a stage may have: plain ones that are not hidden, in folders of the stage with such names or none."""


@dataclass(frozen=True, config=_STRICT)
class Recipe:
    """What a stage is made from and by what.

    Attributes:
        inputs: what goes in, as JSON: digests of the stages it is made from, or the request to the engine.
        code_version: version of the code that makes it; a new one makes what the old one made out of date.
        made_by: who made it, such as engine kind, version and game version. Recorded for the reader; a stage does
            not go out of date when only this changes.
        grid: where the samples of its planes are, if it has any.
    """

    inputs: Facts
    code_version: str
    made_by: Facts
    grid: Grid | None

    @property
    def maker(self) -> str:
        """Who made it, in one line, as in ``native 1.0``."""
        return " ".join(str(fact) for fact in self.made_by.values() if fact is not None)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what decides whether a stage is up to date: inputs, code version and grid."""
        return _digest({"inputs": self.inputs, "code_version": self.code_version, "grid": _GRID.dump_python(self.grid)})


@dataclass(frozen=True, config=_STRICT)
class FileFacts:
    """What a manifest says of one file.

    Attributes:
        bytes: its length.
        sha256: its hash, in hexadecimal.
        dtype: of an array its NumPy dtype, of a table the dtype of every column.
        shape: of an array its shape, of a table its rows and columns.
        axes: what the axes are, in the order of ``shape``.
        units: unit of the values, of a table the unit of every column that has one.
    """

    bytes: NonNegativeInt
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    dtype: str | Mapping[str, str] | None = None
    shape: tuple[NonNegativeInt, ...] | None = None
    axes: str | None = None
    units: str | Mapping[str, str] | None = None


@dataclass(frozen=True, config=_STRICT)
class Manifest:
    """What ``manifest.json`` says of a stage; a stage without a valid one does not exist.

    Attributes:
        schema_version: version of the manifest's own form. From version 2 on the file ends with a field ``sha256``, the
            hash of all other fields as compact JSON with sorted keys.
        seed: whose stage it is.
        stage: which of its stages.
        recipe: what it was made from and by what.
        files: every file of the stage but the manifest, by name.
        made_at: when it was finished.
        seconds: how long the making took.
    """

    schema_version: Literal[1, 2]
    seed: Seed
    stage: Stage
    recipe: Recipe
    files: Mapping[FileName, FileFacts]
    made_at: AwareDatetime
    seconds: NonNegativeFloat

    @field_validator("seed")
    @classmethod
    def _seed_is_one(cls, seed: Seed) -> Seed:
        if parse_seed(seed.key) != seed:
            raise ValueError(f"the integer of {seed.key!r} is not {seed.number}")
        return seed

    @property
    def digest(self) -> str:
        """SHA-256 of the content: the files with their facts and the recipe's fingerprint.

        It does not depend on who made the stage, when, or in what time: a stage made again with the same outcome
        leaves what was made from it up to date.
        """
        return _digest({"recipe": self.recipe.fingerprint, "files": _FILES.dump_python(self.files, mode="json")})

    def version(self, sources: Mapping[Stage, Manifest]) -> str:
        """Return the SHA-256 of everything but the seed that decides the content: recipe, engine and upstream versions.

        Stages of other seeds built in the same way have the same version. The content digest of a source is replaced by
        the version of the source.

        Args:
            sources: the current stages of the seed; a source that was rebuilt since counts by its digest.
        """
        inputs = dict(self.recipe.inputs)
        for stage, source in sources.items():
            if self.is_made_of(source):
                inputs[stage] = source.version(sources)
        return _digest(
            {
                "inputs": inputs,
                "code_version": self.recipe.code_version,
                "made_by": self.recipe.made_by,
                "grid": _GRID.dump_python(self.recipe.grid),
            }
        )

    def is_made_of(self, source: Manifest) -> bool:
        """Whether it was made from another stage as that now is, and not from what was there before."""
        return self.recipe.inputs.get(source.stage) == source.digest

    def to_json(self) -> bytes:
        """Return the text of ``manifest.json``."""
        fields = _MANIFEST.dump_python(self, mode="json")
        if self.schema_version > 1:
            fields[_CHECKSUM] = _digest(fields)
        return json.dumps(fields, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"

    @classmethod
    def from_json(cls, text: bytes) -> Manifest:
        """Parse ``manifest.json`` strictly: no unknown or missing field, no value of another type.

        Raises:
            ValueError: it is not a manifest, or its checksum does not match; pydantic's message names the field.
        """
        try:
            fields = json.loads(text)
            if not isinstance(fields, dict) or fields.get("schema_version") == 1:
                return _MANIFEST.validate_json(text)
            is_sound = fields.pop(_CHECKSUM, None) == _digest(fields)
            text = json.dumps(fields).encode()
        except RecursionError as error:
            raise ValueError("the JSON is nested too deeply") from error
        if not is_sound:
            raise ValueError(f"the checksum {_CHECKSUM} does not match the other fields")
        return _MANIFEST.validate_json(text)


def check_file_name(name: str) -> None:
    """Checks that a stage may have a file of this name.

    Raises:
        ValueError: it may not.
    """
    _FILE_NAME.validate_python(name)


def _digest(content: Mapping[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


_MANIFEST = TypeAdapter(Manifest)
_FILES: TypeAdapter[Mapping[str, FileFacts]] = TypeAdapter(Mapping[str, FileFacts])
_FILE_NAME: TypeAdapter[str] = TypeAdapter(FileName)
_GRID: TypeAdapter[Grid | None] = TypeAdapter(Grid | None)
