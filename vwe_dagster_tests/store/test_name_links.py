"""Readable links lead to the folders of seeds, whatever the names of the seeds and the moment of a kill."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.seeds.seed import MAX_NUMBER, MIN_NUMBER, Seed, parse_seed
from vwe_dagster.store import WorldStore
from vwe_dagster.store.name_links import FOLDER, NameLinks
from vwe_dagster_tests.store.stages import SEED, STAGE, publish

KEYS = st.one_of(
    st.from_regex(r"[AaBb.]{1,3}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9._-]{1,32}", fullmatch=True),
    st.integers(MIN_NUMBER, MAX_NUMBER).map(lambda number: f"@{number}"),
).filter(lambda key: ".." not in key)


def links(root: Path) -> dict[str, str]:
    """Return the target of every link by its name."""
    return {path.name: str(path.readlink()) for path in (root / FOLDER).iterdir()}


def make_folders(root: Path, seeds: Iterable[Seed]) -> None:
    for seed in seeds:
        (root / "seeds" / seed.folder_name).mkdir(parents=True, exist_ok=True)


def test_published_world_has_a_relative_link_with_the_seed_as_its_name(tmp_path: Path) -> None:
    publish(tmp_path / "data", 1)
    assert links(tmp_path / "data") == {"HHcLC5acQt": f"../seeds/{SEED.folder_name}"}
    shutil.move(tmp_path / "data", tmp_path / "moved")
    assert (tmp_path / "moved" / FOLDER / "HHcLC5acQt" / STAGE / "manifest.json").is_file()


def test_removed_world_has_no_link(tmp_path: Path) -> None:
    other = parse_seed("other")
    publish(tmp_path, 1)
    publish(tmp_path, 1, other)
    WorldStore(tmp_path).remove(SEED)
    assert links(tmp_path) == {"other": f"../seeds/{other.folder_name}"}


def test_removal_of_a_seed_without_data_creates_nothing(tmp_path: Path) -> None:
    WorldStore(tmp_path).remove(SEED)
    assert list(tmp_path.iterdir()) == []


def test_seeds_that_differ_only_in_case_have_names_that_differ_without_case(tmp_path: Path) -> None:
    seeds = [parse_seed(key) for key in ("Abc", "aBC", "abc")]
    make_folders(tmp_path, seeds)
    for seed in (*seeds, *seeds):
        NameLinks(tmp_path).add(seed)
    assert links(tmp_path) == {
        "Abc": f"../seeds/{seeds[0].folder_name}",
        **{f"{seed.key}~{seed.folder_name[:8]}": f"../seeds/{seed.folder_name}" for seed in seeds[1:]},
    }


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, min_size=1, max_size=8, unique=True), st.data())
def test_any_seeds_have_distinct_links_that_follow_their_folders(keys: list[str], data: st.DataObject) -> None:
    seeds = [parse_seed(key) for key in keys]
    removed = data.draw(st.sets(st.sampled_from(seeds)))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_folders(root, seeds)
        names = NameLinks(root)
        for seed in seeds:
            names.add(seed)
        assert {Path(target).name for target in links(root).values()} == {seed.folder_name for seed in seeds}
        assert len({name.casefold() for name in links(root)}) == len(seeds)
        assert all((root / FOLDER / name).resolve().parent == (root / "seeds").resolve() for name in links(root))
        for seed in removed:
            names.remove(seed)
            assert len(links(root)) == len(seeds)
            (root / "seeds" / seed.folder_name).rmdir()
            names.remove(seed)
            make_folders(root, [seed])
            names.add(seed)
        assert len(links(root)) == len(seeds)


def test_repair_adds_missing_links_and_removes_dangling_ones(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish(tmp_path, 1)
    publish(tmp_path, 1, parse_seed("lost"))
    (tmp_path / FOLDER / "lost").unlink()
    publish(tmp_path, 1, parse_seed("gone"))
    shutil.rmtree(store.folder(parse_seed("gone"), STAGE).parent)
    (tmp_path / "seeds" / "no-seed").mkdir()
    assert store.repair_names() == 2
    assert set(links(tmp_path)) == {"HHcLC5acQt", "lost"}
    assert store.repair_names() == 0


def test_dangling_link_in_another_case_is_replaced(tmp_path: Path) -> None:
    make_folders(tmp_path, [parse_seed("abc")])
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "ABC").symlink_to("../seeds/missing")
    NameLinks(tmp_path).add(parse_seed("abc"))
    assert set(links(tmp_path)) == {"abc"}


def test_file_of_the_user_stays(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "hhclc5acqt").write_text("mine")
    publish(tmp_path, 1)
    WorldStore(tmp_path).repair_names()
    assert (tmp_path / FOLDER / "hhclc5acqt").read_text() == "mine"
    assert (tmp_path / FOLDER / f"HHcLC5acQt~{SEED.folder_name[:8]}").is_symlink()
    WorldStore(tmp_path).remove(SEED)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["hhclc5acqt"]


@pytest.mark.parametrize("error", [PermissionError, NotImplementedError, TimeoutError])
def test_file_system_without_links_does_not_fail_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, "symlink", refuse)
    publish(tmp_path, 1)
    assert WorldStore(tmp_path).damaged(SEED, STAGE) == []


def test_file_in_the_place_of_the_folder_does_not_fail_a_build(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("")
    publish(tmp_path, 1)
    store = WorldStore(tmp_path)
    assert store.damaged(SEED, STAGE) == []
    assert store.repair_names() == 0
    store.remove(SEED)
    assert not store.folder(SEED, STAGE).parent.exists()


def test_readable_folder_is_the_link_or_else_the_folder(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    assert store.readable_folder(SEED, STAGE) == store.folder(SEED, STAGE)
    publish(tmp_path, 1)
    assert store.readable_folder(SEED, STAGE) == tmp_path / FOLDER / SEED.key / STAGE
