"""Surveys that are killed, interrupted and run side by side never lose a stored row, and never store one twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.messages import EngineError, Progress, SurveyExport, SurveyRequest
from vwe_dagster.engine.protocol import MAX_SURVEY_SEEDS
from vwe_dagster.engine.rows import NUMBER
from vwe_dagster.seeds.permutation import seeds_from
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.files import file_of, read_rows, survey_files
from vwe_dagster.survey.rows import surveyed_rows, surveyed_seeds
from vwe_dagster.survey.running import (
    STORED,
    Outcome,
    survey_more,
    survey_seeds,
    survey_set,
    unfinished_blocks,
)
from vwe_dagster.survey.seed_sets import BLOCK_SEEDS, block, block_name
from vwe_dagster_tests.survey.made_rows import invented_rows, publish
from vwe_dagster_tests.survey.surveyor import invented

PATIENCE_S = 120


@pytest.fixture
def store(tmp_path: Path) -> WorldStore:
    """An empty data folder."""
    return WorldStore(tmp_path / "data")


def numbers_in(store: WorldStore, depth: Depth) -> list[int]:
    """Return the seed of every row in every file, as often as there is a row of it."""
    return [
        number for path in survey_files(store).paths(depth) for number in read_rows(path, [NUMBER])[NUMBER].to_pylist()
    ]


def start(store: WorldStore, count: int, seconds: float = 0.02) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "vwe_dagster_tests.survey.surveyor", str(store.root), str(count), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for_rows(store: WorldStore, count: int) -> None:
    begun = time.monotonic()
    while survey_files(store).rows(Depth.WORLD) < count:
        assert time.monotonic() - begun < PATIENCE_S
        # Counting rows opens every file.
        time.sleep(0.05)


@pytest.mark.parametrize("count", [1, 100, BLOCK_SEEDS, BLOCK_SEEDS + 1, 9000])
def test_survey_adds_exactly_the_next_seeds(store: WorldStore, count: int) -> None:
    assert survey_more(store, 10, Depth.START, invented) == Outcome(10)
    assert survey_more(store, count, Depth.START, invented) == Outcome(count)
    assert sorted(numbers_in(store, Depth.START)) == sorted(seeds_from(0, 10 + count).tolist())


def test_rows_are_stored_in_the_order_of_the_block(store: WorldStore) -> None:
    survey_more(store, 600, Depth.START, invented)
    survey_more(store, 300, Depth.START, invented)
    rows = read_rows(file_of(store, Depth.START, block_name(0)))
    expected = invented_rows(seeds_from(0, 900).tolist(), Depth.START)
    assert rows.equals(expected, check_metadata=True)


@pytest.mark.parametrize("depth", Depth)
def test_depths_are_surveyed_independently(store: WorldStore, depth: Depth) -> None:
    survey_more(store, 20, depth, invented)
    assert [survey_files(store).rows(each) for each in Depth] == [20 if each is depth else 0 for each in Depth]


def test_killed_survey_is_resumed_without_loss_or_repetition(store: WorldStore) -> None:
    total, stored = BLOCK_SEEDS + 500, 0
    for kill_at in (1, 2500, BLOCK_SEEDS + 1):
        process = start(store, total)
        wait_for_rows(store, kill_at)
        process.kill()
        process.wait(PATIENCE_S)
        numbers = numbers_in(store, Depth.WORLD)
        assert len(numbers) == len(set(numbers)) >= max(stored, kill_at)
        stored = len(numbers)
    assert survey_more(store, total - stored, Depth.WORLD, invented) == Outcome(total - stored)
    assert sorted(numbers_in(store, Depth.WORLD)) == sorted(seeds_from(0, total).tolist())
    leftovers = {path.name for path in file_of(store, Depth.WORLD, "").parent.iterdir() if path.name.startswith(".")}
    assert not {name for name in leftovers if "lock" in name or "draft" in name}


def test_processes_side_by_side_survey_different_seeds(store: WorldStore) -> None:
    count = 700
    processes = [start(store, count) for _ in range(3)]
    added = [int(process.communicate(timeout=PATIENCE_S)[0]) for process in processes]
    assert added == [count] * 3
    numbers = numbers_in(store, Depth.WORLD)
    assert len(numbers) == len(set(numbers)) == 3 * count


def test_block_that_another_process_surveys_is_left_to_it(store: WorldStore) -> None:
    process = start(store, BLOCK_SEEDS, seconds=0.2)
    wait_for_rows(store, 1)
    assert survey_set(store, block(0), Depth.WORLD, invented) == Outcome(0, busy=BLOCK_SEEDS)
    process.send_signal(signal.SIGSTOP)
    assert survey_more(store, 5, Depth.WORLD, invented) == Outcome(5)
    assert survey_files(store).rows(Depth.WORLD) < BLOCK_SEEDS
    process.kill()
    process.wait(PATIENCE_S)
    assert survey_set(store, block(0), Depth.WORLD, invented).busy == 0
    assert sorted(numbers_in(store, Depth.WORLD)) == sorted(
        [*seeds_from(0, BLOCK_SEEDS).tolist(), *seeds_from(BLOCK_SEEDS, 5).tolist()]
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, EngineError])
def test_rows_stored_before_an_error_stay(store: WorldStore, error: type[BaseException]) -> None:
    calls = 0

    def failing(request: SurveyRequest, progress: Progress) -> SurveyExport:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error
        return invented(request, progress)

    with pytest.raises(error):
        survey_more(store, BLOCK_SEEDS, Depth.WORLD, failing)
    rows = survey_files(store).rows(Depth.WORLD)
    assert 0 < rows < BLOCK_SEEDS
    assert survey_more(store, BLOCK_SEEDS - rows, Depth.WORLD, invented).added == BLOCK_SEEDS - rows
    assert next(unfinished_blocks(survey_files(store), Depth.WORLD)) == 1


def test_rows_of_a_fenced_lease_are_not_stored(store: WorldStore) -> None:
    def fenced() -> None:
        raise EngineError("The lease was taken.")

    def late(request: SurveyRequest, progress: Progress) -> SurveyExport:
        export = invented(request, progress)
        return SurveyExport(request, export.engine, export.table, {}, confirm=fenced)

    with pytest.raises(EngineError, match="taken"):
        survey_more(store, 10, Depth.START, late)
    assert survey_files(store).rows(Depth.START) == 0


@pytest.mark.parametrize("damage", ["stale", "cut", "changed"])
def test_unusable_file_is_surveyed_again(store: WorldStore, damage: str) -> None:
    publish(store, block_name(0), seeds_from(0, 200), Depth.WORLD, **({"engine": "x"} if damage == "stale" else {}))
    path = file_of(store, Depth.WORLD, block_name(0))
    if damage != "stale":
        content = bytearray(path.read_bytes())
        content[len(content) // 4] ^= 255
        path.write_bytes(content if damage == "changed" else content[:-10])
    survey_set(store, block(0), Depth.WORLD, invented)
    table = surveyed_rows(survey_files(store), Depth.WORLD)
    assert table.replace_schema_metadata(None).equals(
        invented_rows(block(0).seeds, Depth.WORLD).replace_schema_metadata(None)
    )


def test_listed_seeds_are_surveyed_once(store: WorldStore) -> None:
    survey_more(store, 50, Depth.WORLD, invented)
    known = seeds_from(0, 50).tolist()
    assert survey_seeds(store, np.array([*known, 1, 2, 3, 1]), Depth.WORLD, invented) == Outcome(3, known=50)
    assert survey_seeds(store, np.array([3, 2, 1, *known]), Depth.WORLD, invented) == Outcome(0, known=53)
    assert surveyed_seeds(survey_files(store), Depth.WORLD).tolist() == sorted([*known, 1, 2, 3])


def test_seed_of_a_deeper_survey_is_not_surveyed_again(store: WorldStore) -> None:
    survey_seeds(store, np.arange(10), Depth.ALL, invented)
    assert survey_seeds(store, np.arange(12), Depth.WORLD, invented) == Outcome(2, known=10)
    assert survey_seeds(store, np.arange(12), Depth.ALL, invented) == Outcome(2, known=10)


def test_interrupted_list_continues_in_its_files(store: WorldStore) -> None:
    seeds = np.arange(BLOCK_SEEDS + 600)
    calls = 0

    def failing(request: SurveyRequest, progress: Progress) -> SurveyExport:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise EngineError
        return invented(request, progress)

    with pytest.raises(EngineError):
        survey_seeds(store, seeds, Depth.WORLD, failing)
    survey_seeds(store, seeds, Depth.WORLD, invented)
    assert sorted(numbers_in(store, Depth.WORLD)) == seeds.tolist()
    assert len(survey_files(store).paths(Depth.WORLD)) == 2


def test_reports_count_up_to_the_seeds_added(store: WorldStore) -> None:
    reported: list[tuple[float, str]] = []
    survey_more(store, 1500, Depth.WORLD, invented, lambda added, phase: reported.append((added, phase)))
    counts = [added for added, _ in reported]
    assert counts == sorted(counts)
    assert reported[-1] == (1500, STORED)


@pytest.mark.parametrize("depth", Depth)
def test_request_fits_the_protocol(store: WorldStore, depth: Depth, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.survey.running.usable_cores", lambda: 64)
    sizes: list[int] = []

    def noting(request: SurveyRequest, progress: Progress) -> SurveyExport:
        sizes.append(len(request.seeds))
        return invented(request, progress)

    survey_more(store, BLOCK_SEEDS + 100, depth, noting)
    assert max(sizes) <= MAX_SURVEY_SEEDS
    assert sum(sizes) == BLOCK_SEEDS + 100
