"""World files of the game, ``.fwl`` and ``.fwl2``, which have the name and the seed of a player's world.

Reading is strict and bounded: a file that cannot be written again byte for byte is rejected.
Little-endian throughout. The fields follow an int32 with their length in bytes, in this order:

====================  ==================================================================================
world version         int32; 36 in version 0.221 of the game, 41 in 1.0
name, seed text       strings: their length in bytes, seven bits per byte with the lowest first, then UTF-8
seed                  int32; decides the world, whatever the text is
uid                   int64; identifies the world in what the game stores about a player
world-gen version     int32
needs a database      bool, from version 30: the ``.db`` file of the world must exist
starting keys         int32 count, then that many strings, from version 32: the world's modifiers
====================  ==================================================================================

Version 41 appends the players that have been in the world: an int32 count, and four strings for each. It is unknown
whether versions 37 to 40 append anything. Bytes after the starting keys are kept unparsed from version 37 on and
rejected in earlier versions.
"""

from __future__ import annotations

import dataclasses
import errno
import secrets
import struct
from pathlib import Path

from vwe_dagster.files.bounded_read import read_file
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed, seed_number
from vwe_dagster.text.commands import vwe_command

OLDEST, NEWEST = 26, 41
"""The oldest and the newest world version that can be read."""

WRITTEN = 36
"""The world version of a new file unless the caller chooses another."""

NO_PLAYERS = {WRITTEN: b"", 41: struct.pack("<i", 0)}
"""The bytes after the starting keys while no player has entered the world, by world version: the versions that can be
written."""

MAX_BYTES = 16 * 2**20
"""Maximum length of a file; one of a new world has some dozens of bytes."""

_NEEDS_DATABASE_FROM = 30
_STARTING_KEYS_FROM = 32
_REST_FROM = 37
_LENGTH_BYTES = 5  # an int32 in groups of seven bits
_SHOWN = 64
_OLD_WORLD_GEN = "--world-gen-version 0"
_REMEDY = "It is damaged or not a world file: name the .fwl or .fwl2 of a world, or restore it from a backup."


class SaveError(ValueError):
    """An invalid world file; the message has the reason and what to do."""


@dataclasses.dataclass(frozen=True)
class WorldFile:
    """The content of a world file.

    Attributes:
        version: the world version, which decides what fields the file has.
        name: the name of the world.
        seed_text: the seed as typed; it may disagree with the integer.
        seed_number: the int32 that decides the world.
        uid: int64.
        world_gen_version: 2 for worlds generated since 2022, 1 or 0 for older ones.
        needs_database: true if the world requires its ``.db`` file; None before version 30.
        starting_keys: the world's modifiers; None before version 32.
        rest: the bytes after them, from version 37 on.
    """

    version: int
    name: str
    seed_text: str
    seed_number: int
    uid: int
    world_gen_version: int
    needs_database: bool | None
    starting_keys: tuple[str, ...] | None
    rest: bytes = b""

    @property
    def seed(self) -> Seed:
        """Return the seed by its text if that is a valid seed of the same integer, else by its integer."""
        return _seed(self.seed_text, self.seed_number)

    @property
    def label(self) -> str | None:
        """Return the seed text if it has the world's integer but is not a valid seed here, else None.

        Such a text is blank or has letters other than A to Z; the seed is then ``@`` and the integer.
        """
        is_label = self.seed_text and self.seed.key != self.seed_text
        return self.seed_text if is_label and seed_number(self.seed_text) == self.seed_number else None

    @property
    def remark(self) -> str | None:
        """Return a warning if the seed text and the integer of the file disagree, else None."""
        if self.seed.key == self.seed_text or seed_number(self.seed_text) == self.seed_number:
            return None
        return (
            f"The seed text of the world {shown(self.name)} is {shown(self.seed_text)}, which stands for the integer "
            f"{seed_number(self.seed_text)}; but the file has the integer {self.seed_number}, and that decides the "
            f"world."
        )


def new_world(
    seed: Seed,
    name: str,
    *,
    world_gen_version: int,
    world_version: int = WRITTEN,
    starting_keys: tuple[str, ...] = (),
) -> WorldFile:
    """Return the file of a world that no player has entered yet, for a server that starts with it.

    Args:
        seed: the seed; its key is the seed text of the file.
        name: the name of the world. The game finds a world by the name of its file, so both should be the same.
        world_gen_version: 0, 1 or 2.
        world_version: one of :data:`NO_PLAYERS`.
        starting_keys: the world's modifiers.
    """
    return WorldFile(
        version=world_version,
        name=name,
        seed_text=seed.key,
        seed_number=seed.number,
        uid=1 + secrets.randbelow(2**32),
        world_gen_version=world_gen_version,
        needs_database=False,
        starting_keys=starting_keys,
        rest=NO_PLAYERS[world_version],
    )


def read_world_file(path: Path) -> WorldFile:
    """Read a world file.

    Raises:
        SaveError: the path cannot be read or is not a world file.
    """
    try:
        content = read_file(path, MAX_BYTES + 1)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise SaveError(f"{path} is a folder; name the .fwl or .fwl2 file in it.") from error
        raise SaveError(f"{path} cannot be read ({error.strerror}); name a readable file.") from error
    try:
        return parse_world_file(content)
    except SaveError as error:
        raise SaveError(f"{path}: {error}") from error


def parse_world_file(content: bytes) -> WorldFile:
    """Parse the content of a world file.

    Raises:
        SaveError: the content is not that of a world file of version 26 to 41.
    """
    if len(content) > MAX_BYTES:
        raise SaveError(f"The file is longer than {MAX_BYTES // 2**20} MiB, the maximum. {_REMEDY}")
    fields = _Fields(content)
    count = fields.integer("<i", "byte count")
    if count != fields.left:
        raise SaveError(f"The file states {count} bytes after the first four but has {fields.left}. {_REMEDY}")
    version = fields.integer("<i", "world version")
    if not OLDEST <= version <= NEWEST:
        raise SaveError(
            f"The file has the world version {version}, but only versions {OLDEST} to {NEWEST} can be read; "
            f"{_advice(version, fields)}"
        )
    world = WorldFile(
        version=version,
        name=fields.string("name"),
        seed_text=fields.string("seed text"),
        seed_number=fields.integer("<i", "seed"),
        uid=fields.integer("<q", "uid"),
        world_gen_version=fields.integer("<i", "world-gen version"),
        needs_database=fields.truth("need of a database") if version >= _NEEDS_DATABASE_FROM else None,
        starting_keys=fields.strings("starting keys") if version >= _STARTING_KEYS_FROM else None,
        rest=fields.take(fields.left, "rest") if version >= _REST_FROM else b"",
    )
    if fields.left:
        raise SaveError(f"The file has {fields.left} bytes after the last field of version {version}. {_REMEDY}")
    return world


def world_file_bytes(world: WorldFile) -> bytes:
    """Return the content of a world file.

    Raises:
        ValueError: a number does not fit its field, a text cannot be encoded as UTF-8, or the fields that are set are
            not those of the version.
    """
    _check_fields(world)
    try:
        content = struct.pack("<i", world.version)
        content += _string(world.name) + _string(world.seed_text)
        content += struct.pack("<iqi", world.seed_number, world.uid, world.world_gen_version)
        if world.needs_database is not None:
            content += struct.pack("<?", world.needs_database)
        if world.starting_keys is not None:
            content += struct.pack("<i", len(world.starting_keys)) + b"".join(map(_string, world.starting_keys))
        content += world.rest
        return struct.pack("<i", len(content)) + content
    except struct.error as error:
        raise ValueError(f"A number of the world file does not fit its field: {error}.") from error


def shown(text: str) -> str:
    """Return a text of a file on one line for a terminal: long text cut, blank or unprintable text in quotes."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return cut if cut.isprintable() and cut.strip() == cut != "" else repr(cut)


class _Fields:
    """A reader that takes fields from the front of a file's bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def take(self, count: int, field: str) -> bytes:
        if count > self.left:
            raise SaveError(f"The file ends in its {field}: {count} bytes are needed and {self.left} left. {_REMEDY}")
        self._at += count
        return self._content[self._at - count : self._at]

    def integer(self, form: str, field: str) -> int:
        (number,) = struct.unpack(form, self.take(struct.calcsize(form), field))
        return int(number)

    def truth(self, field: str) -> bool:
        (byte,) = self.take(1, field)
        if byte > 1:
            raise SaveError(f"The {field} in the file is {byte}, which is neither 0 nor 1. {_REMEDY}")
        return byte == 1

    def string(self, field: str) -> str:
        try:
            return self.take(self._length(field), field).decode()
        except UnicodeDecodeError as error:
            raise SaveError(
                f"The {field} in the file is not UTF-8 (byte {error.start + 1} of it). {_REMEDY}"
            ) from error

    def strings(self, field: str) -> tuple[str, ...]:
        count = self.integer("<i", f"count of {field}")
        # A string takes at least one byte.
        if not 0 <= count <= self.left:
            raise SaveError(f"The file states {count} {field} but has {self.left} bytes left. {_REMEDY}")
        return tuple(self.string(field) for _ in range(count))

    def _length(self, field: str) -> int:
        length = 0
        for place in range(_LENGTH_BYTES):
            (byte,) = self.take(1, f"length of the {field}")
            length |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                if place and not byte:
                    break
                return length
        raise SaveError(f"The length of the {field} in the file is malformed. {_REMEDY}")


def _seed(text: str, number: int) -> Seed:
    """Return the seed by its text if that is a valid seed of the same integer, else by its integer."""
    try:
        written = parse_seed(text)
    except SeedError:
        written = None
    return written if written is not None and written.number == number else parse_seed(f"@{number}")


def _advice(version: int, fields: _Fields) -> str:
    """Return what to do with a file of an unsupported version; ``fields`` are at the world's name."""
    if not 0 < version < OLDEST:
        return "name the seed of the world instead of the file."
    try:
        fields.string("name")
        seed = _seed(fields.string("seed text"), fields.integer("<i", "seed"))
    except SaveError:
        return f"name the seed of the world with {_OLD_WORLD_GEN} instead of the file."
    command = vwe_command("world", *_OLD_WORLD_GEN.split(), operands=[seed.key])
    return (
        f"generate the world by its seed:\n{command}\n"
        f"Files before version {OLDEST} have no world-gen version, and the game treats it as 0."
    )


def _check_fields(world: WorldFile) -> None:
    if not OLDEST <= world.version <= NEWEST:
        raise ValueError(f"Unknown version {world.version} of world files; choose one from {OLDEST} to {NEWEST}.")
    asked = (world.version >= _NEEDS_DATABASE_FROM, world.version >= _STARTING_KEYS_FROM)
    if (world.needs_database is not None, world.starting_keys is not None) != asked:
        raise ValueError(f"needs_database and starting_keys do not match the fields of version {world.version}.")
    if world.rest and world.version < _REST_FROM:
        raise ValueError(f"Version {world.version} of world files cannot store the bytes in rest.")


def _string(text: str) -> bytes:
    data = text.encode()
    length, left = bytearray(), len(data)
    while left >= 0x80:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes(length) + data
