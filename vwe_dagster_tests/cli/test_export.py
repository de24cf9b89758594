"""``vwe export`` and worlds from the game's own saves, as a person uses them."""

from __future__ import annotations

import dataclasses
import gzip
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vwe_dagster.cli.commands.building import Config
from vwe_dagster.cli.entry import main
from vwe_dagster.config.home import Home
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.formats.fwl import new_world, read_world_file, world_file_bytes
from vwe_dagster.seeds.seed import Seed, parse_seed, seed_number
from vwe_dagster.store import WORLD_STAGES, WorldStore
from vwe_dagster.store.notes import Notes
from vwe_dagster.store.starting_keys import StartingKeys
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import Vwe
from vwe_dagster_tests.defs.pipeline import draw_thumbnails_only
from vwe_dagster_tests.worlds import publish_imported, publish_world

pytestmark = pytest.mark.slow

KEY = "HHcLC5acQt"


def save(folder: Path, key: str, name: str, *, world_gen_version: int = 2) -> Path:
    path = folder / f"{name}.fwl"
    path.write_bytes(world_file_bytes(new_world(parse_seed(key), name, world_gen_version=world_gen_version)))
    return path


def run_here(monkeypatch: pytest.MonkeyPatch, home: Path, *arguments: str) -> int | str | None:
    """Run a command in this process, in a home; return its exit code."""
    monkeypatch.setenv("VWE_HOME", str(home))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr(sys, "argv", ["vwe", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return end.value.code or 0


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two worlds from saves, one of them of an older world-gen version; not to be changed."""
    home = tmp_path_factory.mktemp("home")
    old = save(home, "@-5", "Old land", world_gen_version=1)
    with pytest.MonkeyPatch.context() as patch:
        draw_thumbnails_only(patch)
        made = Vwe(home, {"VWE_POOL_MAX_WARM_CONTAINERS": "1"}).call(
            "world", "--from-save", str(old), "--from-save", str(save(home, KEY, KEY)), "--size", "64"
        )
    assert made.returncode == 0, made.stderr
    assert "The world Old land has the seed @-5 and the world-gen version 1.\n" in made.stderr
    assert "The world of @-5 is ready." in made.stdout
    return home


def test_worlds_of_saves_are_generated_by_their_version(
    made_home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for key, version in (("@-5", 1), (KEY, 2)):
        manifest = Vwe(made_home).store.manifest(parse_seed(key), "raw")
        assert manifest is not None
        assert manifest.recipe.inputs["world_gen_version"] == version
    assert run_here(monkeypatch, made_home, "seed", "--from-save", str(made_home / "Old land.fwl")) == 0
    lines = capsys.readouterr().out.splitlines()
    facts = {label.strip(): fact.strip() for label, _, fact in (line[2:].partition("  ") for line in lines)}
    assert facts["world"] == "Old land"
    assert (facts["seed"], facts["integer"], facts["world-gen version"]) == ("@-5", "-5", "1")
    assert facts["built"] == ", ".join(WORLD_STAGES)


def test_a_gallery_has_the_worlds_of_arguments_and_of_a_list(
    made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "seeds.txt").write_text(f"# known worlds\n{KEY}\n@-5\n")
    out, listed = tmp_path / "out", str(tmp_path / "seeds.txt")
    gallery = ["export", "--gallery", KEY, "--file", listed, "--out", str(out)]
    assert run_here(monkeypatch, made_home, *gallery) == 0
    printed = capsys.readouterr()
    assert {path.name for path in (out / "worlds").iterdir()} == {KEY, "@-5"}
    assert f"writing the gallery: {KEY}" in printed.err
    assert "only if --url has the gallery's address" in " ".join(printed.err.split())
    assert [line.split()[0] for line in printed.out.splitlines()] == [KEY, "@-5", "gallery"]
    assert run_here(monkeypatch, made_home, *gallery) == 1
    assert "exists; replace it with --force" in " ".join(capsys.readouterr().err.split())
    again = ["export", "--gallery", KEY, "--out", str(out), "--force", "--url", "https://example.org/worlds"]
    assert run_here(monkeypatch, made_home, *again) == 0
    assert {path.name for path in (out / "worlds").iterdir()} == {KEY}
    assert f"https://example.org/worlds/worlds/{KEY}/card.jpg" in (out / "worlds" / KEY / "index.html").read_text()
    assert "--url" not in capsys.readouterr().err


def test_a_world_is_exported_in_several_formats(
    made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    several = ["export", KEY, "--to", "csv", "--to", "fwl", "--stride", "2", "--out", str(out)]
    assert run_here(monkeypatch, made_home, *several) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["csv", str(out / f"{KEY}.csv.gz")],
        ["fwl", str(out / f"{KEY}.fwl")],
    ]
    with gzip.open(out / f"{KEY}.csv.gz") as file:
        assert pd.read_csv(file)["x"].diff().max() == 2 * 384
    assert read_world_file(out / f"{KEY}.fwl").seed.key == KEY

    # With one format, the path is the file to write or the folder that contains it.
    alone = ["export", KEY, "--to", "csv", "--out", str(out)]
    assert run_here(monkeypatch, made_home, *alone) == 1
    assert f"{out / KEY}.csv.gz exists; replace it with --force" in capsys.readouterr().err
    assert run_here(monkeypatch, made_home, *alone, "--force") == 0
    with gzip.open(out / f"{KEY}.csv.gz") as file:
        assert pd.read_csv(file)["x"].diff().max() == 384


def test_the_current_folder_is_where_exports_go(
    made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(monkeypatch, made_home, "export", "@-5", "--to", "valheim-map") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["seed-5-valheim-map"]


def test_a_world_file_is_named_as_its_world_and_of_its_version(
    made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "Midgard.fwl"
    assert run_here(monkeypatch, made_home, "export", "@-5", "--to", "fwl", "--out", str(path)) == 0
    world = read_world_file(path)
    assert (world.name, world.seed_number, world.world_gen_version) == ("Midgard", -5, 1)


@pytest.mark.parametrize("version", [36, 41])
def test_world_file_has_the_requested_version(
    made_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    path = tmp_path / "Midgard.fwl"
    arguments = ["export", KEY, "--to", "fwl", "--world-version", str(version), "--out", str(path)]
    assert run_here(monkeypatch, made_home, *arguments) == 0
    world = read_world_file(path)
    assert (world.version, world.rest) == (version, bytes(4) if version == 41 else b"")
    assert world.starting_keys == ()


def test_world_modifiers_of_a_save_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vwe_dagster.cli.commands.worlds.build_worlds", lambda _home, _wanted: set())
    home, keys = tmp_path / "home", ("preset hard", "nomap")
    folder = tmp_path / "Midgard"
    folder.mkdir()
    path = folder / "_main.1.fwl2"
    path.write_bytes(world_file_bytes(new_world(parse_seed(KEY), "Midgard", world_gen_version=2, starting_keys=keys)))
    assert run_here(monkeypatch, home, "world", "--from-save", str(folder)) == 0
    assert f"Read {path}, the newest file" in capsys.readouterr().err
    export = ["export", KEY, "--to", "fwl", "--out", str(tmp_path / "New.fwl")]
    assert run_here(monkeypatch, home, *export) == 0
    assert read_world_file(tmp_path / "New.fwl").starting_keys == keys

    # A later save without modifiers replaces them.
    assert run_here(monkeypatch, home, "world", "--from-save", str(save(tmp_path, KEY, "Plain"))) == 0
    assert run_here(monkeypatch, home, *export, "--force") == 0
    assert read_world_file(tmp_path / "New.fwl").starting_keys == ()


def test_world_modifiers_are_removed_with_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = StartingKeys(tmp_path / "data")
    keys.add({KEY: ("nomap",), "other": ("nomap",)})
    assert run_here(monkeypatch, tmp_path, "seeds", "remove", KEY) == 0
    assert keys.read() == {"other": ("nomap",)}


def test_folder_of_a_world_shows_its_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "Midgard"
    folder.mkdir()
    for number in (9, 10, 11):
        save(folder, f"@{number}", "Midgard").rename(folder / f"_main.{number}.fwl2")
    (folder / "_main.10.fwl2.ok").touch()
    assert run_here(monkeypatch, tmp_path / "home", "seed", "--from-save", str(folder)) == 0
    shown = capsys.readouterr()
    assert "  @10\n" in shown.out
    assert f"  {folder / '_main.10.fwl2'}\n" in shown.out
    assert "the newest complete file" in shown.err


@pytest.mark.parametrize(("text", "note"), [("with space", "with space"), ("   ", "'   '"), ("Ægir", "Ægir")])
def test_seed_text_that_is_not_a_seed_is_shown_and_stored_as_a_note(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, note: str
) -> None:
    monkeypatch.setattr("vwe_dagster.cli.commands.worlds.build_worlds", lambda _home, _wanted: set())
    home, path = tmp_path / "home", tmp_path / "Midgard.fwl"
    number = seed_number(text)
    world = new_world(parse_seed(f"@{number}"), "Midgard", world_gen_version=2)
    path.write_bytes(world_file_bytes(dataclasses.replace(world, seed_text=text)))
    sentence = f"Its seed text {note} is a label of @{number}, the same world.\n"
    assert run_here(monkeypatch, home, "seed", "--from-save", str(path)) == 0
    assert sentence in capsys.readouterr().err
    assert Notes(home / "data").read() == {}
    assert run_here(monkeypatch, home, "world", "--from-save", str(path)) == 0
    assert sentence in capsys.readouterr().err
    assert Notes(home / "data").read() == {f"@{number}": note}

    # A note that the user wrote stays.
    Notes(home / "data").add({f"@{number}": "near a boss"})
    assert run_here(monkeypatch, home, "world", "--from-save", str(path)) == 0
    assert Notes(home / "data").read() == {f"@{number}": "near a boss"}


def test_a_world_file_needs_no_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert run_here(monkeypatch, home, "export", "other", "--to", "fwl", "--out", str(tmp_path / "other.fwl")) == 0
    assert read_world_file(tmp_path / "other.fwl").seed.key == "other"
    assert list(home.iterdir()) == []


def test_missing_world_is_built_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make_small(home: Home, wanted: Sequence[tuple[Sequence[Seed], Config]]) -> set[str]:
        ((seeds, config),) = wanted
        assert list(config) == ["raw_export", "extracted", "processed", "renders"]
        for seed in seeds:
            publish_world(WorldStore(home.data), seed.key, Grid.of_world(64))
        return set()

    monkeypatch.setattr("vwe_dagster.cli.commands.building.build_worlds", make_small)
    path = tmp_path / "world.npz"
    assert run_here(monkeypatch, tmp_path, "export", KEY, "--to", "numpy", "--out", str(path)) == 0
    assert str(path) in capsys.readouterr().out
    assert path.is_file()


def test_partially_built_world_is_completed_from_its_planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    store = WorldStore(home / "data")
    facts = publish_world(store, "old", Grid.of_world(64))
    publish_imported(store, "old", dataclasses.replace(facts.world, height=facts.world.height + np.float32(1)))
    shutil.rmtree(store.folder(facts.seed, "processed"))
    imported = store.manifest(facts.seed, "extracted")
    assert run_here(monkeypatch, home, "export", "old", "--to", "csv", "--out", str(tmp_path / "old.csv.gz")) == 0
    assert store.manifest(facts.seed, "extracted") == imported
    assert ExportSource(store, facts.seed).is_built


def test_nothing_is_exported_if_the_world_cannot_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("vwe_dagster.cli.commands.building.build_worlds", lambda _home, _wanted: {KEY})
    assert run_here(monkeypatch, tmp_path, "export", KEY, "--to", "fwl", "--to", "csv", "--out", str(tmp_path)) == 1
    assert capsys.readouterr().err == f"The world of {KEY} could not be built, so nothing was exported.\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["export", KEY, "--to", "png"], 2, "Unknown format 'png'; choose from valheim-map, game-cache,"),
        (["export", KEY], 2, "Choose a format with --to, such as --to site, or several worlds with --gallery."),
        (["export", KEY, "other", "--to", "csv"], 2, "--to exports one world, not 2"),
        (["export", "--to", "csv"], 2, "--to exports one world, not 0"),
        (["export", KEY, "--to", "csv", "--url", "https://example.org/"], 2, "apply to --gallery only"),
        (["export", "--gallery"], 2, "A gallery needs at least one seed"),
        (["export", "--gallery", KEY, "--to", "csv"], 2, "--gallery excludes --to"),
        (["export", "--gallery", KEY, "--stride", "2"], 2, "the options of formats; leave them out"),
        (["export", "--gallery", KEY, "--url", "example.org"], 2, "'example.org' is not the address of a folder"),
        (["export", "--gallery", KEY, "--url", "https://example.org/?a=b"], 2, "is not the address of a folder"),
        (["export", "--gallery", KEY, "--url", "https://["], 2, "'https://[' is not the address of a folder"),
        (["export", "--gallery", KEY, "--out", str(Path(__file__).parent)], 1, "is not a site export"),
        (
            ["export", KEY, "--to", "fwl", "--stride", "2"],
            2,
            "None of these formats has the option --stride; it applies to: csv.",
        ),
        (
            ["export", KEY, "--to", "fwl", "--interval", "50"],
            2,
            "None of these formats has the option --interval; it applies to: contours-",
        ),
        (["export", KEY, "--to", "fwl", "--world-version", "40"], 2, "version 40; choose 36 or 41."),
        (
            ["export", KEY, "--to", "csv", "--world-version", "41"],
            2,
            "has the option --world-version; it applies to: fwl.",
        ),
        (["export", KEY, "--to", "fwl", "--out", "_main.1.fwl2"], 1, "Invalid file name _main.1"),
        (["export", KEY, "--to", "poster", "--paper", "a5"], 2, "Unknown paper 'a5'; choose from 30x40, a2, 2x3."),
        (["export", KEY, "--to", "contours-svg", "--interval", "0.5"], 2, "greater than or equal to 1"),
        (["export", "a,b", "--to", "fwl"], 2, "has a comma"),
        (["export", KEY, "--to", "csv", "--out", __file__], 1, "exists; replace it with --force"),
        (["world", "--from-save", "nowhere.fwl"], 2, "nowhere.fwl cannot be read"),
        (["world", "--from-save", __file__], 2, f"{__file__}: The file states"),
        (["seed"], 2, "Name one seed"),
        (["seed", KEY, "--from-save", __file__], 2, "Name one seed"),
    ],
)
def test_invalid_command_is_rejected_with_a_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    assert run_here(monkeypatch, tmp_path, *arguments) == code
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("version", "sentence"),
    [(7, "has the unknown world-gen version 7"), (1, "is named with two world-gen versions: 2, and 1 of")],
)
def test_unsupported_version_is_rejected(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    version: int,
    sentence: str,
) -> None:
    path = save(tmp_path, KEY, "Midgard", world_gen_version=version)
    assert run_here(monkeypatch, tmp_path, "world", KEY, "--from-save", str(path)) == 2
    assert sentence in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [path]
