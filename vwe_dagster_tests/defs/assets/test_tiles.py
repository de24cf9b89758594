"""The job ``tile_pyramid``: built tiles, kept tiles and rejected configurations."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from vwe_dagster.rendering.tiles import STYLES
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster.store.stages import TileChoice, tile_choice
from vwe_dagster_tests.defs.conftest import KEY
from vwe_dagster_tests.defs.pipeline import Outcome, Pipeline

pytestmark = pytest.mark.slow

SEED = parse_seed(KEY)


def build_tiles(pipeline: Pipeline, **config: object) -> Outcome:
    return pipeline.run(KEY, assets=["tiles"], config={"tiles": config})


def test_tiles_are_at_the_paths_of_web_maps_and_in_the_metadata(with_world: Pipeline) -> None:
    before = with_world.files()
    outcome = build_tiles(with_world, styles=["heights", "map"], max_zoom=1)
    assert outcome.success
    (check,) = outcome.result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == ("tiles_not_blank", True)
    manifest = with_world.manifest(KEY, "tiles")
    assert tile_choice(manifest) == TileChoice(("map", "heights"), 1)
    assert set(manifest.files) == {
        f"{style}/{zoom}/{x}/{y}.webp"
        for style in ("map", "heights")
        for zoom in (0, 1)
        for x in range(1 << zoom)
        for y in range(1 << zoom)
    }
    assert with_world.store.damaged(SEED, "tiles") == []
    assert Image.open(io.BytesIO(with_world.store.read(manifest, "map/1/0/1.webp").getvalue())).size == (256, 256)
    shown = outcome.metadata("tiles")
    assert (shown["styles"], shown["last zoom"], shown["tiles"]) == ("map, heights", 1, 10)
    assert [row.partition("|")[0] for row in shown["files"].splitlines()[2:]] == ["heights/", "map/"]
    assert shown["digest"] == manifest.digest
    extracted = with_world.manifest(KEY, "extracted")
    assert manifest.recipe.inputs["extracted"] == extracted.digest
    assert {path: with_world.files()[path] for path in before} == before


def test_tiles_are_kept_until_the_choice_changes_and_rebuilt_with_the_same_choice(with_world: Pipeline) -> None:
    assert build_tiles(with_world, styles=["biomes"], max_zoom=0).metadata("tiles")["cached"] is False
    assert build_tiles(with_world, styles=["biomes"], max_zoom=0).metadata("tiles")["cached"] is True
    # As the automation requests them.
    assert build_tiles(with_world).metadata("tiles")["cached"] is True
    assert build_tiles(with_world, force=True).metadata("tiles")["cached"] is False
    assert tile_choice(with_world.manifest(KEY, "tiles")) == TileChoice(("biomes",), 0)
    assert build_tiles(with_world, max_zoom=1).metadata("tiles")["cached"] is False
    assert tile_choice(with_world.manifest(KEY, "tiles")) == TileChoice(("biomes",), 1)
    assert build_tiles(with_world, styles=["forest"]).metadata("tiles")["cached"] is False
    assert tile_choice(with_world.manifest(KEY, "tiles")) == TileChoice(("forest",), 1)
    assert {name.partition("/")[0] for name in with_world.manifest(KEY, "tiles").files} == {"forest"}


def test_default_tiles_have_every_style(with_world: Pipeline) -> None:
    assert build_tiles(with_world, max_zoom=0).success
    assert tile_choice(with_world.manifest(KEY, "tiles")) == TileChoice(tuple(STYLES), 0)


def test_default_tiles_end_at_the_native_zoom(with_world: Pipeline) -> None:
    assert build_tiles(with_world, styles=["biomes"]).success
    manifest = with_world.manifest(KEY, "tiles")
    assert tile_choice(manifest) == TileChoice(("biomes",), 3)
    assert len(manifest.files) == 85


def test_unknown_style_or_zoom_is_rejected_with_a_message(pipeline: Pipeline) -> None:
    rejected = build_tiles(pipeline, styles=["map", "nothing"])
    assert rejected.failures == {"tiles": "There is no style nothing of tiles; choose map, biomes, heights, forest."}
    assert build_tiles(pipeline, styles=[]).failures["tiles"].startswith("The list of styles is empty")
    assert (
        "does not exist or has no valid manifest; materialize extracted first"
        in build_tiles(pipeline).failures["tiles"]
    )
    assert not pipeline.store.folder(SEED, "tiles").exists()


def test_world_without_tiles_is_complete(with_world: Pipeline) -> None:
    assert all(with_world.store.manifest(SEED, stage) for stage in WORLD_STAGES)
    assert with_world.store.manifest(SEED, "tiles") is None
