"""``vwe find`` as a person types it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.seeds.seed import parse_seed, seed_number
from vwe_dagster.survey.files import file_of
from vwe_dagster_tests.catalog.rows import publish_survey
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.worlds import publish_statistics


@pytest.fixture(scope="module")
def vwe(tmp_path_factory: pytest.TempPathFactory) -> Vwe:
    """A home with three processed worlds and no catalog yet."""
    vwe = Vwe(tmp_path_factory.mktemp("find"))
    for number in (1, 2, 3):
        publish_statistics(vwe.store, f"@{number}", islands=number)
    return vwe


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory: pytest.TempPathFactory) -> Vwe:
    """A home with one world and a survey: three seeds at depth ``world``, one at depth ``start``."""
    vwe = Vwe(tmp_path_factory.mktemp("surveyed"))
    publish_statistics(vwe.store, "HHcLC5acQt", islands=60)
    rows = [{"number": number, "islands": 10 * number, "land_5km_km2": 500.0 - number} for number in (4, 5, 6)]
    publish_survey(vwe.store, Depth.WORLD, rows)
    publish_survey(vwe.store, Depth.START, [{"number": 7}], name="block-0000001")
    return vwe


def first_words(text: str) -> list[str]:
    """Return the first word of each line of a table that begins with a seed."""
    return [line.split()[0] for line in text.splitlines() if line.strip().startswith(("@", "HHc"))]


def test_it_finds_and_sorts(vwe: Vwe) -> None:
    found = vwe.call("find", "islands >= 2", "--sort", "ISLANDS")
    assert found.returncode == 0
    assert first_words(found.stdout) == ["@3", "@2"]
    assert first_words(vwe.call("find", "--sort", "islands", "--ascending").stdout) == ["@1", "@2", "@3"]


def test_survey_and_worlds_are_searched_alike(surveyed: Vwe) -> None:
    found = surveyed.call("find", "islands >= 50")
    assert first_words(found.stdout) == ["HHcLC5acQt", "@5", "@6"]
    assert "3 of 3 surveyed seeds and 1 world; 1 not surveyed to depth world." in found.stderr


def test_integer_seed_has_a_text_to_type_beside_it(surveyed: Vwe) -> None:
    found = surveyed.call("find", "number = 5")
    [line] = [line.split() for line in found.stdout.splitlines() if "@5" in line]
    assert len(line[1]) <= 10
    assert seed_number(line[1]) == 5
    named = surveyed.call("find", "number = 5", "--columns", "text", "--json")
    assert json.loads(named.stdout) == [{"text": line[1]}]


def test_preferences_rank_and_are_explained(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_survey(vwe.store, Depth.WORLD, [{"number": n, "islands": 10 * n, "largest_island_km2": n} for n in (4, 5)])
    preferences = ("--prefer", "islands desc x3", "--prefer", "largest desc")
    assert first_words(vwe.call("find", *preferences).stdout) == ["@5", "@4"]
    explained = vwe.call("find", *preferences, "--explain", "@4")
    rows = [line.split() for line in explained.stdout.splitlines() if "island" in line]
    assert rows == [["islands", "desc", "40", "25.0", "3.0"], ["largest_island_km2", "desc", "4.0", "25.0", "1.0"]]
    assert "The score of @4 is 25.0, the weighted mean of the percentiles." in explained.stderr
    as_json = json.loads(vwe.call("find", *preferences, "--explain", "@4", "--json").stdout)
    assert as_json["score"] == pytest.approx(25)


def test_ready_question_is_listed_and_answered(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_survey(vwe.store, Depth.WORLD, [{"number": 4, "islands": 3}, {"number": 5, "islands": 30}])
    (tmp_path / "questions.toml").write_text('[mine]\nmeaning = "Some islands."\ncondition = "islands > 20"\n')
    assert "Some islands." in vwe.call("find", "--questions").stdout
    assert first_words(vwe.call("find", "--question", "mine").stdout) == ["@5"]
    assert "did you mean mine" in vwe.call("find", "--question", "mien").stderr


def test_columns_are_listed(vwe: Vwe) -> None:
    listed = vwe.call("find", "--columns")
    assert listed.returncode == 0
    assert "Number of islands" in listed.stdout
    rows = {row["column"]: row for row in json.loads(vwe.call("find", "--columns", "--json").stdout)}
    assert rows["land_5km_km2"]["unit"] == "km²"
    assert rows["land_5km_km2"]["depth"] == "world"
    assert "land" in rows["land_5km_km2"]["short"]


def test_json_is_for_programs(vwe: Vwe) -> None:
    found = vwe.call("find", "--json", "--columns", "seed, islands", "--limit", "2")
    assert json.loads(found.stdout) == [{"seed": "@1", "islands": 1}, {"seed": "@2", "islands": 2}]


def test_csv_is_for_programs(vwe: Vwe) -> None:
    found = vwe.call("find", "--csv", "--columns", "seed,islands")
    assert list(csv.reader(io.StringIO(found.stdout))) == [["seed", "islands"], ["@1", "1"], ["@2", "2"], ["@3", "3"]]


def test_json_has_all_unless_limited(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_survey(vwe.store, Depth.START, [{"number": number} for number in range(21)])
    assert len(json.loads(vwe.call("find", "--json").stdout)) == 21
    assert "20 of 21 are shown" in vwe.call("find").stderr


def test_rows_beyond_the_limit_are_reported(vwe: Vwe) -> None:
    assert "1 of 3 are shown" in vwe.call("find", "--limit", "1").stderr


def test_nothing_found_is_not_an_error(vwe: Vwe) -> None:
    found = vwe.call("find", "islands > 1000")
    assert (found.returncode, found.stdout) == (0, "")
    assert "No match among 3 worlds." in found.stderr


def test_stale_statistics_are_reported_with_the_remedy(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_statistics(vwe.store, "@1", islands=2)
    publish_statistics(vwe.store, "@2", islands=2, code_version="former")
    found = vwe.call("find", "islands = 2")
    assert first_words(found.stdout) == ["@1"]
    assert "The statistics of 1 world are stale and were not searched; rebuild them with: vwe world @2" in found.stderr
    assert first_words(vwe.call("find", "stale").stdout) == ["@2"]


def test_stale_rows_of_the_survey_are_reported(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_survey(vwe.store, Depth.START, [{"number": 1}, {"number": 2}], is_stale=True)
    found = vwe.call("find")
    assert found.stdout == ""
    assert found.stderr.splitlines() == [
        "The survey has 2 stale rows, not searched; see: vwe survey status",
        "No match among 0 worlds.",
    ]


def test_seed_in_another_case_is_suggested(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_statistics(vwe.store, "HHcLC5acQt")
    hint = "Did you mean HHcLC5acQt? Capitals matter."
    assert hint in vwe.call("find", "seed = 'hhclc5acqt'").stderr
    assert hint in vwe.call("show", "hhclc5acqt").stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("ilands > 3",), "did you mean islands"),
        (("--sort", "x"), "column"),
        (("--columns", "seed,ilands"), "did you mean islands"),
        (("--prefer", "islands up"), "write one such as"),
        (("--explain", "@1"), "--explain shows preferences; add some with --prefer"),
        (("--prefer", "islands", "--explain", "@9"), "The seed @9 is not among the searched rows"),
        (("--json", "--csv"), "exclude each other"),
    ],
)
def test_invalid_question_is_rejected(vwe: Vwe, words: tuple[str, ...], sentence: str) -> None:
    refused = vwe.call("find", *words)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert "Traceback" not in refused.stderr


def test_empty_home_is_reported(tmp_path: Path) -> None:
    found = Vwe(tmp_path).call("find")
    assert (found.returncode, found.stdout) == (0, "")
    assert "No world has been generated yet" in found.stderr


def test_worlds_are_found_where_the_data_folder_cannot_be_written(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_statistics(vwe.store, "HHcLC5acQt", islands=3)
    # A file where the folder of the catalog would be: permissions do not stop the superuser.
    (vwe.home / "data" / "catalog").write_text("")
    found = vwe.call("find", "islands > 0", "--json")
    assert [row["seed"] for row in json.loads(found.stdout)] == ["HHcLC5acQt"]


@pytest.mark.slow
@pytest.mark.usefixtures("thumbnails_only")
def test_worlds_of_the_first_seeds_are_generated(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path, {"VWE_POOL_MAX_WARM_CONTAINERS": "1"})
    publish_statistics(vwe.store, "abc", islands=9)
    publish_survey(vwe.store, Depth.WORLD, [{"number": number, "islands": number} for number in (4, 5, 6)])
    made = vwe.call("find", "--sort", "islands", "--make", "2")
    assert made.returncode == 0, made.stderr
    assert "1 of the first 2 are generated already." in made.stderr
    assert vwe.store.manifest(parse_seed("@6"), "processed") is not None
    assert vwe.store.manifest(parse_seed("@5"), "processed") is None


def test_survey_that_is_too_shallow_shows_how_to_deepen_it(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_survey(vwe.store, Depth.START, [{"number": number} for number in (1, 2, 3)])
    found = vwe.call("find", "islands > 100")
    assert found.returncode == 0
    assert "survey deepen --to world true" in found.stderr
    assert "deepen" not in vwe.call("find", "land_1km_km2 is null").stderr


def test_damaged_file_of_the_survey_is_named(tmp_path: Path) -> None:
    vwe = Vwe(tmp_path)
    publish_survey(vwe.store, Depth.START, [{"number": number} for number in range(1000)])
    publish_survey(vwe.store, Depth.START, [{"number": 2000}], name="block-0000001")
    path = file_of(vwe.store, Depth.START, "block-0000000")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    found = vwe.call("find", "number >= 0", "--json")
    assert [each["seed"] for each in json.loads(found.stdout)] == ["@2000"]
    assert str(path) in found.stderr
