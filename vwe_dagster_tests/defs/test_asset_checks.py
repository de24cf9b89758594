"""Test the asset checks: valid worlds pass all of them, and each kind of damage fails the right ones."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from vwe_dagster.defs.asset_checks import CHECKS, STAGE_CHECKS
from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.extraction.validate import ASHLANDS_CELLS
from vwe_dagster.quality.result import ASSETS, CheckResult, run_check
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WORLD_STAGES, Recipe, Stage, WorldStore
from vwe_dagster.store.arrays import array_from_bytes, array_to_bytes
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.defs.conftest import KEY, BuiltWorld
from vwe_dagster_tests.defs.pipeline import Pipeline, partition_tags

ALL = {(stage, check) for stage, checks in STAGE_CHECKS.items() for check in checks}
OF_WORLDS = {at for at in ALL if at[0] in WORLD_STAGES}


@pytest.fixture(scope="session")
def with_tiles(built_world: BuiltWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a world with tiles; read-only, because tests share it."""
    root = tmp_path_factory.mktemp("tiles") / "data"
    shutil.copytree(built_world.pipeline.root, root)
    with dg.DagsterInstance.ephemeral() as other:
        config = {"tiles": {"styles": ["map"], "max_zoom": 1}}
        assert Pipeline(root, other).run(KEY, assets=["tiles"], config=config).success
    return root


@pytest.fixture
def with_world(pipeline: Pipeline, with_tiles: Path) -> Pipeline:
    """A pipeline with a built world and its tiles."""
    shutil.copytree(with_tiles, pipeline.root)
    return pipeline


def results(store: WorldStore, key: str = KEY) -> Mapping[tuple[Stage, str], CheckResult]:
    seed = parse_seed(key)
    return {
        (stage, check): run_check(store, seed, stage, run)
        for stage, checks in STAGE_CHECKS.items()
        for check, run in checks.items()
    }


def red(found: Mapping[tuple[Stage, str], CheckResult]) -> set[tuple[Stage, str]]:
    return {at for at, result in found.items() if not result.passed}


def rewritten(store: WorldStore, stage: Stage, name: str, content: Callable[[Path], bytes]) -> None:
    """Publish a stage again with a changed file, so that its hashes are correct."""
    seed = parse_seed(KEY)
    manifest = store.manifest(seed, stage)
    assert manifest is not None
    files = {file: (store.folder(seed, stage) / file).read_bytes() for file in manifest.files}
    files[name] = content(store.folder(seed, stage) / name)
    with store.publish(seed, stage, manifest.recipe) as draft:
        for file, data in files.items():
            draft.path(file).write_bytes(data)
            facts = manifest.files[file]
            draft.file(file, dtype=facts.dtype, shape=facts.shape, axes=facts.axes, units=facts.units)


def plane(change: Callable[[np.ndarray], object]) -> Callable[[Path], bytes]:
    def content(path: Path) -> bytes:
        array = array_from_bytes(path.read_bytes()).copy()
        change(array)
        return array_to_bytes(array)

    return content


def a_small_plane(_: Path) -> bytes:
    return array_to_bytes(np.zeros((8, 8), np.float32))


def blank(path: Path) -> bytes:
    file = io.BytesIO()
    with Image.open(path) as picture:
        Image.new("RGB", picture.size, "white").save(file, "PNG")
    return file.getvalue()


def a_small_picture(_: Path) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "WEBP")
    return file.getvalue()


def at(row: int, column: int, value: float) -> Callable[[np.ndarray], object]:
    def change(array: np.ndarray) -> None:
        array[row, column] = value

    return change


def test_valid_world_passes_every_check(with_world: Pipeline) -> None:
    found = results(with_world.store)
    assert red(found) == set()
    assert set(found) == ALL


@pytest.mark.parametrize("stage", list(STAGE_CHECKS))
def test_missing_stage_fails_its_checks(with_world: Pipeline, stage: Stage) -> None:
    (with_world.store.folder(parse_seed(KEY), stage) / "manifest.json").unlink()
    found = results(with_world.store)
    assert red(found) == {at for at in ALL if at[0] == stage}
    sentence = next(found[at].description for at in ALL if at[0] == stage)
    assert sentence.endswith(f"Materialize {ASSETS[stage]} of {KEY} again.")


@pytest.mark.parametrize(
    ("stage", "file", "checks"),
    [
        ("raw", "height.npy.gz", {"grid_complete"}),
        ("raw", "biome.npy.gz", {"grid_complete", "biomes_valid"}),
        ("raw", "rivers.jsonl", {"grid_complete"}),
        ("extracted", "lava.npy.gz", {"grid_complete"}),
        ("extracted", "height.npy.gz", {"grid_complete", "world_edge"}),
        ("processed", "statistics.json", {"statistics_add_up"}),
        ("processed", "peaks.parquet", {"statistics_add_up"}),
        ("renders", "map.png", {"pictures_not_blank"}),
        ("tiles", "map/1/1/0.webp", {"tiles_not_blank"}),
    ],
)
def test_changed_byte_fails_the_checks_of_its_stage(
    with_world: Pipeline, stage: Stage, file: str, checks: set[str]
) -> None:
    path = with_world.store.folder(parse_seed(KEY), stage) / file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    found = results(with_world.store)
    assert red(found) == {(stage, check) for check in checks}
    for check in checks:
        sentence = found[stage, check].description
        assert str(path) in sentence
        assert f"Materialize {ASSETS[stage]} of {KEY} again." in sentence


@pytest.mark.parametrize(
    ("stage", "file", "content", "check", "sentence"),
    [
        ("raw", "height.npy.gz", plane(at(3, 4, np.nan)), "grid_complete", "height plane has 1 cells without a number"),
        ("raw", "height.npy.gz", a_small_plane, "grid_complete", "8 x 8"),
        ("raw", "biome.npy.gz", plane(at(3, 4, 3)), "biomes_valid", "is not the flag of a biome"),
        ("extracted", "height.npy.gz", plane(at(0, 0, 12)), "world_edge", "1 cells beyond the edge"),
        ("extracted", "height.npy.gz", plane(at(32, 32, -400)), "world_edge", "and 1 within it are"),
        ("renders", "thumbnail.png", blank, "pictures_not_blank", "thumbnail.png is blank"),
        ("renders", "map.png", blank, "pictures_not_blank", "map.png is blank"),
        ("renders", "map.png", lambda _: b"no picture", "pictures_not_blank", "map.png is not a picture"),
        ("tiles", "map/0/0/0.webp", blank, "tiles_not_blank", "map/0/0/0.webp is blank"),
        ("tiles", "map/1/0/1.webp", lambda _: b"no picture", "tiles_not_blank", "map/1/0/1.webp is not a picture"),
        ("tiles", "map/1/0/1.webp", a_small_picture, "tiles_not_blank", "is 8 x 8, not 256 x 256"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_impossible_value_fails_one_check(
    with_world: Pipeline, stage: Stage, file: str, content: Callable[[Path], bytes], check: str, sentence: str
) -> None:
    rewritten(with_world.store, stage, file, content)
    found = results(with_world.store)
    assert red(found) == {(stage, check)}
    assert sentence in found[stage, check].description


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (b'"land_area_km2"', b'"land_area_km2": 1.0, "x"', "biomes' land"),
        (b'"island_count"', b'"island_count": 7777, "x"', "islands"),
        (b'"disc_area_km2"', b'"disc_area_km2": 1.0, "x"', "biomes' areas"),
    ],
)
def test_inconsistent_statistics_fail_a_check(with_world: Pipeline, before: bytes, after: bytes, sentence: str) -> None:
    rewritten(
        with_world.store,
        "processed",
        "statistics.json",
        lambda path: path.read_bytes().replace(before, after, 1),
    )
    found = results(with_world.store)
    assert red(found) == {("processed", "statistics_add_up")}
    assert f"The sum of the {sentence}" in found["processed", "statistics_add_up"].description


def test_ashlands_are_counted_on_the_grid_of_the_game(tmp_path: Path) -> None:
    store, seed = WorldStore(tmp_path), parse_seed("@1")

    def count(cells: int) -> CheckResult:
        biome = np.full(2048 * 2048, 8, np.uint8)
        biome[:cells] = 6
        recipe = Recipe(inputs={}, code_version="1", made_by={"kind": "native"}, grid=Grid.of_world(2048))
        with store.publish(seed, "extracted", recipe) as draft:
            draft.array("biome.npy.gz", biome.reshape(2048, 2048), units="biome index")
        return run_check(store, seed, "extracted", STAGE_CHECKS["extracted"]["seed_independent_counts"])

    assert count(ASHLANDS_CELLS).passed
    wrong = count(ASHLANDS_CELLS - 1)
    assert not wrong.passed
    assert f"every world has {ASHLANDS_CELLS}" in wrong.description


def evaluations(events: Iterable[dg.DagsterEvent]) -> dict[tuple[str, str, str | None], bool]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    found = [event.asset_check_evaluation_data for event in events if event.event_type is kind]
    return {(each.asset_key.to_user_string(), each.check_name, each.partition): each.passed for each in found}


@pytest.mark.slow
@pytest.mark.usefixtures("thumbnails_only")
def test_run_of_a_world_checks_every_stage(pipeline: Pipeline) -> None:
    outcome = pipeline.run("solo")
    assert outcome.success
    assert evaluations(outcome.result.all_events) == {
        (ASSETS[stage], check, "solo"): True for stage, check in OF_WORLDS
    }


@pytest.mark.slow
@pytest.mark.usefixtures("thumbnails_only")
def test_run_of_many_seeds_reports_each_seed(pipeline: Pipeline) -> None:
    outcome = pipeline.run("one", "two")
    assert outcome.success
    found = evaluations(outcome.result.all_events)
    assert {at: passed for at, passed in found.items() if at[2] is not None} == {
        (ASSETS[stage], check, key): True for stage, check in OF_WORLDS for key in ("one", "two")
    }


@pytest.mark.slow
@pytest.mark.usefixtures("thumbnails_only")
def test_seed_with_a_failed_check_is_not_built_further_but_the_others_are(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = STAGE_CHECKS["extracted"]["world_edge"]

    def check(store: WorldStore, manifest: object) -> CheckResult:
        if manifest.seed.key == "two":  # type: ignore[attr-defined]
            return CheckResult("The edge is gone.", passed=False)
        return real(store, manifest)  # type: ignore[arg-type]

    monkeypatch.setitem(STAGE_CHECKS["extracted"], "world_edge", check)
    outcome = pipeline.run("one", "two", "three")
    assert not outcome.success
    assert set(outcome.materialized("extracted")) == {"one", "two", "three"}
    assert set(outcome.materialized("processed")) == set(outcome.materialized("renders")) == {"one", "three"}
    assert "two: Skipped because the check world_edge of extracted failed." in outcome.failures["processed"]
    found = evaluations(outcome.result.all_events)
    assert found["extracted", "world_edge", "two"] is False
    assert found["extracted", "world_edge", "one"] is True
    assert found["extracted", "world_edge", None] is False
    assert ("processed", "statistics_add_up", "two") not in found


def test_world_with_a_failed_check_is_not_built_further(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = lambda store, manifest: CheckResult("The grid has a hole.", passed=False)  # noqa: ARG005, E731
    monkeypatch.setitem(STAGE_CHECKS["raw"], "grid_complete", failing)
    outcome = pipeline.run("solo")
    assert not outcome.success
    assert "the check grid_complete of raw_export failed" in outcome.failures["extracted"]
    assert pipeline.store.manifest(parse_seed("solo"), "extracted") is None


def test_check_can_run_alone_for_one_seed(with_world: Pipeline) -> None:
    path = with_world.store.folder(parse_seed(KEY), "raw") / "height.npy.gz"
    path.write_bytes(path.read_bytes()[:-1])
    defs = build_defs(resource_overrides={"store": WorldStoreResource(root=str(with_world.root))})
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.checks_for_assets("raw_export"))
    with_world.instance.add_dynamic_partitions("seeds", [KEY])
    result = (
        dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        .resolve_job_def("checks")
        .execute_in_process(instance=with_world.instance, tags=partition_tags([KEY]), raise_on_error=False)
    )
    assert not result.success
    assert evaluations(result.all_events) == {
        ("raw_export", "grid_complete", KEY): False,
        ("raw_export", "biomes_valid", KEY): True,
    }


def test_every_check_has_a_description() -> None:
    specs: list[dg.AssetCheckSpec] = [spec for checks in CHECKS for spec in checks.check_specs]
    assert all(spec.description and spec.blocking for spec in specs)
