"""Worlds that are not stored: computed on request, equal to built ones, and bounded in memory."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from vwe_dagster.analysis import CODE_VERSION
from vwe_dagster.analysis.world import analyze
from vwe_dagster.engine.messages import ESSENTIAL, LINES, LOCATIONS, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.native_locations import location_table_identity
from vwe_dagster.extraction.engine_export import canonical_world
from vwe_dagster.extraction.terrain import terrain_of
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.job_queue import Job, JobQueue
from vwe_dagster.site.previews import Previews
from vwe_dagster.site.server import site_app
from vwe_dagster.site.tile_cache import TileCache
from vwe_dagster.store import Recipe, WorldStore
from vwe_dagster.store.stages import write_extracted, write_picture, write_processed, write_raw
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.site.conftest import ONE, served

WORLD = f"/worlds/{ONE}"
ORIGIN = ("version", "data", "made_at")
"""Members of ``world.json`` that differ between a stored world and its preview."""


@pytest.fixture(scope="module")
def previewed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, WorldStore]]:
    store = WorldStore(tmp_path_factory.mktemp("previewed"))
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client, store


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Serve the same world, built through the stages with the functions that the assets use."""
    store = WorldStore(tmp_path_factory.mktemp("stored"))
    publish_default_world(store, ONE)
    with served(site_app(store)) as address, httpx.Client(base_url=address, timeout=PATIENCE_S) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "places.json",
        "waterways.json",
        "thumbnail.png",
        "data/3/4.bin",
        "data/7/7.bin",
        "tiles/map/0/0/0.webp",
        "tiles/map/2/1/2.webp",
        "tiles/biomes/3/4/3.webp",
        "tiles/forest/5/16/15.webp",
    ],
)
def test_preview_equals_the_built_world(
    previewed: tuple[httpx.Client, WorldStore], stored: httpx.Client, path: str
) -> None:
    preview, built = previewed[0].get(f"{WORLD}/{path}"), stored.get(f"{WORLD}/{path}")
    assert (preview.status_code, built.status_code) == (200, 200)
    assert preview.content == built.content


def test_statistics_of_a_preview_equal_those_of_the_built_world(
    previewed: tuple[httpx.Client, WorldStore], stored: httpx.Client
) -> None:
    preview, built = (client.get(f"{WORLD}/world.json").json() for client in (previewed[0], stored))
    assert (preview["made_at"], built["made_at"] is None) == (None, False)
    assert preview["places"]["table"] == built["places"]["table"]
    for facts in (preview, built):
        for member in ORIGIN:
            del facts[member]
    assert preview == built


def test_preview_writes_nothing(previewed: tuple[httpx.Client, WorldStore]) -> None:
    client, store = previewed
    before = files_of(store)
    assert client.get("/worlds/elsewhere/tiles/map/1/0/0.webp").status_code == 200
    assert client.get("/worlds/elsewhere/world.json").status_code == 200
    assert files_of(store) == before
    assert client.get("/worlds.json").json()["rows"] == []


def test_outline_needs_no_analysis(previewed: tuple[httpx.Client, WorldStore]) -> None:
    client, _ = previewed
    outline = client.get("/worlds/another/world.json", params={"outline": ""}).json()
    facts = client.get("/worlds/another/world.json").json()
    assert "statistics" not in outline
    assert {biome["index"]: biome["color"] for biome in outline["biomes"]} == {
        biome["index"]: biome["color"] for biome in facts["biomes"]
    }
    assert {name: facts[name] for name in outline if name != "biomes"} == {
        name: value for name, value in outline.items() if name != "biomes"
    }
    assert client.get("/worlds/another/world.json", params={"outline": ""}).json() == facts


def test_requests_for_one_seed_compute_it_once() -> None:
    previews = Previews()
    seed = parse_seed("shared")
    with ThreadPoolExecutor(4) as visitors:
        worlds = list(visitors.map(lambda _: previews.open(seed), range(8)))
        tiles = set(visitors.map(lambda world: world.tile("map", 0, 0, 0), worlds))
    counts = previews.counts()
    previews.close()
    assert len(set(map(id, worlds))) == len(tiles) == 1
    assert (counts.worlds, counts.misses, counts.hits) == (1, 1, 7)


def test_least_recently_used_preview_is_dropped_beyond_the_limit() -> None:
    previews = Previews(max_bytes=50 * 2**20)
    one = previews.open(parse_seed("one"))
    one.waterways()
    other = previews.open(parse_seed("other"))
    other.waterways()
    third = previews.open(parse_seed("third"))
    counts = previews.counts()
    assert previews.open(parse_seed("other")) is other
    assert previews.open(parse_seed("one")) is not one
    previews.close()
    assert (counts.worlds, counts.dropped) == (2, 1)
    assert other.nbytes <= counts.nbytes <= counts.max_bytes
    assert third.nbytes == 0


def test_failed_preview_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise MemoryError

    previews = Previews()
    with monkeypatch.context() as patch:
        patch.setattr("vwe_dagster.site.preview.canonical_world", faulty)
        first = previews.open(parse_seed("abc"))
        with pytest.raises(MemoryError):
            first.block(0, 0)
    assert previews.open(parse_seed("abc")).block(0, 0)
    previews.close()


def test_most_recently_wanted_job_is_computed_first() -> None:
    queue, done, begun, free = JobQueue(1), [], threading.Event(), threading.Event()

    def busy() -> None:
        begun.set()
        assert free.wait(PATIENCE_S)

    def job(name: str, **settings: Any) -> Job[None]:
        return Job(lambda: done.append(name), **settings)

    queue.request(Job(busy))
    assert begun.wait(PATIENCE_S)
    ground = job("ground")
    jobs = [job("left"), job("first"), job("analysis", rank=1, after=ground), job("last")]
    queue.request(jobs[0])
    contexts = [queue.wanted(each) for each in jobs[1:]]
    results = [context.__enter__() for context in contexts]
    free.set()
    for result in [*results, jobs[0].result]:
        result.result(PATIENCE_S)
    queue.close()
    assert done == ["last", "ground", "first", "analysis", "left"]


def test_closed_queue_cancels_its_jobs() -> None:
    queue = JobQueue(1)
    queue.close()
    late = Job(lambda: None)
    queue.request(late)
    assert late.result.cancelled()
    assert late.has_failed


def test_tile_cache_drops_the_least_recently_used_tiles() -> None:
    cache = TileCache(max_bytes=10)
    for x in range(3):
        cache.put(("map", 1, x, 0), b"1234")
        cache.get(("map", 1, 0, 0))
    assert [cache.get(("map", 1, x, 0)) for x in range(3)] == [b"1234", None, b"1234"]
    assert cache.nbytes == 8


def test_request_that_was_closed_leaves_the_queue(previewed: tuple[httpx.Client, WorldStore]) -> None:
    client, _ = previewed
    with pytest.raises(httpx.TimeoutException):
        client.get("/worlds/impatient/world.json", timeout=0.05)
    assert client.get("/worlds/patient/world.json").json()["key"] == "patient"


def publish_default_world(store: WorldStore, key: str) -> None:
    """Publish all stages of a world with the requests and functions of the assets."""
    seed, grid = parse_seed(key), Grid.of_world(2048)
    export = NativeEngine().generate(WorldRequest(seed.number, grid, 2, ESSENTIAL, ("lava", *LINES, LOCATIONS)))
    inputs = {"world_gen_version": 2, "location_table": location_table_identity()}
    recipe = Recipe(inputs, "1", dataclasses.asdict(export.engine), grid)
    with store.publish(seed, "raw", recipe) as draft:
        write_raw(draft, export)
    world = canonical_world(export.planes, export.lines, grid)
    with store.publish(seed, "extracted", dataclasses.replace(recipe, inputs=input_of(store, key, "raw"))) as draft:
        write_extracted(draft, world, {})
    recipe = dataclasses.replace(recipe, inputs=input_of(store, key, "extracted"), code_version=CODE_VERSION)
    with store.publish(seed, "processed", recipe) as draft:
        write_processed(draft, analyze(world, terrain_of(world, seed.number)))
    with store.publish(seed, "renders", recipe) as draft:
        write_picture(draft, THUMBNAIL, render_thumbnail(world))


def input_of(store: WorldStore, key: str, stage: Any) -> dict[str, Any]:
    """Return the input of a recipe that is built from a stage."""
    manifest = store.manifest(parse_seed(key), stage)
    assert manifest is not None
    return {stage: manifest.digest}


def files_of(store: WorldStore) -> set[Path]:
    """Return all files of the seeds of a data folder."""
    return set((store.root / "seeds").rglob("*"))
