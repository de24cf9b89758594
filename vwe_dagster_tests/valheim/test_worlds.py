"""The worlds of the plugin in the stand-in game, whose terrain the tests compute, too."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vwe_dagster.conformance.verify import verify
from vwe_dagster.engine.client import EngineClient, JobTerms, run_job
from vwe_dagster.engine.messages import LINES, LOCATIONS, PLANES, WorldExport, WorldRequest
from vwe_dagster.engine.protocol import JobState
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.engine.engines import a_job
from vwe_dagster_tests.valheim.stand_in import PlayedEngine, running_plugin
from vwe_dagster_tests.valheim.terrain import stand_in_world

BOOT_SEED = 4711
LAYERS = (*PLANES, *LINES, LOCATIONS)
WARM, SEEDS = 10, 50
GROWTH_BYTES, GROWTH = 8 * 2**20, 5

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def engine(plugin: Path) -> Iterator[PlayedEngine]:
    """Yield a game that offers all layers."""
    with running_plugin(plugin, ENGINE_LOCATIONS="regenerate", ENGINE_NAME="slot-3") as engine:
        yield engine


@pytest.fixture(scope="module")
def client(engine: PlayedEngine) -> Iterator[EngineClient]:
    with engine.client() as client:
        client.claim(1)
        yield client


def world(client: EngineClient, request: WorldRequest) -> WorldExport:
    return run_job(client, request, JobTerms(token=1, job_id=f"world-{next(_NUMBERS)}", deadline_s=60))


def assert_same(export: WorldExport, expected: WorldExport) -> None:
    assert export.engine == expected.engine
    assert {*export.planes, *export.lines} == {*expected.planes, *expected.lines}
    for name, plane in expected.planes.items():
        assert export.planes[name].dtype == plane.dtype
        np.testing.assert_array_equal(export.planes[name], plane)
    assert export.lines == expected.lines


@given(
    seed=st.integers(-(2**31), 2**31 - 1),
    size=st.integers(64, 200),
    version=st.integers(0, 2),
    layers=st.lists(st.sampled_from(LAYERS), min_size=1, unique=True),
)
@settings(max_examples=30, derandomize=True, database=None)
def test_any_world_equals_the_games_own_bit_for_bit(
    client: EngineClient, seed: int, size: int, version: int, layers: list[str]
) -> None:
    request = WorldRequest(seed, Grid.of_world(size), version, tuple(layers))
    assert_same(world(client, request), stand_in_world(request))


def test_all_layers_of_a_world_are_the_same_a_second_time(client: EngineClient) -> None:
    one, other = (WorldRequest(seed, Grid.of_world(512), layers=LAYERS) for seed in (-1772362158, 99))
    for request in (one, other, one):
        assert_same(world(client, request), stand_in_world(request))


def test_points_of_rivers_are_read_once_per_world(client: EngineClient, engine: PlayedEngine) -> None:
    before = engine.log.read_text().count("reading points of rivers")
    for layers, readings in ((LINES, 1), (("lakes",), 1), (("streams",), 2)):
        world(client, WorldRequest(1, Grid.of_world(64), layers=layers))
        assert engine.log.read_text().count("reading points of rivers") - before == readings


def test_rows_of_zeros_are_not_sent(client: EngineClient) -> None:
    job = a_job(1, size=256, layers=("lava", "height"))
    status = client.start(job)
    while status.state is JobState.RUNNING:
        status = client.job(job.job_id, wait_s=30, seen=status.seen)
    lava, height = status.layers
    assert (lava.name, height.name) == ("lava", "height")
    assert 0 < lava.offset < lava.bytes + lava.offset < 256 * 256 * 4
    assert lava.offset % (256 * 4) == lava.bytes % (256 * 4) == 0
    assert (height.offset, height.bytes) == (0, 256 * 256 * 4)


def test_reset_restores_the_first_world(client: EngineClient) -> None:
    world(client, WorldRequest(5, Grid.of_world(64), layers=("height",)))
    assert client.reset(1).job_id is None
    boot = WorldRequest(BOOT_SEED, Grid.of_world(64), layers=LAYERS)
    assert_same(world(client, boot), stand_in_world(boot))


def test_fifty_seeds_in_a_row_leak_nothing(client: EngineClient, engine: PlayedEngine) -> None:
    facts = Path("/proc") / str(engine.process.pid)
    threads, handles, memory = [], [], []
    for seed in range(SEEDS):
        request = WorldRequest(seed, Grid.of_world(128), layers=LAYERS)
        assert world(client, request).planes["height"].any()
        memory.append(client.reset(1).memory_bytes)
        threads.append(len(list((facts / "task").iterdir())))
        handles.append(len(list((facts / "fd").iterdir())))
    assert max(memory[-WARM:]) - max(memory[:WARM]) < GROWTH_BYTES, memory
    # The runtime's own pool of threads may still grow by some; a leak would be one per seed.
    assert max(threads[-WARM:]) - max(threads[:WARM]) < GROWTH, threads
    assert max(handles[-WARM:]) - max(handles[:WARM]) < GROWTH, handles


def test_status_describes_the_game(client: EngineClient, plugin: Path) -> None:
    status = client.status()
    assert (status.kind, status.version, status.game_version, status.name) == (
        "valheim",
        "0.1.0",
        "1.0.0-stand-in",
        "slot-3",
    )
    game = status.game
    assert game is not None
    assert game.assembly_sha256 == hashlib.sha256((plugin / "host/assembly_valheim.dll").read_bytes()).hexdigest()
    assert [(one.guid, one.version) for one in game.plugins] == [("vwe.engine", "0.1.0")]
    assert (game.unity_version, game.loader_version, game.missing) == ("6000.0.0-stand-in", "5.4.0.0", ())
    assert [layer.name for layer in status.capabilities.layers] == list(LAYERS)
    assert status.capabilities.world_gen_versions == (0, 1, 2)


def test_verification_of_a_server_reports_its_locations_by_type(client: EngineClient) -> None:
    requests = [WorldRequest(seed, Grid.of_world(64), layers=("biome", LOCATIONS)) for seed in (7, 8)]
    outcome = verify(lambda request, _: world(client, request), requests)
    assert outcome.changed == ()
    for verdict in outcome.worlds:
        assert verdict.not_compared == ()
        (locations,) = [difference for difference in verdict.differences if difference.layer == LOCATIONS]
        counts = {each.prefab: (each.engine, each.native, each.differing) for each in locations.types}
        assert counts["StartTemple"] == (1, 1, 1)
        assert counts["Vendor_BlackForest"] == (2, 10, 10)
        assert counts["Crypt4"][0] == 0
        assert locations.of == sum(native for _, native, _ in counts.values())
        assert all((each.farthest_m is None) == (each.engine == 0) for each in locations.types)
