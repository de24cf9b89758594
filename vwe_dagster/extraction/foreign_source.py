"""Reading of files from other programs: bounded in size, hashed, and with errors that name the file and the field.

Nothing here depends on one format.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import json
import reprlib
import zlib
from typing import TYPE_CHECKING, Literal

from vwe_dagster.extraction.validate import ExtractionError
from vwe_dagster.files.bounded_read import read_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from vwe_dagster.world.canonical import CanonicalWorld

_DAMAGED = "The file is damaged or of another kind: export the world again, or download it again."
_GZIP_OVERHEAD_BYTES = 1024  # for headers; incompressible content also grows, by less than a thousandth


@dataclasses.dataclass(frozen=True)
class ForeignExport:
    """A world from another program, with the metadata of that program.

    Attributes:
        world: in canonical form, validated; lava, rivers and lakes are None, because neither format has them.
        kind: ``plugin_json`` (:mod:`vwe_dagster.extraction.foreign_plugin`) or ``map_tiles``
            (:mod:`vwe_dagster.extraction.foreign_tiles`).
        seed_text: the seed as typed, or None if the source lacks it.
        seed_number: the integer seed, from the source or computed from the text; None if the source has neither.
        world_version: the version of the game (a text) or of the world file (an integer), or None.
        sha256: hex digest of every file that was read, by name, as stored on disk.
    """

    world: CanonicalWorld
    kind: Literal["plugin_json", "map_tiles"]
    seed_text: str | None
    seed_number: int | None
    world_version: str | int | None
    sha256: Mapping[str, str]


class SourceFolder:
    """The files of one export, each read completely and within a limit.

    Attributes:
        path: the folder.
        sha256: hex digests of the files read so far, by name.
    """

    def __init__(self, path: Path) -> None:
        """Store the path of the folder; nothing is read yet."""
        self.path = path
        self.sha256: dict[str, str] = {}

    def read(self, name: str, max_bytes: int) -> bytes:
        """Return the content of a file, decompressed if its name ends in ``.gz``.

        Args:
            name: the file's name in the folder.
            max_bytes: the maximum length of the content; decompression stops there.

        Raises:
            ExtractionError: the file cannot be read, is not a complete gzip file, or is longer.
        """
        path = self.path / name
        try:
            content = read_file(path, max_bytes + max_bytes // 1000 + _GZIP_OVERHEAD_BYTES)
        except FileNotFoundError as error:
            raise ExtractionError(f"{path} is missing. Add it to the folder, or export the world again.") from error
        except OSError as error:
            raise ExtractionError(
                f"{path} cannot be read: {error.strerror}. Replace it with a readable file."
            ) from error
        digest = hashlib.sha256(content).hexdigest()
        if name.endswith(".gz"):
            try:
                with gzip.open(io.BytesIO(content)) as unzipped:
                    content = unzipped.read(max_bytes + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise ExtractionError(f"{path} is not a complete gzip file: {error}. {_DAMAGED}") from error
        if len(content) > max_bytes:
            raise ExtractionError(f"{path} holds more than {max_bytes} bytes, the limit of this file. {_DAMAGED}")
        self.sha256[name] = digest
        return content

    def read_document(self, name: str, max_bytes: int, max_values: int) -> Document:
        """Return the JSON object in a file.

        Args:
            name: the file's name in the folder.
            max_bytes: the maximum length of the content.
            max_values: the maximum number of values. A short value in the text takes up to 30 times the memory once
                parsed.

        Raises:
            ExtractionError: the file cannot be read, has more values, or does not hold a JSON object.
        """
        path = self.path / name
        content = self.read(name, max_bytes)
        if content.count(b",") >= max_values:
            raise ExtractionError(f"{path} holds more than {max_values} values, the limit of this file. {_DAMAGED}")
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ExtractionError(f"{path} is not JSON: {error}. {_DAMAGED}") from error
        if not isinstance(fields, dict):
            raise ExtractionError(f"{path} must hold a JSON object, but holds a {type(fields).__name__}. {_DAMAGED}")
        return Document(path, fields)


@dataclasses.dataclass(frozen=True)
class Document:
    """A JSON object and the file from which it was read.

    Attributes:
        path: the file.
        fields: the object.
    """

    path: Path
    fields: Mapping[str, object]

    def whole_number(self, key: str, least: int, most: int) -> int:
        """Return a field that must be a whole number from ``least`` to ``most``.

        Raises:
            ExtractionError: the field is missing or not such a number.
        """
        number = self.fields.get(key)
        if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
            raise self.invalid_field(key, f"a whole number from {least} to {most}")
        return number

    def meters(self, key: str, most: float) -> float:
        """Return a field that must be a positive number of meters.

        Raises:
            ExtractionError: the field is missing, more than ``most``, or not a number.
        """
        number = self.fields.get(key)
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 < number <= most:
            raise self.invalid_field(key, f"a number of meters, above 0 and at most {most:g}")
        return float(number)

    def invalid_field(self, key: str, expected: str) -> ExtractionError:
        """Return the error for an invalid field, for the caller to raise."""
        found = reprlib.repr(self.fields[key]) if key in self.fields else "missing"
        return ExtractionError(f"{self.path}: {key} must be {expected}, but is {found}. {_DAMAGED}")
