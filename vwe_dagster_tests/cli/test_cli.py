"""The command line, as a person uses it."""

from __future__ import annotations

import io
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import dagster as dg
import pytest
from filelock import FileLock

from vwe_dagster.cli import kept_world
from vwe_dagster.seeds.lists import parse_seed_list
from vwe_dagster.seeds.seed import SeedError, parse_seed
from vwe_dagster.site.builds import BuildFailure
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster_tests.command import PATIENCE_S, Vwe, kill

pytestmark = pytest.mark.slow

KEY = "HHcLC5acQt"
SEED = parse_seed(KEY)
ONE_ENGINE = {"VWE_POOL_MAX_WARM_CONTAINERS": "1"}
MANUAL = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "deployment.md"


@pytest.fixture
def vwe(tmp_path: Path) -> Vwe:
    """The command in an empty home, with a pool of one engine."""
    return Vwe(tmp_path, ONE_ENGINE)


@pytest.fixture(scope="module")
def built_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the built world of :data:`KEY`; tests must not change it."""
    home = tmp_path_factory.mktemp("home")
    made = Vwe(home, ONE_ENGINE).call("world", KEY, "--size", "64")
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines() == [
        f"The world of {KEY} is ready.",
        f"  picture     {Vwe(home).store.root / 'by-name' / KEY / 'renders' / 'map.png'}",
        f"  statistics  {Vwe(home).store.root / 'by-name' / KEY / 'processed' / 'statistics.json'}",
    ]
    for stage in ("raw_export", "extracted", "processed", "renders"):
        assert f"{KEY}: {stage}: built" in made.stderr
    assert f"{KEY}: raw_export: sampling the terrain" in made.stderr
    assert made.stderr.endswith("Look at it in the browser with: vwe serve --open\n")
    return home


@pytest.fixture
def with_world(built_home: Path, tmp_path: Path) -> Vwe:
    """The command in a home with the built world of :data:`KEY`."""
    # A copied home has its own pool, without the engines of the original.
    shutil.copytree(built_home, tmp_path / "home", symlinks=True, ignore=shutil.ignore_patterns(".vwe"))
    return Vwe(tmp_path / "home", ONE_ENGINE)


def test_second_run_changes_no_file(with_world: Vwe) -> None:
    before = with_world.files()
    again = with_world.call("world", KEY, "--size", "64")
    assert again.returncode == 0
    assert again.stderr.count("is up to date and stays as it is") == len(WORLD_STAGES)
    assert with_world.files() == before


@pytest.mark.usefixtures("thumbnails_only")
def test_force_rebuilds_everything(with_world: Vwe) -> None:
    again = with_world.call("world", KEY, "--size", "64", "--force")
    assert again.stderr.count(": built") == len(WORLD_STAGES)


@pytest.mark.usefixtures("thumbnails_only")
def test_a_damaged_file_is_reported_and_rebuilt(with_world: Vwe) -> None:
    path = with_world.store.folder(SEED, "extracted") / "height.npy.gz"
    path.write_bytes(path.read_bytes()[:-1])
    again = with_world.call("world", KEY, "--size", "64")
    assert again.returncode == 0
    assert f"The file {path} has" in again.stderr
    assert with_world.partial_stages() == []


@pytest.mark.usefixtures("thumbnails_only")
def test_a_seed_that_fails_does_not_stop_the_others(vwe: Vwe) -> None:
    blocked = vwe.store.folder(parse_seed("blocked"), "raw").parent
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no folder")
    made = vwe.call("world", "--size", "64", "blocked", "--", "-abc")
    assert made.returncode == 1
    assert "raw_export: blocked failed. " in made.stderr
    assert made.stderr.splitlines()[-1].startswith("Failed: blocked.")
    assert "Traceback" not in made.stderr
    assert made.stdout.startswith("The world of -abc is ready.")


@pytest.mark.usefixtures("thumbnails_only")
def test_a_list_of_seeds_is_built_by_several_runs(vwe: Vwe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vwe_dagster.defs.batching.SEEDS_PER_RUN", 2)
    monkeypatch.setattr("vwe_dagster.cli.commands.worlds.SHOWN_SINGLY", 2)
    seed_list = tmp_path / "seeds.txt"
    seed_list.write_text("# for tonight\n@1\n@2\n")
    made = vwe.call("world", "--size", "64", "--file", str(seed_list), "@1", "extra")
    assert made.returncode == 0
    assert made.stdout == "3 worlds are ready.\n"
    assert {seed.key for seed in vwe.store.seeds()} == {"@1", "@2", "extra"}
    with vwe.instance() as instance:
        assert len(instance.get_runs()) == 2


@pytest.mark.parametrize(
    ("content", "sentence"),
    [("good\n../evil\n", "line 2: The seed '../evil' has two dots"), (None, "cannot be read")],
)
def test_list_with_invalid_entries_is_rejected(vwe: Vwe, tmp_path: Path, content: str | None, sentence: str) -> None:
    seed_list = tmp_path / "seeds.txt"
    if content is not None:
        seed_list.write_text(content)
    refused = vwe.call("world", "--size", "64", "--file", str(seed_list))
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert list(vwe.store.seeds()) == []


def test_world_without_a_seed_is_rejected(vwe: Vwe) -> None:
    refused = vwe.call("world")
    assert refused.returncode == 2
    assert "No seed to build a world of" in refused.stderr


@pytest.mark.parametrize(
    "command",
    [["world"], ["seed"], ["show"], ["tiles"], ["seeds", "add"], ["seeds", "remove"]],
)
def test_every_command_rejects_an_invalid_seed_before_anything_happens(vwe: Vwe, command: list[str]) -> None:
    with pytest.raises(SeedError) as refusal:
        parse_seed("../evil")
    refused = vwe.call(*command, "../evil")
    assert (refused.returncode, refused.stderr, refused.stdout) == (2, f"{refusal.value}\n", "")
    assert not (vwe.home / "data").exists()
    assert registered(vwe) == []


def test_every_invalid_seed_of_a_command_is_reported(vwe: Vwe) -> None:
    refused = vwe.call("world", "fine", "a,b", "c/d")
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 2
    assert list(vwe.home.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["world", "-abc"], "Write a seed that begins with '-' after --, as in: vwe world -- -abc"),
        (["world", "abc", "--size", "10"], "Invalid grid size 10; choose 64 to 8192 cells a side."),
        (["world", "abc", "--size", "big"], "Invalid value for '--size'"),
        (["import", "abc", "nowhere"], "nowhere is not a folder"),
        (["show"], "Missing argument"),
        (["grow", "abc"], "No such command 'grow'"),
    ],
)
def test_invalid_command_is_rejected_with_a_message(vwe: Vwe, arguments: list[str], sentence: str) -> None:
    refused = vwe.call(*arguments)
    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert list(vwe.home.iterdir()) == []


def test_seed_is_shown_without_building_anything(vwe: Vwe) -> None:
    reported = vwe.call("seed", KEY)
    assert reported.returncode == 0
    facts = dict(line.split("  ", 1) for line in (line.strip() for line in reported.stdout.splitlines()))
    assert {label: fact.strip() for label, fact in facts.items()} == {
        "seed": KEY,
        "integer": "298112588",
        "typed in game": "rzgpq or rzfpP or szFpq or szGpP",
        "folder": str(vwe.store.folder(SEED, "raw").parent),
        "registered": "no",
        "built": "nothing yet",
        "same world as": "no other seed of the catalog",
    }
    assert list(vwe.home.iterdir()) == []


def test_a_seed_knows_its_twins_and_its_lookalikes(with_world: Vwe) -> None:
    reported = with_world.call("seed", "@298112588")
    assert f"same world as  {KEY}" in reported.stdout
    reported = with_world.call("seed", KEY.lower())
    assert "differ only in upper and lower case and are different worlds" in reported.stderr


def test_a_world_is_shown_in_tables(with_world: Vwe) -> None:
    shown = with_world.call("show", KEY)
    assert shown.returncode == 0
    for words in ("Black Forest", "Largest islands", "Highest peaks", "Start land", "64 x 64", "map.png"):
        assert words in shown.stdout


def test_a_world_that_is_not_built_cannot_be_shown(vwe: Vwe) -> None:
    refused = vwe.call("show", "--", "-abc")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "The world of -abc is not built yet; build it with: vwe world -- -abc\n"


def test_damaged_statistics_are_not_shown(with_world: Vwe) -> None:
    (with_world.store.folder(SEED, "processed") / "statistics.json").write_text("{}")
    refused = with_world.call("show", KEY)
    assert refused.returncode == 1
    assert "build the stage processed again" in refused.stderr


def test_seeds_are_added_listed_and_removed(with_world: Vwe) -> None:
    added = with_world.call("seeds", "add", "@298112588", KEY)
    assert added.stdout.splitlines() == ["@298112588 is registered.", f"{KEY} was registered already."]
    listed = [line.split() for line in with_world.call("seeds", "list").stdout.splitlines()]
    assert ["@298112588", "298112588", "yes", KEY, "rzgpq"] in listed
    assert [KEY, "298112588", "yes", *WORLD_STAGES, "@298112588"] in listed
    removed = with_world.call("seeds", "remove", "@298112588", KEY)
    first, second = removed.stdout.splitlines()
    assert first == "@298112588: removed its registration."
    assert second.startswith(f"{KEY}: removed its registration, the records of 1 run, ")
    assert second.endswith(f"MB of data in {with_world.store.folder(SEED, 'raw').parent}.")
    assert with_world.files() == {}
    assert registered(with_world) == []
    assert with_world.call("seeds", "list").stderr.startswith("There are no seeds yet")


def test_seeds_of_a_list_are_registered_and_listed_as_json(vwe: Vwe, tmp_path: Path) -> None:
    seed_list = tmp_path / "seeds.txt"
    seed_list.write_text(f"{KEY} # near a boss\n@298112588\n")
    assert vwe.call("seeds", "add", "--file", str(seed_list)).returncode == 0
    first, second = json.loads(vwe.call("seeds", "list", "--json").stdout)
    assert first == {
        "seed": "@298112588",
        "integer": 298112588,
        "registered": True,
        "stages": [],
        "same_world_as": [KEY],
        "note": None,
        "typed_in_game": "rzgpq",
    }
    assert (second["seed"], second["note"], second["typed_in_game"]) == (KEY, "near a boss", None)


def test_removing_can_keep_the_data(with_world: Vwe) -> None:
    before = with_world.files()
    removed = with_world.call("seeds", "remove", "--keep-data", KEY)
    assert removed.stdout == f"{KEY}: removed its registration.\n"
    assert with_world.files() == before
    listed = [line.split() for line in with_world.call("seeds", "list").stdout.splitlines()]
    assert [KEY, "298112588", "no", *WORLD_STAGES] in listed


def test_the_backup_that_the_manual_names_is_a_list_of_the_seeds(with_world: Vwe) -> None:
    program = re.search(r"vwe seeds list \| (cut -f 1)", MANUAL.read_text())
    assert program is not None
    listed = with_world.call("seeds", "list").stdout
    backup = subprocess.run(program[1].split(), input=listed.encode(), capture_output=True, check=True).stdout
    content = parse_seed_list("seeds.txt", backup)
    assert (content.seeds, content.rejected) == ((SEED,), ())


def test_partition_that_is_not_a_seed_is_reported_and_can_be_removed(with_world: Vwe) -> None:
    with with_world.instance() as instance:
        instance.add_dynamic_partitions("seeds", ["a,b"])
    assert (
        "The partition 'a,b' is not a seed; remove it with: vwe seeds remove a,b"
        in with_world.call("seeds", "list").stderr
    )
    assert with_world.call("seeds", "remove", "a,b").stdout == "a,b: removed its registration.\n"
    assert registered(with_world) == [KEY]


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_a_seed_in_the_making_is_not_removed(with_world: Vwe, status: dg.DagsterRunStatus) -> None:
    before = with_world.files()
    with with_world.instance() as instance:
        run = dg.DagsterRun("world", str(uuid.uuid4()), status=status, tags={"dagster/partition": KEY})
        instance.add_run(run)
    refused = with_world.call("seeds", "remove", KEY)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"The run {run.run_id} includes {KEY}")
    assert with_world.files() == before
    assert registered(with_world) == [KEY]


def test_seed_that_fails_without_a_stage_is_not_registered(with_world: Vwe) -> None:
    with_world.call("seeds", "add", "kept")
    failed = with_world.call("world", "--engine", "valheim", "kept", "new")
    assert failed.returncode == 1
    assert "Failed: kept, new." in failed.stderr
    assert registered(with_world) == [KEY, "kept"]


def test_process_of_a_kept_world_prints_the_cause_and_the_run(
    with_world: Vwe, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**with_world.environment, "VWE_ENGINE": "valheim"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["kept_world", "new"])
    with pytest.raises(SystemExit):
        kept_world.main()
    failure = BuildFailure.from_output(io.BytesIO(capfd.readouterr().out.encode()))
    assert failure.reason is not None
    assert "valheim" in failure.reason.lower()
    with with_world.instance() as instance:
        assert instance.get_run_by_id(str(failure.run_id)) is not None


def test_tags_of_locks_are_hidden_on_the_pages(with_world: Vwe) -> None:
    with with_world.instance() as instance:
        (run,) = instance.get_runs()
    assert {tag for tag in run.tags if not tag.startswith((".dagster/", "dagster/"))} == {"vwe/made_by"}
    assert run.tags[".dagster/vwe_lock"]


def test_run_ends_with_its_process(with_world: Vwe) -> None:
    run = dg.DagsterRun(
        "world", str(uuid.uuid4()), status=dg.DagsterRunStatus.STARTED, tags={"vwe/made_by": "command line"}
    )
    with with_world.instance() as instance:
        instance.add_run(run)
    with FileLock(with_world.home / ".dagster" / "vwe_runs" / f"{run.run_id}.lock"):
        with_world.call("seeds", "list")
        assert status_of(with_world, run) is dg.DagsterRunStatus.STARTED
    with_world.call("seeds", "list")
    assert status_of(with_world, run) is dg.DagsterRunStatus.FAILURE


def test_port_in_use_is_reported(vwe: Vwe) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = vwe.call("ui", "--port", str(port))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Cannot listen on 127.0.0.1:{port} (Address already in use")


@pytest.mark.usefixtures("thumbnails_only")
def test_a_foreign_export_is_imported(vwe: Vwe, real_export: Path) -> None:
    made = vwe.call("import", "@991789801", str(real_export))
    assert made.returncode == 0, made.stderr
    assert "plugin_json" in vwe.call("show", "@991789801").stdout
    assert {stage for stage in WORLD_STAGES if vwe.store.manifest(parse_seed("@991789801"), stage)} == set(
        WORLD_STAGES[1:]
    )


@pytest.mark.usefixtures("thumbnails_only")
def test_killed_run_leaves_no_partial_stage_and_the_next_run_finishes(vwe: Vwe) -> None:
    process = vwe.start("world", KEY, "--size", "64")
    assert process.stderr is not None
    while f"{KEY}: extracted: built" not in process.stderr.readline():
        assert process.poll() is None
    kill(process)
    assert vwe.partial_stages() == []
    finished = vwe.call("world", KEY, "--size", "64")
    assert finished.returncode == 0, finished.stderr
    assert vwe.partial_stages() == []
    assert not [path for path in vwe.files() if "/." in path]
    with vwe.instance() as instance:
        statuses = [run.status for run in instance.get_runs()]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_in_words(vwe: Vwe, number: signal.Signals) -> None:
    process = vwe.start("world", KEY, "--size", "64")
    assert process.stderr is not None
    process.stderr.readline()
    process.send_signal(number)
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in stderr
    assert vwe.partial_stages() == []


@pytest.mark.usefixtures("thumbnails_only")
def test_two_concurrent_commands_build_the_same_world(vwe: Vwe) -> None:
    process = vwe.start("world", KEY, "--size", "64")
    assert process.stderr is not None
    line = process.stderr.readline()
    here = vwe.call("world", KEY, "--size", "64")
    _, stderr = process.communicate(timeout=PATIENCE_S)
    assert (here.returncode, process.returncode) == (0, 0), (here.stderr, line + stderr)
    assert vwe.partial_stages() == []


def status_of(vwe: Vwe, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    with vwe.instance() as instance:
        (found,) = instance.get_runs(dg.RunsFilter(run_ids=[run.run_id]))
        return found.status


def registered(vwe: Vwe) -> list[str]:
    """Return the registered keys; an empty list if there is no instance."""
    if not (vwe.home / ".dagster").exists():
        return []
    with vwe.instance() as instance:
        return list(instance.get_dynamic_partitions("seeds"))


def test_tiles_are_built_of_existing_and_of_new_worlds(with_world: Vwe) -> None:
    before = {path: facts for path, facts in with_world.files().items() if "/tiles/" not in path}
    made = with_world.call("tiles", KEY, "--style", "map", "--max-zoom", "1")
    assert made.returncode == 0, made.stderr
    title, styles, tiles, folder = made.stdout.splitlines()
    assert title == f"The tiles of {KEY} are ready."
    assert styles.split() == ["styles", "map"]
    assert tiles.split()[:5] == ["tiles", "5,", "zoom", "0", "to"]
    assert folder.split() == ["folder", str(with_world.store.folder(SEED, "tiles"))]
    assert f"{KEY}: tiles: built" in made.stderr
    after = with_world.files()
    assert {path: after[path] for path in before} == before
    again = with_world.call("tiles", KEY)
    assert again.stdout == made.stdout
    assert "up to date" in again.stderr


def test_an_unknown_tile_style_is_rejected_before_anything_is_built(vwe: Vwe) -> None:
    refused = vwe.call("tiles", KEY, "--style", "nothing")
    assert refused.returncode == 2
    assert refused.stderr == "Unknown tile style 'nothing'; choose from map, biomes, heights, forest.\n"
    assert not (vwe.home / "data").exists()
