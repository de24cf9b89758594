"""``vwe survey``, as a person or a program uses it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from vwe_dagster.analysis.columns import ColumnType, Depth, columns_of
from vwe_dagster.cli.survey_view import LINE_EVERY_S, showing_survey
from vwe_dagster.config.home import Home
from vwe_dagster.config.pool import settings_from_environment
from vwe_dagster.pool.opening import open_pool
from vwe_dagster.seeds.permutation import seeds_from
from vwe_dagster.survey.files import file_of, read_rows, survey_files
from vwe_dagster.survey.rows import surveyed_rows
from vwe_dagster.survey.seed_sets import BLOCK_SEEDS, block_name
from vwe_dagster_tests.command import PATIENCE_S, Vwe
from vwe_dagster_tests.survey.made_rows import invented_row, invented_rows, publish

SETTINGS = {"VWE_POOL_MAX_WARM_CONTAINERS": "1", "VWE_POOL_MIN_FREE_DISK_GB": "0", "VWE_POOL_IDLE_MINUTES": "5"}
MANY = "100000"
COUNT = next(column.name for column in columns_of(Depth.WORLD) if column.type is ColumnType.COUNT)


@pytest.fixture
def vwe(tmp_path: Path) -> Iterator[Vwe]:
    """The command in an empty home; engines that it starts are ended."""
    vwe = Vwe(tmp_path, SETTINGS)
    yield vwe
    settings = settings_from_environment(vwe.environment)
    folder = Home(vwe.home, vwe.home, own_instance=True).pools / settings.folder_name
    if folder.is_dir():
        with open_pool(settings, folder) as pool:
            pool.drain(timeout_s=PATIENCE_S)


def wait_for_rows(vwe: Vwe, depth: Depth, count: int, process: subprocess.Popen[str]) -> None:
    begun = time.monotonic()
    while survey_files(vwe.store).rows(depth) < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - begun < PATIENCE_S
        # Counting rows opens every file.
        time.sleep(0.05)


def states(vwe: Vwe) -> list[str]:
    return [slot["state"] for slot in json.loads(vwe.call("pool", "status", "--json").stdout)["slots"]]


@pytest.mark.slow
def test_survey_is_interrupted_killed_and_resumed(vwe: Vwe) -> None:
    first = vwe.start("survey", "run", MANY, "--depth", "start")
    wait_for_rows(vwe, Depth.START, 1, first)
    first.send_signal(signal.SIGINT)
    _, err = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 130
    interrupted_at = survey_files(vwe.store).rows(Depth.START)
    assert f"{interrupted_at:,} seeds were added; run the same command to continue.\nInterrupted." in err
    # The interrupted command has returned its engine.
    assert set(states(vwe)) <= {"READY", "EMPTY", "STARTING"}

    second = vwe.start("survey", "run", MANY, "--depth", "start")
    wait_for_rows(vwe, Depth.START, interrupted_at + 1, second)
    with contextlib.suppress(ProcessLookupError):
        second.kill()
    second.communicate(timeout=PATIENCE_S)
    killed_at = survey_files(vwe.store).rows(Depth.START)

    third = vwe.call("survey", "run", "10", "--depth", "start")
    assert (third.returncode, third.stdout) == (0, "Added 10 seeds.\n"), third.stderr
    rows = surveyed_rows(survey_files(vwe.store), Depth.START)
    assert rows["number"].to_pylist() == seeds_from(0, killed_at + 10).tolist()


@pytest.mark.slow
def test_lists_ranges_and_conditions_are_surveyed(vwe: Vwe, tmp_path: Path) -> None:
    listed = tmp_path / "seeds.txt"
    listed.write_text("@1\n@2\n@-3\n")
    done = vwe.call("survey", "run", "--file", str(listed), "--depth", "start")
    assert (done.returncode, done.stdout) == (0, "Added 3 seeds.\n"), done.stderr
    done = vwe.call("survey", "run", "--range", "-3", "2", "--depth", "start")
    assert (done.returncode, done.stdout) == (0, "Added 3 seeds. 3 had been surveyed before.\n"), done.stderr
    done = vwe.call("survey", "deepen", "number in (1, 2)", "--to", "world")
    assert (done.returncode, done.stdout) == (0, "Added 2 seeds.\n"), done.stderr
    assert "2 of 6 surveyed seeds match." in done.stderr
    assert surveyed_rows(survey_files(vwe.store), Depth.WORLD)["number"].to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "exactly one"),
        (("5", "--range", "1", "2"), "exactly one"),
        (("--range", "2", "1"), "the smaller one first"),
        (("--range", "0", "4294967296"), "4294967296 is not a range"),
        (("--range", "0", "2000000000"), "in parts"),
        (("--file", "nothing.txt"), "cannot be read"),
        (("0",), "greater than or equal to 1"),
    ],
)
def test_wrong_command_is_rejected_before_an_engine_starts(vwe: Vwe, arguments: tuple[str, ...], message: str) -> None:
    reported = vwe.call("survey", "run", *arguments)
    assert reported.returncode == 2
    assert message in reported.stderr
    assert not (vwe.home / ".vwe").exists()


def test_status_of_an_empty_home_shows_how_to_begin(vwe: Vwe) -> None:
    reported = vwe.call("survey", "status")
    assert reported.returncode == 0
    assert "vwe survey run 1000" in reported.stderr


def test_status_counts_stale_and_damaged_rows(vwe: Vwe) -> None:
    publish(vwe.store, block_name(0), seeds_from(0, BLOCK_SEEDS), Depth.WORLD)
    publish(vwe.store, block_name(1), seeds_from(BLOCK_SEEDS, 10), Depth.WORLD)
    publish(vwe.store, block_name(2), seeds_from(2 * BLOCK_SEEDS, 20), Depth.WORLD, row_version="former")
    publish(vwe.store, "set-0123456789abcdef", range(5), Depth.WORLD)
    damaged = file_of(vwe.store, Depth.WORLD, block_name(3))
    damaged.write_bytes(b"")
    reported = vwe.call("survey", "status")
    assert str(damaged) in reported.stderr
    world = json.loads(vwe.call("survey", "status", "--json").stdout)[1]
    assert world.pop("bytes") > BLOCK_SEEDS
    assert world == {
        "depth": "world",
        "rows": BLOCK_SEEDS + 15,
        "whole_blocks": 1,
        "unfinished_blocks": 1,
        "sets": 1,
        "stale_rows": 20,
        "damaged": [str(damaged)],
    }


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_export_has_a_row_per_seed(vwe: Vwe, tmp_path: Path, suffix: str) -> None:
    publish(vwe.store, block_name(0), range(30), Depth.START)
    publish(vwe.store, block_name(0), range(10, 20), Depth.WORLD)
    to = tmp_path / f"rows{suffix}"
    for depth, numbers in ((None, range(10, 20)), (Depth.WORLD, range(10, 20)), (Depth.START, range(30))):
        reported = vwe.call("survey", "export", "--to", str(to), *([] if depth is None else ["--depth", depth.value]))
        assert reported.returncode == 0, reported.stderr
        table = pq.read_table(to) if suffix == ".parquet" else pyarrow.csv.read_csv(to)
        expected = invented_rows(sorted(numbers), depth or Depth.WORLD)
        found = table.sort_by("number")
        assert found.column_names == expected.column_names
        assert found.cast(expected.schema).replace_schema_metadata(None).equals(expected.replace_schema_metadata(None))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--to", "rows.txt"), 2, "neither .parquet nor .csv"),
        (("--to", "rows.csv", "--depth", "all"), 1, "vwe survey run 1000 --depth all"),
        (("--to", "no/folder/rows.csv"), 1, "cannot be written: there is no folder no/folder; create it"),
        (("--to", f"{__file__}/rows.parquet"), 1, "cannot be written: there is no folder"),
        (("--to", f"{'r' * 250}.csv"), 1, "cannot be written (File name too long)"),
    ],
)
def test_impossible_export_is_rejected(vwe: Vwe, arguments: tuple[str, ...], code: int, message: str) -> None:
    publish(vwe.store, block_name(0), range(3), Depth.START)
    reported = vwe.call("survey", "export", *arguments)
    assert reported.returncode == code
    assert message in reported.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_name_of_an_export_need_not_be_utf8(vwe: Vwe, tmp_path: Path, suffix: str) -> None:
    publish(vwe.store, block_name(0), range(3), Depth.START)
    to = tmp_path / "exports" / os.fsdecode(b"\xff" + suffix.encode())
    to.parent.mkdir()
    reported = vwe.call("survey", "export", "--depth", "start", "--to", str(to))
    assert reported.returncode == 0, reported.stderr
    assert to.stat().st_size
    assert list(to.parent.iterdir()) == [to]


def test_export_reports_damaged_files(vwe: Vwe, tmp_path: Path) -> None:
    publish(vwe.store, block_name(0), range(3), Depth.START)
    publish(vwe.store, block_name(1), range(3, 6), Depth.START)
    damaged = file_of(vwe.store, Depth.START, block_name(1))
    damaged.write_bytes(damaged.read_bytes()[:-5])
    reported = vwe.call("survey", "export", "--to", str(tmp_path / "rows.csv"))
    assert (reported.returncode, reported.stdout) == (0, f"Wrote 3 rows of 19 columns to {tmp_path / 'rows.csv'}.\n")
    assert "Not exported: 0 stale rows, 1 damaged files; list them with: vwe survey status" in reported.stderr


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_export_that_fails_leaves_nothing_behind(vwe: Vwe, tmp_path: Path, suffix: str) -> None:
    publish(vwe.store, block_name(0), range(3), Depth.START)
    to = tmp_path / "exports" / f"folder{suffix}"
    to.mkdir(parents=True)
    reported = vwe.call("survey", "export", "--to", str(to))
    assert reported.returncode == 1
    assert f"{to} cannot be written (Is a directory); name another file." in reported.stderr
    assert list(to.parent.iterdir()) == [to]


def test_deepen_counts_the_matches_among_the_seeds_of_that_depth(vwe: Vwe) -> None:
    publish(vwe.store, block_name(0), range(100), Depth.START)
    publish(vwe.store, block_name(0), range(20), Depth.WORLD)
    impossible = f"{COUNT} < -5"
    reported = vwe.call("survey", "deepen", impossible)
    assert (reported.returncode, reported.stderr) == (0, "0 of 20 surveyed seeds match.\n")
    counts = {number: invented_row(number, Depth.WORLD)[COUNT] or -1 for number in range(20)}
    least = sorted(counts.values())[10]
    matching = [number for number, count in counts.items() if count >= least]
    for number in matching:
        publish(vwe.store, f"set-{number:016x}", [number], Depth.ALL)
    reported = vwe.call("survey", "deepen", f"{COUNT} >= {least}", "--to", "all")
    assert f"{len(matching)} of 20 surveyed seeds match." in reported.stderr
    assert reported.stdout == f"Added 0 seeds. {len(matching)} had been surveyed before.\n"


def test_deepen_without_seeds_of_the_depth_shows_how_to_survey_some(vwe: Vwe) -> None:
    result = vwe.call("survey", "deepen", "islands > 3")
    assert result.returncode == 1
    assert "No seed has been surveyed to depth world; survey some with: vwe survey run 1000" in result.stderr


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("nothing > 4", "no column nothing"),
        ("number", "not true or false"),
        ("number in (SELECT 1 FROM read_csv('/etc/passwd'))", "can read only the table"),
        ("true; DROP TABLE seeds", "cannot be used"),
    ],
)
def test_condition_that_cannot_be_used_is_rejected(vwe: Vwe, condition: str, message: str) -> None:
    publish(vwe.store, block_name(0), range(3), Depth.START)
    reported = vwe.call("survey", "deepen", condition)
    assert reported.returncode == 2
    assert message in reported.stderr


def test_damaged_rows_are_reported_by_name(vwe: Vwe) -> None:
    publish(vwe.store, block_name(0), range(1000), Depth.START)
    path = file_of(vwe.store, Depth.START, block_name(0))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    reported = vwe.call("survey", "export", "--to", str(vwe.home / "rows.csv"))
    assert reported.returncode == 1
    assert str(path) in reported.stderr
    with pytest.raises(Exception, match="damaged"):
        read_rows(path)


def test_progress_has_a_rate_and_the_time_left() -> None:
    text, now = io.StringIO(), 0.0
    with showing_survey(Console(file=text, width=200), 1000, lambda: now) as report:
        report(0, "waiting for an engine")
        now += LINE_EVERY_S
        report(0, "waiting for an engine")
        now += LINE_EVERY_S
        report(0, "waiting for an engine")
        now += LINE_EVERY_S
        report(100.5, "3 of 4 seeds")
        now += LINE_EVERY_S / 2
        report(160, "stored")
        now += LINE_EVERY_S / 2
        report(200, "stored")
    assert text.getvalue().splitlines() == [
        "0 of 1,000 seeds, waiting for an engine",
        "100 of 1,000 seeds, 10.1 per second, 90 s left",
        "200 of 1,000 seeds, 10.0 per second, 80 s left",
    ]
