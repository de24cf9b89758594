"""The cache of fetched files returns what was fetched, repairs damage, and stays within its limit."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vwe_dagster.publishing.object_cache import ObjectCache

LIMIT = 1000


class Source:
    """A source of contents that counts the requests."""

    def __init__(self, cache: ObjectCache) -> None:
        self.cache = cache
        self.fetched: list[bytes] = []

    def get(self, content: bytes) -> bytes:
        def fetch() -> bytes:
            self.fetched.append(content)
            return content

        return self.cache.content(hashlib.sha256(content).hexdigest(), len(content), fetch)


def path_of(folder: Path, content: bytes) -> Path:
    sha256 = hashlib.sha256(content).hexdigest()
    return folder / sha256[:2] / sha256


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_content_is_fetched_once(tmp_path: Path) -> None:
    source = Source(ObjectCache(tmp_path, LIMIT))
    assert [source.get(b"one"), source.get(b"one")] == [b"one", b"one"]
    assert source.fetched == [b"one"]
    assert Source(ObjectCache(tmp_path, LIMIT)).get(b"one") == b"one"


@pytest.mark.parametrize("damage", [b"", b"two", b"one and more"])
def test_damaged_file_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    source = Source(ObjectCache(tmp_path, LIMIT))
    source.get(b"one")
    path_of(tmp_path, b"one").write_bytes(damage)
    assert source.get(b"one") == b"one"
    assert source.fetched == [b"one", b"one"]
    assert path_of(tmp_path, b"one").read_bytes() == b"one"


@given(st.lists(st.integers(0, 1200), max_size=40))
def test_cache_stays_within_its_limit(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Source(ObjectCache(Path(folder), LIMIT))
        for size in sizes:
            assert source.get(b"x" * size) == b"x" * size
            assert size_of(Path(folder)) <= LIMIT


def test_least_recently_read_file_is_removed_first(tmp_path: Path) -> None:
    source = Source(ObjectCache(tmp_path, LIMIT))
    first, second, third = b"1" * 400, b"2" * 400, b"3" * 400
    for content in (first, second, first, third):
        source.get(content)
    assert [path_of(tmp_path, content).exists() for content in (first, second, third)] == [True, False, True]


def test_files_of_other_processes_count(tmp_path: Path) -> None:
    for content in (b"1" * 400, b"2" * 400, b"3" * 400):
        Source(ObjectCache(tmp_path, LIMIT)).get(content)
        assert size_of(tmp_path) <= LIMIT


def test_folder_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert Source(ObjectCache(tmp_path / "file", LIMIT)).get(b"one") == b"one"
