"""World files of every version are read byte for byte, and damaged ones are rejected."""

from __future__ import annotations

import dataclasses
import os
import shlex
import struct
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vwe_dagster.formats.fwl import (
    MAX_BYTES,
    NEWEST,
    OLDEST,
    WRITTEN,
    SaveError,
    WorldFile,
    new_world,
    parse_world_file,
    read_world_file,
    shown,
    world_file_bytes,
)
from vwe_dagster.seeds.seed import parse_seed, seed_number

INT32 = st.integers(-(2**31), 2**31 - 1)
TEXTS = st.text(max_size=30) | st.text("ab", min_size=120, max_size=140)


@st.composite
def world_files(draw: st.DrawFn) -> WorldFile:
    """Strategy for world files of every version with random fields."""
    version = draw(st.integers(OLDEST, NEWEST))
    return WorldFile(
        version=version,
        name=draw(TEXTS),
        seed_text=draw(TEXTS),
        seed_number=draw(INT32),
        uid=draw(st.integers(-(2**63), 2**63 - 1)),
        world_gen_version=draw(INT32),
        needs_database=draw(st.booleans()) if version >= 30 else None,
        starting_keys=tuple(draw(st.lists(TEXTS, max_size=4))) if version >= 32 else None,
        rest=draw(st.binary(max_size=20)) if version >= 37 else b"",
    )


def read_or_error(content: bytes) -> WorldFile | None:
    """Return the world, or None after a ``SaveError``, whose message must be a sentence."""
    try:
        return parse_world_file(content)
    except SaveError as error:
        sentence = str(error)
    assert sentence.endswith(".")
    return None


def built_by_hand(
    version: int, *, seed: int = 298112588, text: str = "HHcLC5acQt", world_gen_version: int = 2
) -> bytes:
    """Return a world file built from the description of its layout, without the project's writer."""

    def string(value: str) -> bytes:
        return bytes([len(value.encode())]) + value.encode()

    body = struct.pack("<i", version) + string("Midgard") + string(text)
    body += struct.pack("<iqi", seed, 123456789012, world_gen_version)
    if version >= 30:
        body += b"\x01"
    if version >= 32:
        body += struct.pack("<i", 2) + string("preset default") + string("nomap")
    if version == 41:
        body += b"a history of players"
    return struct.pack("<i", len(body)) + body


@pytest.mark.parametrize("version", range(OLDEST, NEWEST + 1))
def test_every_version_is_read(version: int) -> None:
    world = parse_world_file(built_by_hand(version))
    assert (world.version, world.name, world.seed_text) == (version, "Midgard", "HHcLC5acQt")
    assert (world.seed_number, world.uid, world.world_gen_version) == (298112588, 123456789012, 2)
    assert world.needs_database is (True if version >= 30 else None)
    assert world.starting_keys == (("preset default", "nomap") if version >= 32 else None)
    assert world.rest == (b"a history of players" if version == 41 else b"")
    assert world_file_bytes(world) == built_by_hand(version)


@given(world_files())
def test_written_file_is_read_again(world: WorldFile) -> None:
    assert parse_world_file(world_file_bytes(world)) == world


@given(st.binary(max_size=200))
def test_random_bytes_are_read_exactly_or_rejected(content: bytes) -> None:
    world = read_or_error(content)
    assert world is None or world_file_bytes(world) == content


@given(st.integers(OLDEST - 2, NEWEST + 2), st.binary(max_size=120))
def test_random_bytes_after_a_valid_head_are_read_exactly_or_rejected(version: int, noise: bytes) -> None:
    content = struct.pack("<ii", len(noise) + 4, version) + noise
    world = read_or_error(content)
    assert world is None or world_file_bytes(world) == content


@settings(max_examples=300)
@given(st.data())
def test_damaged_file_is_read_exactly_or_rejected(data: st.DataObject) -> None:
    content = bytearray(world_file_bytes(data.draw(world_files())))
    for _ in range(data.draw(st.integers(1, 3))):
        bit = data.draw(st.integers(0, 8 * len(content) - 1))
        content[bit // 8] ^= 1 << bit % 8
    world = read_or_error(bytes(content))
    assert world is None or world_file_bytes(world) == content


@given(world_files(), st.data())
def test_truncated_file_is_rejected(world: WorldFile, data: st.DataObject) -> None:
    content = world_file_bytes(world)
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    assert read_or_error(cut) is None
    # Also with the correct count in front.
    if len(cut) >= 8 and not world.rest:
        assert read_or_error(struct.pack("<i", len(cut) - 4) + cut[4:]) is None


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (struct.pack("<i", 25), "world version 25, but only versions 26 to 41"),
        (struct.pack("<i", 42), "world version 42, but only versions 26 to 41"),
        (
            struct.pack("<i", 26) + b"\xff\xff\xff\xff\x07",
            "ends in its name: 2147483647 bytes are needed and 0 left",
        ),
        (struct.pack("<i", 26) + b"\xff\xff\xff\xff\xff\x01", "length of the name in the file is malformed"),
        (struct.pack("<i", 26) + b"\x80\x00", "length of the name in the file is malformed"),
        (struct.pack("<i", 26) + b"\x01\xff", "name in the file is not UTF-8"),
        (built_by_hand(30)[4:-1] + b"\x02", "need of a database in the file is 2"),
        (built_by_hand(31)[4:] + b"\x00", "1 bytes after the last field of version 31"),
        (built_by_hand(32)[4:-25] + struct.pack("<i", 2**31 - 1) + b"\x00" * 9, "states 2147483647 starting keys"),
        (built_by_hand(32)[4:-25] + struct.pack("<i", -1), "states -1 starting keys"),
    ],
)
def test_error_has_the_reason(body: bytes, sentence: str) -> None:
    with pytest.raises(SaveError, match=sentence):
        parse_world_file(struct.pack("<i", len(body)) + body)


def test_wrong_byte_count_is_rejected() -> None:
    for content in (built_by_hand(36) + b"\x00", built_by_hand(36)[:-1], b"\x89PNG\r\n\x1a\n", b"\x01"):
        assert read_or_error(content) is None


@pytest.mark.parametrize(
    ("text", "number", "key", "has_remark"),
    [
        ("HHcLC5acQt", 298112588, "HHcLC5acQt", False),
        ("HHcLC5acQt", 5, "@5", True),
        ("with space", seed_number("with space"), f"@{seed_number('with space')}", False),
        ("", 0, "@0", False),
        ("@-7", -7, "@-7", False),
        ("@-7", 8, "@8", True),
        ("\x1b[31mred", 3, "@3", True),
    ],
)
def test_integer_decides_the_seed(text: str, number: int, key: str, has_remark: bool) -> None:
    world = parse_world_file(built_by_hand(36, seed=number, text=text))
    assert world.seed == parse_seed(key)
    assert world.seed.number == number
    assert (world.remark is not None) == has_remark
    assert world.remark is None or (str(number) in world.remark and world.remark.isprintable())


@given(st.text())
@example("\x1b]0;owned\x07")
@example("\N{RIGHT-TO-LEFT OVERRIDE}")
def test_text_of_a_file_is_shown_on_one_line(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) < 1000


@pytest.mark.parametrize("key", ["HHcLC5acQt", "@-1772362158"])
def test_new_world_has_no_players(key: str) -> None:
    seed = parse_seed(key)
    worlds = [new_world(seed, "Midgard", world_gen_version=1) for _ in range(2)]
    assert worlds[0].uid != worlds[1].uid
    read = parse_world_file(world_file_bytes(worlds[0]))
    assert (read.version, read.name, read.seed, read.world_gen_version) == (WRITTEN, "Midgard", seed, 1)
    assert (read.needs_database, read.starting_keys, read.rest, read.remark) == (False, (), b"", None)


@pytest.mark.parametrize("version", [36, 41])
def test_new_world_is_written_byte_for_byte(version: int) -> None:
    def string(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    keys = ("preset hard", "nomap")
    world = new_world(
        parse_seed("HHcLC5acQt"), "Midgard", world_gen_version=2, world_version=version, starting_keys=keys
    )
    body = struct.pack("<i", version) + string("Midgard") + string("HHcLC5acQt")
    body += struct.pack("<iqi?i", 298112588, world.uid, 2, False, 2) + string("preset hard") + string("nomap")
    if version == 41:
        body += struct.pack("<i", 0)  # players
    assert world_file_bytes(world) == struct.pack("<i", len(body)) + body


@pytest.mark.parametrize("version", [35, 37, 40, 42])
def test_new_worlds_have_a_fully_known_version(version: int) -> None:
    with pytest.raises(KeyError):
        new_world(parse_seed("HHcLC5acQt"), "Midgard", world_gen_version=2, world_version=version)


@pytest.mark.parametrize(
    ("text", "number", "label"),
    [
        ("HHcLC5acQt", 298112588, None),
        ("HHcLC5acQt", 5, None),
        ("with space", seed_number("with space"), "with space"),
        ("  ", seed_number("  "), "  "),
        ("Ægir", seed_number("Ægir"), "Ægir"),
        ("Ægir", 7, None),
        ("@-7", -7, None),
        ("", 0, None),
    ],
)
def test_text_of_the_same_integer_that_is_not_a_seed_is_a_label(text: str, number: int, label: str | None) -> None:
    world = parse_world_file(built_by_hand(36, seed=number, text=text))
    assert world.label == label
    assert label is None or (world.seed.key, world.remark) == (f"@{number}", None)


@pytest.mark.parametrize(
    ("text", "number", "key"),
    [("HHcLC5acQt", 298112588, "HHcLC5acQt"), ("-abc", seed_number("-abc"), "-abc"), ("with space", 5, "@5")],
)
def test_advice_for_a_file_without_a_world_gen_version_generates_its_world(text: str, number: int, key: str) -> None:
    body = struct.pack("<i", 25) + b"\x07Midgard" + bytes([len(text)]) + text.encode() + struct.pack("<iq", number, 1)
    with pytest.raises(SaveError) as excinfo:
        parse_world_file(struct.pack("<i", len(body)) + body)
    (command,) = [line for line in str(excinfo.value).splitlines() if line.startswith("vwe ")]
    words = shlex.split(command)
    assert words[:4] == ["vwe", "world", "--world-gen-version", "0"]
    assert words[-1] == key
    assert words[4:-1] == (["--"] if key.startswith("-") else [])


def test_advice_names_the_world_gen_version_where_the_seed_cannot_be_read() -> None:
    with pytest.raises(SaveError, match="--world-gen-version 0"):
        parse_world_file(struct.pack("<ii", 4, 25))
    with pytest.raises(SaveError) as newer:
        parse_world_file(struct.pack("<ii", 4, 42))
    assert "--world-gen-version" not in str(newer.value)


def test_invalid_fields_are_not_written() -> None:
    world = parse_world_file(built_by_hand(26))
    for change in (
        {"version": 42},
        {"version": 30},
        {"starting_keys": ()},
        {"rest": b"x"},
        {"seed_number": 2**31},
        {"name": "\ud800"},
    ):
        with pytest.raises(ValueError, match=r"."):
            world_file_bytes(dataclasses.replace(world, **change))


def test_unreadable_file_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "world.fwl"
    with pytest.raises(SaveError, match="cannot be read"):
        read_world_file(path)
    with pytest.raises(SaveError, match=r"is a folder; name the \.fwl or \.fwl2 file"):
        read_world_file(tmp_path)
    os.mkfifo(path)
    for strange in (path, Path("/dev/zero")):
        with pytest.raises(SaveError, match="it is a pipe, a device or a socket"):
            read_world_file(strange)
    path.unlink()
    path.write_bytes(built_by_hand(36)[:-1])
    with pytest.raises(SaveError, match=f"^{path}: The file states"):
        read_world_file(path)
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(SaveError, match="longer than 16 MiB"):
        read_world_file(path)
    path.write_bytes(built_by_hand(41))
    assert read_world_file(path).name == "Midgard"
