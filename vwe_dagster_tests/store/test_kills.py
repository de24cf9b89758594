"""Makers that are killed with ``kill -9`` wherever it hurts, and makers that meet."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster_tests.store import stages
from vwe_dagster_tests.store.stages import SEED, STAGE, entries, numbers_told, publish

pytestmark = pytest.mark.slow

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload([stages.__name__, __name__])

KILLED = -signal.SIGKILL


def _start(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def _die_at_step(step: int) -> None:
    """Has this process killed as it is about to do its ``step``-th step on the file system."""
    steps = itertools.count(1)

    def count(event: str, _: object) -> None:
        if event.startswith(("open", "os.", "shutil.", "fcntl.")) and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _publish_until_step(root: Path, number: int, step: int) -> None:
    _die_at_step(step)
    publish(root, number)


def _remove_until_step(root: Path, step: int) -> None:
    _die_at_step(step)
    WorldStore(root).remove(SEED)


def _publish_one_after_another(root: Path, first: int, stride: int) -> None:
    for number in itertools.count(first, stride):
        publish(root, number)


def _publish_some(root: Path, numbers: range) -> None:
    for number in numbers:
        publish(root, number)


def _number_of(store: WorldStore) -> object:
    """The number that the stage tells, having checked that it is whole; None if it is absent."""
    manifest = store.manifest(SEED, STAGE)
    if manifest is None:
        return None
    assert store.damaged(SEED, STAGE) == []
    (number,) = numbers_told(store, manifest)
    return number


def _check_that_a_later_making_succeeds(store: WorldStore, number: int) -> None:
    publish(store.root, number)
    assert _number_of(store) == number
    assert entries(store) == {STAGE}


@pytest.mark.parametrize("former", [None, 0])
def test_a_maker_killed_at_any_step_leaves_the_old_stage_or_the_new_one(tmp_path: Path, former: int | None) -> None:
    outcomes = []
    for step in itertools.count(1):
        store = WorldStore(tmp_path / str(step))
        if former is not None:
            publish(store.root, former)
        maker = _start(_publish_until_step, store.root, 1, step)
        maker.join()
        if maker.exitcode == 0:
            break
        assert maker.exitcode == KILLED
        outcomes.append(_number_of(store))
        _check_that_a_later_making_succeeds(store, 2)
    assert len(outcomes) > 20
    assert outcomes == sorted(outcomes, key=lambda number: number == 1)
    assert set(outcomes) == {former, 1}


def test_a_seed_whose_removal_is_killed_at_any_step_is_whole_or_gone(tmp_path: Path) -> None:
    outcomes = []
    for step in itertools.count(1):
        store = WorldStore(tmp_path / str(step))
        publish(store.root, 1)
        remover = _start(_remove_until_step, store.root, step)
        remover.join()
        if remover.exitcode == 0:
            break
        assert remover.exitcode == KILLED
        outcomes.append(_number_of(store))
        store.remove(SEED)
        assert not store.folder(SEED, STAGE).parent.exists()
    assert len(outcomes) > 20
    assert set(outcomes) == {1, None}


def test_makers_killed_at_random_moments_never_lose_a_stage_nor_leave_half_of_one(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    moments = random.Random(8)
    began = time.monotonic()
    _start(publish, store.root, 0).join()
    one_s, last = time.monotonic() - began, 0
    for first in range(1, 40 * 1000, 1000):
        maker = _start(_publish_one_after_another, store.root, first, 1)
        time.sleep(moments.uniform(0.3, 2) * one_s)
        maker.kill()
        maker.join()
        number = _number_of(store)
        assert isinstance(number, int)
        assert number == last or number >= first
        last = number
    assert last > 0
    _check_that_a_later_making_succeeds(store, 99)


def test_makers_at_the_same_time_take_turns_and_never_mix(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish(store.root, 0)
    makers = [_start(_publish_some, store.root, range(first, first + 8)) for first in (100, 200)]
    seen = set()
    while any(maker.is_alive() for maker in makers):
        manifest = store.manifest(SEED, STAGE)
        if manifest is None:
            continue
        try:
            (number,) = numbers_told(store, manifest)
        except StoreError:
            continue  # It was replaced while we read, and we were told so.
        seen.add(number)
    assert [maker.exitcode for maker in makers] == [0, 0]
    assert len(seen) > 2
    assert _number_of(store) in {107, 207}
    assert entries(store) == {STAGE}


def test_a_stage_that_was_set_aside_when_its_maker_was_killed_is_found_by_readers(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish(store.root, 1)
    folder = store.folder(SEED, STAGE)
    folder.rename(folder.with_name(f".{STAGE}.former"))
    assert _number_of(store) == 1
    assert entries(store) == {STAGE}
