"""Test the formats of seed lists and the rejection of invalid entries and files."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.seeds.list_lines import cleaned
from vwe_dagster.seeds.lists import MAX_BYTES, MAX_SEEDS, SeedListError, parse_seed_list, read_seed_list
from vwe_dagster.seeds.seed import SeedError, parse_seed

VALID = st.from_regex(r"[A-Za-z0-9_-]{0,31}[A-Za-z0-9]", fullmatch=True) | st.integers(-(2**31), 2**31 - 1).map(
    "@{}".format
)
TEXTS = VALID | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def keys(name: str, content: str) -> list[str]:
    """Return the seed keys of a list without rejected entries."""
    read = parse_seed_list(name, content.encode())
    assert read.rejected == ()
    return [seed.key for seed in read.seeds]


def rejected(name: str, content: str) -> dict[str, str]:
    """Return the rejected entries of a list, by place."""
    return {entry.place: entry.text for entry in parse_seed_list(name, content.encode()).rejected}


def test_a_text_has_a_seed_on_each_line_and_comments() -> None:
    content = "# spring\n\nHHcLC5acQt\r\n  @298112588\t# the same world\n\t# end\nMWd8eV6svz"
    assert keys("spring.txt", content) == ["HHcLC5acQt", "@298112588", "MWd8eV6svz"]


@pytest.mark.parametrize(
    ("line", "seed", "note"),
    [
        ("1. wVJCZahxX8 - elder close", "wVJCZahxX8", "elder close"),
        ("12) @-5 — note", "@-5", "note"),
        ("* B9Mz1Jr5xe", "B9Mz1Jr5xe", ""),
        ("- [ ] abc137", "abc137", ""),
        ("-abc", "-abc", ""),
        ("1.", "1.", ""),
        ("abc137 near boss", "abc137", "near boss"),
        ('"abc133"', "abc133", ""),
        ("'abc133' second try", "abc133", "second try"),
        ("**HHcLC5acQt** good", "HHcLC5acQt", "good"),
        ("abc\u200b133", "abc133", ""),
        ("HHcLC5acQt\N{NO-BREAK SPACE}", "HHcLC5acQt", ""),
        ("HHcLC5acQt, first good seed", "HHcLC5acQt", "first good seed"),
        ("hello, a nice one", "hello", "a nice one"),
        ("HHcLC5acQt\tgood", "HHcLC5acQt", "good"),
        ("HHcLC5acQt: best (really)", "HHcLC5acQt", "best (really)"),
        ("HHcLC5acQt (best)", "HHcLC5acQt", "best"),
        ("boss # like HHcLC5acQt", "boss", "like HHcLC5acQt"),
    ],
)
def test_handwritten_line_is_split_into_seed_and_note(line: str, seed: str, note: str) -> None:
    read = parse_seed_list("list.txt", f"{line}\n".encode())
    assert ([each.key for each in read.seeds], read.rejected) == ([seed], ())
    assert read.notes == ({seed: note} if note else {})


@pytest.mark.parametrize(
    "line",
    [
        "first good seed HHcLC5acQt",
        "wVJCZahxX8 HHcLC5acQt",
        "wVJCZahxX8, HHcLC5acQt",
        "Elder - abc137",
        "a,b,c",
        "hello world",
        "3 good seeds",
        "Elder close: @5",
        "(HHcLC5acQt)",
        "(a) HHcLC5acQt",
        "#1 HHcLC5acQt",
        "HHcLC5acQt,abc137",
        "HHcLC5acQt abc137",
        "abc137, def138",
        "---",
        "***",
        "Seeds:",
        "http://foo",
        "| 1 | HHcLC5acQt | good |",
        "| Name | Note |",
    ],
)
def test_uncertain_line_is_rejected_with_its_interpretation(line: str) -> None:
    (entry,) = parse_seed_list("list.txt", f"{line}\n".encode()).rejected
    assert entry.reason.startswith("The line reads as the seed '")
    assert "@" not in entry.reason.replace(line.partition(": ")[2] or "-", "")


@pytest.mark.parametrize("text", ["HHcLC5acQt, first good seed", "long text with blanks", "bell\x07", "x" * 33])
def test_no_integer_is_offered_for_a_text_that_the_seed_box_rejects(text: str) -> None:
    with pytest.raises(SeedError) as error:
        parse_seed(text)
    assert "write @" not in str(error.value)


def test_a_markdown_table_is_read_by_its_heading() -> None:
    content = "| note | Seed |\n|:---|---:|\n| near, a boss | `HHcLC5acQt` |\n\n| wVJCZahxX8 | first |\n"
    read = parse_seed_list("list.txt", content.encode())
    assert [seed.key for seed in read.seeds] == ["HHcLC5acQt", "wVJCZahxX8"]
    assert read.notes == {"HHcLC5acQt": "near, a boss", "wVJCZahxX8": "first"}


def test_csv_and_json_carry_notes() -> None:
    table = parse_seed_list("list.csv", b"seed,Notes\nabc,near\ndef,\n")
    entries = parse_seed_list("list.json", b'[{"seed": "abc", "note": "near"}, "def"]')
    assert table.notes == entries.notes == {"abc": "near"}
    assert table.seeds == entries.seeds


def test_comment_sign_within_a_seed_is_rejected() -> None:
    assert rejected("spring.txt", "ab#cd\n") == {"line 1": "ab#cd"}


def test_column_of_seeds_is_found_at_any_position() -> None:
    assert keys("spring.csv", 'world_name,Seed\r\n"a, b",HHcLC5acQt\r\n\r\nc,@5\r\n') == ["HHcLC5acQt", "@5"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_separated_as_spreadsheets_do(delimiter: str) -> None:
    rows = [["islands", "seed"], ["41,5", "HHcLC5acQt"], ["7", "@5"]]
    content = io.StringIO()
    csv.writer(content, delimiter=delimiter).writerows(rows)
    assert keys("spring.csv", content.getvalue()) == ["HHcLC5acQt", "@5"]


def test_csv_errors_have_the_line_numbers_of_the_file() -> None:
    content = 'seed,note\nHHcLC5acQt,"two\nlines"\na/b,\n,empty\nshort\n\n..,x\n'
    assert rejected("spring.csv", content) == {"line 4": "a/b", "line 5": "", "line 8": ".."}


def test_json_is_a_list_of_texts() -> None:
    assert keys("spring.json", '["HHcLC5acQt", "@298112588"]') == ["HHcLC5acQt", "@298112588"]
    assert rejected("spring.json", '[5, "ok", null, ["a"], "a/b"]') == {
        "entry 1": "5",
        "entry 3": "null",
        "entry 4": '["a"]',
        "entry 5": "a/b",
    }


def test_control_characters_of_rejected_entries_are_escaped() -> None:
    assert rejected("spring.txt", "a\x1b[2Jb\0Bär\n") == {"line 1": r"a\x1b[2Jb\x00Bär"}
    assert rejected("spring.csv", 'seed\n"a\nb"\n') == {"line 2": r"a\nb"}


def test_rejected_entry_has_the_error_message_of_the_seed() -> None:
    (entry,) = parse_seed_list("spring.txt", b"a/b\n").rejected
    with pytest.raises(SeedError) as error:
        parse_seed("a/b")
    assert entry.reason == str(error.value)


def test_duplicate_seeds_are_listed_once() -> None:
    assert keys("spring.txt", "b\na\nb\n") == ["b", "a"]


def test_a_list_may_begin_with_a_byte_order_mark_and_have_capitals_in_its_suffix() -> None:
    assert keys("SPRING.TXT", "\ufeffHHcLC5acQt\n") == ["HHcLC5acQt"]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("spring.xlsx", b"PK", "end in .txt, .csv, .json"),
        ("spring", b"a", "end in .txt, .csv, .json"),
        ("spring.txt", b"", "has no seeds"),
        ("spring.txt", b"# nothing\n\n", "has no seeds"),
        ("spring.csv", b"seed\n", "has no seeds"),
        ("spring.json", b"[]", "has no seeds"),
        ("spring.txt", "Bär".encode("latin-1"), "not UTF-8 text (byte 2)"),
        ("spring.txt", "abc".encode("utf-16"), "not UTF-8 text"),
        ("spring.csv", b"", "has no seeds"),
        ("spring.csv", b"HHcLC5acQt\n", "no column seed"),
        ("spring.csv", b'seed\na\n"b\nc\n', "not valid CSV from line 3 on"),
        ("spring.json", b"", "is not valid JSON"),
        ("spring.json", b'["a",\n"b"', "is not valid JSON"),
        ("spring.json", b"[" * 100_000, "is not valid JSON"),
        ("spring.json", b"[" + b"9" * 5000 + b"]", "is not valid JSON"),
        ("spring.json", b'{"seed": "a"}', "is not a JSON list"),
        ("spring.txt", b"a" * (MAX_BYTES + 1), "longer than 4 MiB"),
        (
            "spring.txt",
            "".join(f"{n}\n" for n in range(MAX_SEEDS + 1)).encode(),
            "10,001 seeds, more than the limit of 10,000",
        ),
    ],
)
def test_invalid_list_is_rejected_with_a_message(name: str, content: bytes, sentence: str) -> None:
    with pytest.raises(SeedListError) as error:
        parse_seed_list(name, content)
    assert str(error.value).startswith(name)
    assert sentence in str(error.value)


def test_the_longest_list_is_read() -> None:
    assert len(keys("spring.txt", "".join(f"{n}\n" for n in range(MAX_SEEDS)))) == MAX_SEEDS


def test_list_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "spring.json"
    path.write_text('["HHcLC5acQt"]')
    assert [seed.key for seed in read_seed_list(path).seeds] == ["HHcLC5acQt"]
    os.mkfifo(tmp_path / "pipe.txt")
    for missing in (tmp_path / "none.txt", tmp_path, tmp_path / "pipe.txt"):
        with pytest.raises(SeedListError, match=r"cannot be read \(.*\); name a readable file"):
            read_seed_list(missing)


@given(st.lists(VALID, min_size=1))
def test_every_format_round_trips_seeds(texts: list[str]) -> None:
    table = io.StringIO()
    csv.writer(table).writerows([["note", "seed"], *(["", text] for text in texts)])
    wanted = list(dict.fromkeys(texts))
    assert keys("a.txt", "\n".join(texts)) == wanted
    assert keys("a.csv", table.getvalue()) == wanted
    assert keys("a.json", json.dumps(texts)) == wanted


@given(st.lists(TEXTS, min_size=1))
def test_every_entry_is_either_accepted_or_rejected(texts: list[str]) -> None:
    read = parse_seed_list("a.json", json.dumps(texts).encode())
    for number, text in enumerate(texts, start=1):
        try:
            assert parse_seed(cleaned(text)) in read.seeds
        except SeedError:
            assert f"entry {number}" in {entry.place for entry in read.rejected}
    assert len(read.rejected) + sum(cleaned(text) in {seed.key for seed in read.seeds} for text in texts) == len(texts)


@given(
    st.sampled_from(["a.txt", "a.csv", "a.json"]),
    st.binary() | st.text().map(lambda text: text.encode("utf-8", "replace")),
)
def test_any_content_is_parsed_or_rejected(name: str, content: bytes) -> None:
    with contextlib.suppress(SeedListError):
        read = parse_seed_list(name, content)
        assert read.seeds or read.rejected


def test_file_with_too_many_invalid_entries_is_rejected() -> None:
    content = "\n".join(["é"] * 20_000).encode()
    with pytest.raises(SeedListError, match=r"more than 10,000 entries that are not seeds, the first one at line 1"):
        parse_seed_list("wrong.txt", content)
