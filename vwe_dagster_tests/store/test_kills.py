"""Builders that are killed at any step, and concurrent builders, never lose or mix stages."""

from __future__ import annotations

import itertools
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
from vwe_dagster_tests.forking import PROCESSES
from vwe_dagster_tests.store.stages import SEED, STAGE, entries, numbers_in, publish

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL


def _start(target: Callable[..., None], *arguments: object) -> ForkServerProcess:
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def _die_at_step(step: int) -> None:
    """Kill this process before its ``step``-th operation on the file system."""
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
    """Return the number of the stage after checking its integrity; None if the stage does not exist."""
    manifest = store.manifest(SEED, STAGE)
    if manifest is None:
        return None
    assert store.damaged(SEED, STAGE) == []
    (number,) = numbers_in(store, manifest)
    return number


def _check_that_a_later_making_succeeds(store: WorldStore, number: int) -> None:
    publish(store.root, number)
    assert _number_of(store) == number
    assert entries(store) == {STAGE}
    assert (store.root / "by-name" / SEED.key / STAGE).samefile(store.folder(SEED, STAGE))


@pytest.mark.parametrize("former", [None, 0])
def test_builder_killed_at_any_step_leaves_the_old_or_the_new_stage(tmp_path: Path, former: int | None) -> None:
    outcomes = []
    for step in itertools.count(1):
        store = WorldStore(tmp_path / str(step))
        if former is not None:
            publish(store.root, former)
        builder = _start(_publish_until_step, store.root, 1, step)
        builder.join()
        if builder.exitcode == 0:
            break
        assert builder.exitcode == KILLED
        outcomes.append(_number_of(store))
        _check_that_a_later_making_succeeds(store, 2)
    assert len(outcomes) > 20
    assert outcomes == sorted(outcomes, key=lambda number: number == 1)
    assert set(outcomes) == {former, 1}


def test_removal_killed_at_any_step_leaves_a_complete_seed_or_none(tmp_path: Path) -> None:
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
        assert list((store.root / "by-name").iterdir()) == []
    assert len(outcomes) > 20
    assert set(outcomes) == {1, None}


def test_builders_killed_at_random_moments_never_lose_or_split_a_stage(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    moments = random.Random(8)
    began = time.monotonic()
    _start(publish, store.root, 0).join()
    one_s, last = time.monotonic() - began, 0
    for first in range(1, 20 * 1000, 1000):
        builder = _start(_publish_one_after_another, store.root, first, 1)
        time.sleep(moments.uniform(0.3, 2) * one_s)
        builder.kill()
        builder.join()
        number = _number_of(store)
        assert isinstance(number, int)
        assert number == last or number >= first
        last = number
    assert last > 0
    _check_that_a_later_making_succeeds(store, 99)


def test_concurrent_builders_take_turns(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish(store.root, 0)
    builders = [_start(_publish_some, store.root, range(first, first + 8)) for first in (100, 200)]
    seen = set()
    while any(builder.is_alive() for builder in builders):
        manifest = store.manifest(SEED, STAGE)
        if manifest is None:
            continue
        try:
            (number,) = numbers_in(store, manifest)
        except StoreError:
            continue  # The stage was replaced during the read.
        seen.add(number)
    assert [builder.exitcode for builder in builders] == [0, 0]
    assert len(seen) > 2
    assert _number_of(store) in {107, 207}
    assert entries(store) == {STAGE}


def test_stage_set_aside_by_a_killed_builder_is_restored_for_readers(tmp_path: Path) -> None:
    store = WorldStore(tmp_path)
    publish(store.root, 1)
    folder = store.folder(SEED, STAGE)
    folder.rename(folder.with_name(f".{STAGE}.former"))
    assert _number_of(store) == 1
    assert entries(store) == {STAGE}
