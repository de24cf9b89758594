"""Manifests: the contents and the origin of a stage, stored as ``manifest.json`` in its folder."""

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
"""The stages of a seed in build order; each has a folder of that name."""

WORLD_STAGES: Final[tuple[Stage, ...]] = ("raw", "extracted", "processed", "renders")
"""The stages that every world has; the others are built on request."""

STATISTICS = "statistics.json"
"""The file with the statistics of a stage ``processed``."""

MANIFEST_NAME = "manifest.json"

MAX_MANIFEST_BYTES = 64 * 2**20
"""Maximum size of a manifest that is read. The manifest of a tile pyramid lists every tile in 200 bytes."""

SCHEMA_VERSIONS: Final = (1, 2)
"""The schema versions that can be read; the last one is written."""

_CHECKSUM = "sha256"

_STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, revalidate_instances="always")


def _plain_name(name: str) -> str:
    if name == MANIFEST_NAME:
        raise ValueError(f"the name {MANIFEST_NAME} is reserved for the manifest")
    return name


def _expressible_in_json(values: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    json.dumps(values, allow_nan=False)
    return values


JsonObject = Annotated[Mapping[str, JsonValue], AfterValidator(_expressible_in_json)]
_PART = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"

FileName = Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART}){{0,7}}$"), AfterValidator(_plain_name)]
"""Names of a stage's files: not hidden, of letters, digits, ``.``, ``_`` and ``-``, optionally in up to 7 folders."""


@dataclass(frozen=True, config=_STRICT)
class Recipe:
    """The recipe of a stage: its inputs and the code that builds it.

    Attributes:
        inputs: the inputs as JSON: digests of upstream stages, or the request to the engine.
        code_version: the version of the code that builds the stage; a new version makes the stage out of date.
        made_by: the engine or program, such as kind, version and game version. For information only: a change does
            not make the stage out of date.
        grid: the grid of the stage's planes; None without planes.
    """

    inputs: JsonObject
    code_version: str
    made_by: JsonObject
    grid: Grid | None

    @property
    def maker(self) -> str:
        """The engine or program in one line, as in ``native 1.0``."""
        return " ".join(str(value) for value in self.made_by.values() if value is not None)

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of inputs, code version and grid, which decide whether a stage is up to date."""
        return _digest({"inputs": self.inputs, "code_version": self.code_version, "grid": _GRID.dump_python(self.grid)})


@dataclass(frozen=True, config=_STRICT)
class FileEntry:
    """The entry of one file in a manifest.

    Attributes:
        bytes: the length of the file.
        sha256: the hash of the file in hexadecimal.
        dtype: the NumPy dtype of an array, or the dtypes of a table by column.
        shape: the shape of an array, or rows and columns of a table.
        axes: the names of the axes, in the order of ``shape``.
        units: the unit of an array, or the units of a table by column.
    """

    bytes: NonNegativeInt
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    dtype: str | Mapping[str, str] | None = None
    shape: tuple[NonNegativeInt, ...] | None = None
    axes: str | None = None
    units: str | Mapping[str, str] | None = None


@dataclass(frozen=True, config=_STRICT)
class Manifest:
    """The content of ``manifest.json``. A stage without a valid manifest does not exist.

    Attributes:
        schema_version: the version of the manifest's schema. Since version 2 the file ends with a field ``sha256``,
            the hash of all other fields as compact JSON with sorted keys.
        seed: the seed of the stage.
        stage: the name of the stage.
        recipe: the recipe that the stage was built with.
        files: every file of the stage except the manifest, by name.
        made_at: the time when the stage was finished.
        seconds: the build time.
    """

    schema_version: Literal[1, 2]
    seed: Seed
    stage: Stage
    recipe: Recipe
    files: Mapping[FileName, FileEntry]
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
        """The SHA-256 of the file entries and the recipe's fingerprint.

        It does not depend on the engine, the time or the duration of the build. Rebuilding a stage with the same
        content leaves downstream stages up to date.
        """
        return _digest({"recipe": self.recipe.fingerprint, "files": _FILES.dump_python(self.files, mode="json")})

    def version(self, sources: Mapping[Stage, Manifest]) -> str:
        """Return the SHA-256 of all that determines the content except the seed: recipe, engine and upstream versions.

        Stages of different seeds that were built in the same way have the same version. Upstream stages count by their
        version instead of their digest.

        Args:
            sources: the current stages of the seed; a stage that was rebuilt since counts by its recorded digest.
        """
        inputs = dict(self.recipe.inputs)
        for stage, source in sources.items():
            if self.is_built_from(source):
                inputs[stage] = source.version(sources)
        return _digest(
            {
                "inputs": inputs,
                "code_version": self.recipe.code_version,
                "made_by": self.recipe.made_by,
                "grid": _GRID.dump_python(self.recipe.grid),
            }
        )

    def is_built_from(self, source: Manifest) -> bool:
        """Return whether this stage was built from the present content of ``source``."""
        return self.recipe.inputs.get(source.stage) == source.digest

    def is_outdated_by(self, source: Manifest) -> bool:
        """Return whether this stage was built from a former content of ``source``."""
        return source.stage in self.recipe.inputs and not self.is_built_from(source)

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
            ValueError: the text is not a manifest, or its checksum does not match; pydantic's message names the field.
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
    """Check that a name is a valid file name of a stage.

    Raises:
        ValueError: the name is invalid.
    """
    _FILE_NAME.validate_python(name)


def _digest(content: Mapping[str, object]) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


_MANIFEST = TypeAdapter(Manifest)
_FILES: TypeAdapter[Mapping[str, FileEntry]] = TypeAdapter(Mapping[str, FileEntry])
_FILE_NAME: TypeAdapter[str] = TypeAdapter(FileName)
_GRID: TypeAdapter[Grid | None] = TypeAdapter(Grid | None)
