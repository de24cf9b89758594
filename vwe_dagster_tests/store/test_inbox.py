"""The inbox: which files are read, and where they are moved."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from vwe_dagster.seeds.lists import SeedListError
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store.inbox import SETTLED_S, DroppedFile, Inbox, ListChangedError


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return Inbox(folder)


def later(inbox: Inbox) -> list[DroppedFile]:
    """Return the files that count as complete after the settling time."""
    return inbox.settled(time.time() + SETTLED_S)


def only(inbox: Inbox) -> DroppedFile:
    """Return the only complete file."""
    (file,) = later(inbox)
    return file


def files(inbox: Inbox) -> dict[str, str]:
    """Return the content of every file below the inbox, by path."""
    return {str(path.relative_to(inbox.folder)): path.read_text() for path in inbox.folder.rglob("*") if path.is_file()}


def test_inbox_is_created_by_the_first_listing(tmp_path: Path) -> None:
    assert Inbox(tmp_path / "data" / "inbox").settled(time.time()) == []
    assert (tmp_path / "data" / "inbox").is_dir()


def test_file_that_was_just_written_is_ignored(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("HHcLC5acQt\n")
    assert inbox.settled(time.time()) == []
    assert only(inbox).name == "spring.txt"


def test_copy_with_an_old_modification_time_counts_as_new(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("HHcLC5acQt\n")
    os.utime(inbox.folder / "spring.txt", (0, 0))
    assert inbox.settled(time.time()) == []


def test_file_of_a_clock_that_was_set_back_is_read(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("HHcLC5acQt\n")
    (file,) = inbox.settled(time.time() - 24 * 3600)
    assert file.name == "spring.txt"


def test_file_of_a_clock_slightly_ahead_is_ignored(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("HHcLC5acQt\n")
    assert inbox.settled(time.time() - 60) == []


@pytest.mark.parametrize(
    "name", [".spring.txt", ".spring.txt.swp", "spring.txt~", "spring.txt.part", "spring.TMP", "spring.txt.crdownload"]
)
def test_hidden_and_unfinished_files_are_ignored(inbox: Inbox, name: str) -> None:
    (inbox.folder / name).write_text("HHcLC5acQt\n")
    assert later(inbox) == []


def test_folders_are_ignored(inbox: Inbox) -> None:
    (inbox.folder / "lists.txt").mkdir()
    assert later(inbox) == []


def test_oldest_list_comes_first(inbox: Inbox) -> None:
    for name in ("b.txt", "a.txt", "c.txt"):
        (inbox.folder / name).write_text("HHcLC5acQt\n")
        time.sleep(0.02)
    assert [file.name for file in later(inbox)] == ["b.txt", "a.txt", "c.txt"]


def test_valid_list_moves_to_done(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("HHcLC5acQt\n")
    file = only(inbox)
    inbox.finish(file, inbox.read(file))
    assert files(inbox) == {"done/spring.txt": "HHcLC5acQt\n"}


def test_list_with_invalid_entries_moves_to_rejected_with_a_report(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("HHcLC5acQt\na/b\nok\n\nBär\n")
    file = only(inbox)
    content = inbox.read(file)
    assert [seed.key for seed in content.seeds] == ["HHcLC5acQt", "ok"]
    inbox.finish(file, content)
    assert files(inbox).keys() == {"rejected/spring.txt", "rejected/spring.txt.report.txt"}
    assert files(inbox)["rejected/spring.txt.report.txt"] == (
        "Of spring.txt, 2 seeds were rejected and 2 seeds were accepted. "
        "Correct the rejected entries and put them into the inbox as a new list.\n"
        f"\nline 2: a/b\n    {content.rejected[0].reason}\n"
        f"\nline 5: Bär\n    {content.rejected[1].reason}\n"
    )


def test_file_that_is_not_a_list_moves_to_rejected_with_a_report(inbox: Inbox) -> None:
    (inbox.folder / "spring.xlsx").write_text("PK")
    file = only(inbox)
    with pytest.raises(SeedListError) as error:
        inbox.read(file)
    inbox.reject(file, error.value)
    assert files(inbox) == {
        "rejected/spring.xlsx": "PK",
        "rejected/spring.xlsx.report.txt": f"No seed of spring.xlsx was accepted. {error.value}\n",
    }


def test_report_does_not_replace_an_existing_file(inbox: Inbox) -> None:
    rejected = inbox.folder / "rejected"
    rejected.mkdir()
    (rejected / "spring.txt.report.txt").write_text("kept by a person")
    (inbox.folder / "spring.txt").write_text("a/b\n")
    file = only(inbox)
    inbox.finish(file, inbox.read(file))
    assert files(inbox)["rejected/spring.txt.report.txt"] == "kept by a person"
    assert "a/b" in files(inbox)["rejected/spring-2.txt.report.txt"]
    # The state after a kill between the write of the report and the move of the list.
    (rejected / "spring-2.txt").rename(inbox.folder / "spring.txt")
    file = only(inbox)
    assert inbox.finish(file, inbox.read(file)).name == "spring-2.txt"


def test_lists_with_the_same_name_get_numbers(inbox: Inbox) -> None:
    for text in ("a\n", "b\n", "c\n"):
        (inbox.folder / "spring.txt").write_text(text)
        file = only(inbox)
        inbox.finish(file, inbox.read(file))
    assert files(inbox) == {"done/spring.txt": "a\n", "done/spring-2.txt": "b\n", "done/spring-3.txt": "c\n"}


def test_list_that_is_put_again_has_another_identity(inbox: Inbox) -> None:
    (inbox.folder / "spring.txt").write_text("a\n")
    first = only(inbox)
    moved = inbox.finish(first, inbox.read(first))
    time.sleep(0.02)
    moved.rename(inbox.folder / "spring.txt")
    assert only(inbox).identity != first.identity
    assert only(inbox).identity == only(inbox).identity


def test_links_are_not_followed_and_pipes_do_not_block(inbox: Inbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("HHcLC5acQt\n")
    (inbox.folder / "a.txt").symlink_to(secret)
    (inbox.folder / "b.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(inbox.folder / "c.txt")
    for file in later(inbox):
        with pytest.raises(SeedListError, match="is a link or another special file") as error:
            inbox.read(file)
        inbox.reject(file, error.value)
    assert later(inbox) == []
    assert secret.read_text() == "HHcLC5acQt\n"
    assert len(list((inbox.folder / "rejected").iterdir())) == 6


def test_list_that_changes_while_it_is_read_is_left_for_later(inbox: Inbox) -> None:
    path = inbox.folder / "spring.txt"
    path.write_text("a\n")
    file = only(inbox)
    path.write_text("a\nb\n")
    with pytest.raises(ListChangedError):
        inbox.read(file)
    path.unlink()
    with pytest.raises(ListChangedError):
        inbox.read(file)
    path.symlink_to("/dev/zero")
    with pytest.raises(ListChangedError):
        inbox.read(file)


@pytest.mark.parametrize("name", [b"\xff\n.txt", b"\xc3\xa4" * 125 + b".txt"])
def test_file_with_any_name_can_be_shown_and_moved(inbox: Inbox, name: bytes) -> None:
    (inbox.folder / os.fsdecode(name)).write_text("a/b\nc\n")
    file = only(inbox)
    assert file.name.encode()
    moved = inbox.finish(file, inbox.read(file))
    assert moved.suffix == ".txt"
    assert moved.with_name(f"{moved.name}.report.txt").is_file()
    assert later(inbox) == []


def test_list_written_by_put_is_read_back(inbox: Inbox) -> None:
    seeds = (parse_seed("HHcLC5acQt"), parse_seed("@5"))
    inbox.put("asked.txt", seeds)
    assert inbox.read(only(inbox)).seeds == seeds
    assert list(files(inbox)) == ["asked.txt"]
