"""Test the job ``world``: built stages, kept stages and failures."""

from __future__ import annotations

import dataclasses
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from vwe_dagster.engine.messages import EngineError, EngineIdentity, Progress, WorldExport, WorldRequest, no_progress
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.defs.conftest import KEY, BuiltWorld
from vwe_dagster_tests.defs.pipeline import ASSETS, Pipeline, PoolOfOne
from vwe_dagster_tests.extraction.foreign_files import tile_export
from vwe_dagster_tests.worlds import native_world

SEED = parse_seed(KEY)
STAGE_OF = dict(zip(ASSETS, WORLD_STAGES, strict=True))


def test_seed_becomes_four_complete_stages(built_world: BuiltWorld) -> None:
    assert built_world.outcome.success
    store = built_world.pipeline.store
    assert [store.damaged(SEED, stage) for stage in WORLD_STAGES] == [[], [], [], []]
    files = {stage: set(built_world.pipeline.manifest(KEY, stage).files) for stage in WORLD_STAGES}
    assert files == {
        "raw": {"biome.npy.gz", "height.npy.gz", "lava.npy.gz", "rivers.jsonl", "streams.jsonl", "lakes.jsonl"},
        "extracted": {
            "biome.npy.gz",
            "height.npy.gz",
            "lava.npy.gz",
            "water.npy.gz",
            "rivers.parquet",
            "lakes.parquet",
        },
        "processed": {"biomes.parquet", "islands.parquet", "peaks.parquet", "statistics.json"},
        "renders": {"map.png", "biomes.png", "heights.png", "relief.png", "thumbnail.png"},
    }


@pytest.mark.parametrize("asset", ASSETS)
def test_data_version_is_the_version_of_the_recipe(built_world: BuiltWorld, asset: str) -> None:
    manifest = built_world.pipeline.manifest(KEY, STAGE_OF[asset])
    assert built_world.outcome.data_version(asset) == built_world.pipeline.store.version(manifest)
    assert built_world.outcome.metadata(asset)["digest"] == manifest.digest


def test_manifest_of_every_stage_names_inputs_and_engine(built_world: BuiltWorld) -> None:
    raw, extracted, processed, renders = (built_world.pipeline.manifest(KEY, stage) for stage in WORLD_STAGES)
    assert extracted.recipe.inputs == {"raw": raw.digest}
    assert processed.recipe.inputs == {"extracted": extracted.digest}
    assert renders.recipe.inputs == {"extracted": extracted.digest, "processed": processed.digest}
    native = dataclasses.asdict(NativeEngine().identity)
    assert [manifest.recipe.made_by for manifest in (raw, extracted, processed, renders)] == [native] * 4


def test_raw_stage_equals_the_export_of_the_engine(built_world: BuiltWorld) -> None:
    export = NativeEngine().generate(WorldRequest(SEED.number, Grid.of_world(64)))
    folder = built_world.pipeline.store.folder(SEED, "raw")
    for name, plane in export.planes.items():
        with gzip.open(folder / f"{name}.npy.gz") as file:
            np.testing.assert_array_equal(np.load(file), plane)
    for name, lines in export.lines.items():
        assert [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()] == lines


def test_unchanged_planes_are_stored_once(built_world: BuiltWorld) -> None:
    raw, extracted = (built_world.pipeline.store.folder(SEED, stage) for stage in ("raw", "extracted"))
    same = [path.name for path in sorted(raw.iterdir()) if (extracted / path.name).exists()]
    shared = [name for name in same if (raw / name).samefile(extracted / name)]
    assert shared == ["height.npy.gz", "lava.npy.gz"]


def test_second_run_changes_no_file(with_world: Pipeline) -> None:
    before = with_world.files()
    outcome = with_world.run(KEY)
    assert outcome.kept() == dict.fromkeys(ASSETS, True)
    assert with_world.files() == before


def test_force_rebuilds_a_stage_and_keeps_later_stages(with_world: Pipeline, built_world: BuiltWorld) -> None:
    outcome = with_world.run(KEY, config={"raw_export": {"size": 64, "force": True}})
    assert outcome.kept() == {"raw_export": False, "extracted": True, "processed": True, "renders": True}
    assert outcome.data_version("raw_export") == built_world.outcome.data_version("raw_export")


@pytest.mark.usefixtures("thumbnails_only")
def test_changed_request_rebuilds_every_stage(with_world: Pipeline) -> None:
    before = {asset: with_world.store.version(with_world.manifest(KEY, STAGE_OF[asset])) for asset in ASSETS}
    outcome = with_world.run(KEY, size=65)
    assert outcome.kept() == dict.fromkeys(ASSETS, False)
    assert all(outcome.data_version(asset) != before[asset] for asset in ASSETS)
    assert with_world.manifest(KEY, "renders").recipe.grid == Grid.of_world(65)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asset", "name", "damage"),
    [
        ("raw_export", "height.npy.gz", "changed"),
        ("raw_export", "rivers.jsonl", "cut"),
        ("extracted", "biome.npy.gz", "removed"),
        ("processed", "biomes.parquet", "cut"),
        ("renders", "map.png", "changed"),
    ],
)
def test_stage_with_a_damaged_file_is_rebuilt(with_world: Pipeline, asset: str, name: str, damage: str) -> None:
    path = with_world.store.folder(SEED, STAGE_OF[asset]) / name
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        path.write_bytes(
            content[:middle] + flipped + content[middle + 1 :] if damage == "changed" else content[:middle]
        )
    outcome = with_world.run(KEY)
    assert [each for each, kept in outcome.kept().items() if not kept] == [asset]
    assert path.read_bytes() == content
    assert any(str(path) in line and "rebuilt" in line for line in with_world.log(outcome))


def test_stage_without_a_valid_manifest_is_rebuilt(with_world: Pipeline) -> None:
    path = with_world.store.folder(SEED, "extracted") / "manifest.json"
    path.write_text("{}")
    assert with_world.run(KEY).kept() == {"raw_export": True, "extracted": False, "processed": True, "renders": True}


def test_single_stage_with_a_damaged_source_is_rejected(with_world: Pipeline) -> None:
    path = with_world.store.folder(SEED, "raw") / "height.npy.gz"
    path.write_bytes(b"")
    outcome = with_world.run(KEY, assets=["extracted"], config={"extracted": {"force": True}})
    assert outcome.failures == {"extracted": f"The file {path} differs from its manifest; build the stage raw again."}


@pytest.mark.parametrize(("asset", "source"), [("extracted", "raw_export"), ("processed", "extracted")])
def test_single_stage_with_a_missing_source_names_the_command(pipeline: Pipeline, asset: str, source: str) -> None:
    sentence = pipeline.run(KEY, assets=[asset]).failures[asset]
    assert sentence.endswith(f"materialize {source} first.")


@pytest.mark.parametrize("asset", ASSETS)
def test_every_asset_rejects_an_invalid_seed_with_the_message_of_the_parser(pipeline: Pipeline, asset: str) -> None:
    with pytest.raises(SeedError) as error:
        parse_seed("../evil")
    assert pipeline.run("../evil", assets=[asset]).failures == {asset: str(error.value)}
    assert pipeline.files() == {}


class TalkativeEngine:
    """The native engine with many progress reports, and with an error or one replaced height if they are set."""

    identity = EngineIdentity("talkative", "1")

    def __init__(self, *, error: str | None = None, height_m: float | None = None) -> None:
        self.error = error
        self.height_m = height_m

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        for step in range(101):
            progress(step / 100, "digging" if step < 50 else "heaping")
        if self.error is not None:
            raise EngineError(self.error)
        export = dataclasses.replace(NativeEngine().generate(request), engine=self.identity)
        if self.height_m is None:
            return export
        height = export.planes["height"].copy()
        height[3, 4] = self.height_m
        return dataclasses.replace(export, planes={**export.planes, "height": height})


def with_engine(pipeline: Pipeline, engine: TalkativeEngine) -> Pipeline:
    return dataclasses.replace(pipeline, resources={"pool": PoolOfOne(engine)})


def test_failure_of_the_engine_fails_the_asset_with_its_message(pipeline: Pipeline) -> None:
    outcome = with_engine(pipeline, TalkativeEngine(error="The mountain did not come.")).run(KEY)
    assert outcome.failures == {"raw_export": "The mountain did not come."}
    assert pipeline.files() == {}


def test_impossible_world_is_not_extracted(pipeline: Pipeline) -> None:
    outcome = with_engine(pipeline, TalkativeEngine(height_m=1e6)).run(KEY)
    assert list(outcome.failures) == ["extracted"]
    assert "row 3, column 4" in outcome.failures["extracted"]
    assert [stage for stage in WORLD_STAGES if pipeline.store.manifest(SEED, stage)] == ["raw"]


@pytest.mark.usefixtures("thumbnails_only")
def test_world_of_another_engine_kind_is_rebuilt(with_world: Pipeline) -> None:
    outcome = with_engine(with_world, TalkativeEngine()).run(KEY)
    assert outcome.metadata("raw_export")["engine"] == "talkative 1"
    assert not outcome.metadata("raw_export")["cached"]


def test_progress_is_logged_by_phase_and_tenth(pipeline: Pipeline) -> None:
    outcome = with_engine(pipeline, TalkativeEngine(error="Enough.")).run(KEY)
    assert pipeline.log(outcome)[:2] == ["digging (0%)", "digging (10%)"]
    assert [line for line in pipeline.log(outcome) if "ing (" in line] == [
        *(f"digging ({tenth}0%)" if tenth else "digging (0%)" for tenth in range(5)),
        *(f"heaping ({tenth}0%)" for tenth in range(5, 11)),
    ]


def test_look_alike_seeds_are_logged(pipeline: Pipeline) -> None:
    pipeline.instance.add_dynamic_partitions("seeds", [KEY.lower(), f"@{SEED.number}", "no, seed"])
    outcome = with_engine(pipeline, TalkativeEngine(error="Enough.")).run(KEY)
    assert {line for line in pipeline.log(outcome) if KEY in line and "world" in line} == {
        f"{KEY} is the same world as @{SEED.number}: both are the integer {SEED.number}.",
        f"{KEY} and {KEY.lower()} differ only in upper and lower case and are different worlds.",
    }


def test_foreign_export_becomes_a_world(pipeline: Pipeline, real_export: Path) -> None:
    config = {"extracted": {"foreign_export": str(real_export)}}
    outcome = pipeline.run("@991789801", assets=ASSETS[1:], config=config)
    assert outcome.success
    seed = Seed("@991789801", 991789801)
    assert pipeline.manifest("@991789801", "extracted").recipe.inputs["foreign_export"] == "plugin_json"
    assert outcome.metadata("extracted")["source"] == "an export of another program (plugin_json)"
    assert (pipeline.store.folder(seed, "renders") / "map.png").is_file()
    assert pipeline.run("@991789801", assets=ASSETS[1:2], config=config).metadata("extracted")["cached"]


def test_foreign_export_of_another_seed_is_rejected(pipeline: Pipeline, tmp_path: Path) -> None:
    tile_export(native_world(Grid.of_world(64)), 2, "MWd8eV6svz").write(tmp_path)
    config = {"extracted": {"foreign_export": str(tmp_path)}}
    refused = pipeline.run(KEY, assets=["extracted"], config=config)
    assert "has the world of the seed MWd8eV6svz" in refused.failures["extracted"]
    assert "import it as Hh9m9a or as @-1772362158, which are the same world." in refused.failures["extracted"]
    assert pipeline.run("@-1772362158", assets=["extracted"], config=config).success


def test_folder_without_an_export_is_rejected(pipeline: Pipeline, tmp_path: Path) -> None:
    outcome = pipeline.run(KEY, assets=["extracted"], config={"extracted": {"foreign_export": str(tmp_path)}})
    assert "does not have an export" in outcome.failures["extracted"]
