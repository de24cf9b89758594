"""``vwe find`` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.worlds import publish_statistics


@pytest.fixture(scope="module")
def vwe(tmp_path_factory: pytest.TempPathFactory) -> Vwe:
    """A home with three processed worlds and no catalog yet."""
    vwe = Vwe(tmp_path_factory.mktemp("find"))
    for number in (1, 2, 3):
        publish_statistics(vwe.store, f"@{number}", island_count=number, highest_peak_height_m=100 * number + 0.5)
    return vwe


def test_it_finds_and_sorts(vwe: Vwe) -> None:
    found = vwe.call("find", "islands >= 2", "--sort", "highest_peak_m")
    assert found.returncode == 0
    lines = [line.split() for line in found.stdout.splitlines() if "@" in line]
    assert [line[0] for line in lines] == ["@3", "@2"]
    assert "300.5" in lines[0]


def test_json_is_for_programs(vwe: Vwe) -> None:
    found = vwe.call("find", "--json", "--columns", "seed, islands", "--limit", "2")
    assert json.loads(found.stdout) == [{"seed": "@1", "islands": 1}, {"seed": "@2", "islands": 2}]


def test_json_has_all_unless_a_limit_is_said(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    for number in range(21):
        publish_statistics(vwe.store, f"@{number}", island_count=number)
    assert len(json.loads(vwe.call("find", "--json").stdout)) == 21
    assert "20 of 21 are shown" in vwe.call("find").stderr


def test_what_is_not_shown_is_told_of(vwe: Vwe) -> None:
    assert "1 of 3 are shown" in vwe.call("find", "--limit", "1").stderr


def test_nothing_found_is_no_error(vwe: Vwe) -> None:
    found = vwe.call("find", "islands > 1000")
    assert (found.returncode, found.stdout) == (0, "")
    assert "No match among 3 worlds." in found.stderr


def test_stale_statistics_are_reported_with_the_remedy(vwe: Vwe) -> None:
    found = vwe.run("find", "islands = 2")
    assert "The statistics of 1 of these worlds are stale; rebuild them with: vwe world @2" in found.stderr


def test_seed_in_another_case_is_suggested(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_statistics(vwe.store, "HHcLC5acQt")
    hint = "Did you mean HHcLC5acQt? Capitals matter."
    assert hint in vwe.run("find", "seed = 'hhclc5acqt'").stderr
    assert hint in vwe.run("show", "hhclc5acqt").stderr


@pytest.mark.parametrize(
    ("words", "sentence"), [(("ilands > 3",), "did you mean islands"), (("--sort", "x"), "column")]
)
def test_what_cannot_be_asked_is_refused(vwe: Vwe, words: tuple[str, ...], sentence: str) -> None:
    refused = vwe.call("find", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_empty_home_is_told_of(tmp_path: Path) -> None:
    found = Vwe(tmp_path).call("find")
    assert (found.returncode, found.stdout) == (0, "")
    assert "No world has been made yet" in found.stderr


def test_worlds_are_found_where_the_data_folder_cannot_be_written(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_statistics(vwe.store, "HHcLC5acQt", island_count=3)
    # A file where the folder of the catalog would be: permissions do not stop the superuser.
    (vwe.home / "data" / "catalog").write_text("")
    found = vwe.call("find", "islands > 0", "--json")
    assert [row["seed"] for row in json.loads(found.stdout)] == ["HHcLC5acQt"]
