"""World files of the game, ``.fwl`` and ``.fwl2``: what a player's world is called and which seed it has.

Read strictly and within bounds: a file comes back to the byte when it is written again, and whatever cannot is refused.
Little-endian throughout; the fields follow the byte count of all of them, in this order:

====================  ==================================================================================
world version         int32; 36 in version 0.221 of the game, 41 in 1.0
name, seed text       strings: their length in bytes, seven bits a byte and the lowest first, then UTF-8
seed                  int32; decides the world, whatever the text says
uid                   int64; tells worlds apart in what the game keeps of a player
world-gen version     int32
needs a database      bool, from version 30: the world has a ``.db`` that must be there
starting keys         int32 count and so many strings, from version 32: the world's modifiers
====================  ==================================================================================

Version 41 appends the players that have been in the world: an int32 count, and four strings for each. It is not known
whether versions 37 to 40 append anything. Bytes after the starting keys are kept unparsed from 37 on and rejected in
earlier versions.
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
"""The world versions that are read."""

WRITTEN = 36
"""The world version of a new file unless the caller chooses another."""

NO_PLAYERS = {WRITTEN: b"", 41: struct.pack("<i", 0)}
"""The world versions of new files: those known to the last byte, with what follows the starting keys before any player
has entered the world."""

MAX_BYTES = 16 * 2**20
"""Length of the longest file that is read; one without a history is some dozens of bytes."""

_NEEDS_DATABASE_FROM = 30
_STARTING_KEYS_FROM = 32
_REST_FROM = 37
_LENGTH_BYTES = 5  # an int32 in groups of seven bits
_SHOWN = 64
_OLD_WORLD_GEN = "--world-gen-version 0"
_REMEDY = "It is damaged or no world file: name the .fwl or .fwl2 of a world, or restore it from a backup."


class SaveError(ValueError):
    """A file that is no world file; the message is a sentence that says what is wrong and how to mend it."""


@dataclasses.dataclass(frozen=True)
class WorldFile:
    """What a world file says.

    Attributes:
        version: the world version, which decides what fields the file has.
        name: of the world.
        seed_text: as typed; it may disagree with the integer.
        seed_number: the int32 that decides the world.
        uid: int64.
        world_gen_version: 2 for worlds made since 2022, 1 or 0 for older ones.
        needs_database: whether the world cannot be without its ``.db``; None before version 30.
        starting_keys: the world's modifiers; None before version 32.
        rest: what follows them, from version 37 on.
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
        """The seed by its text where that is a seed of the same integer, else by its integer."""
        return _seed(self.seed_text, self.seed_number)

    @property
    def label(self) -> str | None:
        """The seed text if the game makes the world's integer of it but it is not a valid seed here, else None.

        Such a text is blank or has letters other than A to Z; the seed is then ``@`` and the integer.
        """
        is_label = self.seed_text and self.seed.key != self.seed_text
        return self.seed_text if is_label and seed_number(self.seed_text) == self.seed_number else None

    @property
    def remark(self) -> str | None:
        """A sentence where the seed text is not that of the world."""
        if self.seed.key == self.seed_text or seed_number(self.seed_text) == self.seed_number:
            return None
        return (
            f"The seed text of the world {shown(self.name)} is {shown(self.seed_text)}, which would be the integer "
            f"{seed_number(self.seed_text)}; the file has the integer {self.seed_number}, and that decides the world."
        )


def new_world(
    seed: Seed,
    name: str,
    *,
    world_gen_version: int,
    world_version: int = WRITTEN,
    starting_keys: tuple[str, ...] = (),
) -> WorldFile:
    """The file of a world that nobody has entered yet, for a server that starts with it.

    Args:
        seed: its seed; the seed text of the file is the key.
        name: of the world; the game finds a world by the name of its file, so both should be the same.
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
    """Reads a world file.

    Raises:
        SaveError: it cannot be read, or is no world file.
    """
    try:
        content = read_file(path, MAX_BYTES + 1)
    except OSError as error:
        if error.errno == errno.EISDIR:
            raise SaveError(f"{path} is a folder; name the .fwl or .fwl2 file in it.") from error
        raise SaveError(f"{path} cannot be read ({error.strerror}); name a file that you may read.") from error
    try:
        return parse_world_file(content)
    except SaveError as error:
        raise SaveError(f"{path}: {error}") from error


def parse_world_file(content: bytes) -> WorldFile:
    """Reads the content of a world file.

    Raises:
        SaveError: the content is not that of a world file of version 26 to 41.
    """
    if len(content) > MAX_BYTES:
        raise SaveError(f"The file is longer than {MAX_BYTES // 2**20} MiB, the most it can have. {_REMEDY}")
    fields = _Fields(content)
    count = fields.integer("<i", "byte count")
    if count != fields.left:
        raise SaveError(f"The file announces {count} bytes after the first four and has {fields.left}. {_REMEDY}")
    version = fields.integer("<i", "world version")
    if not OLDEST <= version <= NEWEST:
        raise SaveError(
            f"The file has the world version {version}, and those from {OLDEST} to {NEWEST} can be read; "
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
        raise SaveError(f"The file has {fields.left} bytes more than version {version} of it can have. {_REMEDY}")
    return world


def world_file_bytes(world: WorldFile) -> bytes:
    """The content of a world file.

    Raises:
        ValueError: a number does not fit its field, a text has no UTF-8, or a field is given that the version lacks or
            missing that it has.
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
    """A text of a file on one line, fit for a terminal: cut where it is long, in quotes where it is strange."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
    return cut if cut.isprintable() and cut.strip() == cut != "" else repr(cut)


class _Fields:
    """The bytes of a file, taken from the front; never more than there are."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def take(self, count: int, field: str) -> bytes:
        if count > self.left:
            raise SaveError(
                f"The file ends in its {field}: {count} bytes are announced and {self.left} left. {_REMEDY}"
            )
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
                f"The {field} in the file is no UTF-8 text (byte {error.start + 1} of it). {_REMEDY}"
            ) from error

    def strings(self, field: str) -> tuple[str, ...]:
        count = self.integer("<i", f"count of {field}")
        # Each takes a byte at least.
        if not 0 <= count <= self.left:
            raise SaveError(f"The file announces {count} {field} and has {self.left} bytes left. {_REMEDY}")
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
    """Return the seed by its text if that is a seed of the same integer, else by its integer."""
    try:
        written = parse_seed(text)
    except SeedError:
        written = None
    return written if written is not None and written.number == number else parse_seed(f"@{number}")


def _advice(version: int, fields: _Fields) -> str:
    """Return what to do with a file of a version that is not read; ``fields`` are at the world's name."""
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
        f"A file before version {OLDEST} has no world-gen version, and the game takes it for 0."
    )


def _check_fields(world: WorldFile) -> None:
    if not OLDEST <= world.version <= NEWEST:
        raise ValueError(f"World files of version {world.version} are not known.")
    asked = (world.version >= _NEEDS_DATABASE_FROM, world.version >= _STARTING_KEYS_FROM)
    if (world.needs_database is not None, world.starting_keys is not None) != asked:
        raise ValueError(f"Need of a database and starting keys are not what version {world.version} has.")
    if world.rest and world.version < _REST_FROM:
        raise ValueError(f"Nothing follows the fields of version {world.version}.")


def _string(text: str) -> bytes:
    data = text.encode()
    length, left = bytearray(), len(data)
    while left >= 0x80:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    length.append(left)
    return bytes(length) + data
