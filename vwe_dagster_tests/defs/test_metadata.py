"""The metadata of each asset on Dagster's pages."""

from __future__ import annotations

import base64
import io
import re
import socket
import urllib.parse
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
from PIL import Image

from vwe_dagster.config.local_servers import LocalServer, recorded_server
from vwe_dagster.defs.metadata import INLINE_CHARACTERS, biome_cover, links, miniature, thumbnail
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.store import WORLD_STAGES
from vwe_dagster.world.biomes import BIOMES, Biome
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.defs.conftest import KEY, BuiltWorld
from vwe_dagster_tests.defs.pipeline import ASSETS

MAX_BYTES = 40_000
"""Limit of the materializations of a world of 64 samples a side, in bytes of JSON."""


def picture_in(url: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(url.removeprefix("data:image/webp;base64,"), validate=True)))


def rows_of(table: str) -> list[list[str]]:
    """Return the cells of a table in Markdown, which must be short enough to be shown inline."""
    assert len(table) <= INLINE_CHARACTERS
    return [row.split("|") for row in table.splitlines()[2:]]


@pytest.mark.parametrize("asset", ASSETS)
def test_every_asset_has_a_small_map_and_only_renders_a_large_one(built_world: BuiltWorld, asset: str) -> None:
    metadata = built_world.outcome.metadata(asset)
    assert len(metadata["map"]) <= INLINE_CHARACTERS
    svg = urllib.parse.unquote(metadata["map"])
    assert picture_in(re.search(r"href='([^']*)'", svg)[1]).size == (64, 64)  # type: ignore[index]
    assert ("larger map" in metadata) == (asset == "renders")
    if asset == "renders":
        assert picture_in(metadata["larger map"].removeprefix("![map](").removesuffix(")")).size == (256, 256)


@pytest.mark.parametrize("asset", ASSETS)
def test_every_asset_shows_biomes_engine_seed_time_and_grid(built_world: BuiltWorld, asset: str) -> None:
    metadata = built_world.outcome.metadata(asset)
    assert [row[0] for row in rows_of(metadata["biomes"])] == [biome.game_name for biome in BIOMES]
    assert metadata["engine"] == "native 1.0"
    assert metadata["seed number"] == parse_seed(KEY).number
    assert metadata["grid"] == "64 x 64 samples, 384 m apart"
    assert metadata["built in (s)"] > 0
    assert metadata["cached"] is False


@pytest.mark.parametrize(("asset", "stage"), list(zip(ASSETS, WORLD_STAGES, strict=True)))
def test_every_asset_shows_its_files_with_hash_and_folder(built_world: BuiltWorld, asset: str, stage: str) -> None:
    metadata = built_world.outcome.metadata(asset)
    manifest = built_world.pipeline.manifest(KEY, stage)  # type: ignore[arg-type]
    shown = {row[0]: row[3] for row in rows_of(metadata["files"])}
    assert shown == {name: facts.sha256[:16] for name, facts in manifest.files.items()}
    assert (Path(metadata["folder"]) / "manifest.json").is_file()
    assert metadata["digest"] == manifest.digest


def test_records_of_a_world_are_small(built_world: BuiltWorld) -> None:
    events = [built_world.outcome.materialized(asset)[KEY] for asset in ASSETS]
    assert sum(len(dg.serialize_value(event)) for event in events) < MAX_BYTES


@pytest.mark.parametrize("asset", ASSETS)
def test_every_asset_links_to_the_map_page(built_world: BuiltWorld, asset: str) -> None:
    metadata = built_world.outcome.metadata(asset)
    assert metadata["map page (vwe serve)"] == f"http://127.0.0.1:8080/worlds/{KEY}/"
    assert "picture" not in metadata


def test_picture_of_the_running_map_server_is_linked(built_world: BuiltWorld) -> None:
    store, manifest = built_world.pipeline.store, built_world.pipeline.manifest(KEY, "renders")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with recorded_server(built_world.pipeline.root.parent, LocalServer.MAP, server):
            values = links(store, manifest, has_picture=True)
    assert values["map page (vwe serve)"].value == f"{server}/worlds/{KEY}/"
    assert values["picture"].value == f"{server}/worlds/{KEY}/thumbnail.png"


def test_server_with_host_names_is_not_linked(built_world: BuiltWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VWE_ALLOWED_HOSTS", "maps.example")
    store, manifest = built_world.pipeline.store, built_world.pipeline.manifest(KEY, "renders")
    assert links(store, manifest, has_picture=True) == {}


def test_assets_show_what_they_count(built_world: BuiltWorld) -> None:
    raw, extracted, processed = (built_world.outcome.metadata(asset) for asset in ASSETS[:3])
    for lines in ("rivers", "streams", "lakes"):
        assert raw[lines] == extracted[lines] == processed[lines] > 0
    assert raw["terrain (s)"] > 0
    assert processed["islands"] > 0
    assert 0 < processed["land (share of the disc)"] < 1


def test_shares_are_measured_within_the_edge_of_the_world() -> None:
    grid = Grid.of_world(64)
    plane = np.full((64, 64), Biome.OCEAN, np.uint8)
    plane[0, 0] = Biome.ASHLANDS
    plane[32, 32] = Biome.MEADOWS
    cover = biome_cover(plane, grid).set_index("biome")
    assert list(cover.index) == ["Meadows", "Ocean"]
    assert cover["area_km2"]["Meadows"] == pytest.approx(0.384**2)
    assert cover["share_of_disc"].sum() == pytest.approx(1)


@pytest.mark.parametrize("seed", [0, 1])
def test_inline_map_of_noise_fits_the_limit(seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (2176, 2176, 3), np.uint8)
    assert len(miniature(Image.fromarray(noise))) <= INLINE_CHARACTERS


def test_large_picture_becomes_a_thumbnail() -> None:
    url = thumbnail(Image.new("RGBA", (2176, 2176))).removeprefix("![map](").removesuffix(")")
    assert picture_in(url).size == (256, 256)
