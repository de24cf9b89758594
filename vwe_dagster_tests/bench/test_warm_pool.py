"""The benchmark of pools: its figures, its check of the worlds, and its cleanup."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from vwe_dagster.bench import warm_pool as bench
from vwe_dagster.bench.chart import draw_chart
from vwe_dagster.bench.engine import SEED
from vwe_dagster.bench.figures import BenchError, report
from vwe_dagster.engine.messages import Progress, WorldExport, WorldRequest, no_progress
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster.worldgen.digest import terrain_digest

pytestmark = pytest.mark.slow

SETTINGS = PoolSettings(max_warm_containers=2, base_image="vwe-no-such-image", min_free_disk_gb=0)


@pytest.fixture(autouse=True)
def temporary(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Use a folder with a short path for temporary files, because the paths of sockets are limited."""
    # Pytest chooses its own folder on first use; it must not be in this one, which is removed after the test.
    tmp_path_factory.getbasetemp()
    with tempfile.TemporaryDirectory(prefix="vwe-test-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        monkeypatch.setattr(bench, "COLD_ROUNDS", 1)
        monkeypatch.setattr(bench, "EMPTY_LEASES", 3)
        yield Path(folder)


@pytest.fixture(scope="module")
def figures() -> bench.PoolBench:
    """Return invented results of a benchmark."""
    one = bench.PoolFigures(
        launcher="process",
        engines=2,
        ready_s=[1.0],
        cold_world_s=[2.0, 2.2, 2.1],
        first_world_s=[0.5],
        warm_world_s=[0.35, 0.34, 0.4],
        overhead_ms=[30.0, 12.5],
        one_engine_s=[0.36],
        all_engines_s=[0.3],
        acquire_ms=[0.7],
        leases_per_s=[1234.5],
        leases_per_s_of_callers=[900.0],
    )
    other = dataclasses.replace(one, launcher="docker", cold_world_s=[3.0])
    return bench.PoolBench(2048, [1, 2, 3], [0.33, 0.32, 0.34], [one, other], {})


def test_processes_are_measured_and_containers_without_an_image_are_skipped(temporary: Path) -> None:
    announced: list[str] = []
    # Commands in other tests of this process may have left warm engines.
    before = set(psutil.Process().children())
    measured = bench.bench_pool(SETTINGS, ["process", "docker"], announced.append, size=64, seeds=(1, 2, 3))
    (of_processes,) = measured.launchers
    assert of_processes.launcher == "process"
    counts = {field: len(value) for field, value in vars(of_processes).items() if isinstance(value, list)}
    assert counts.pop("warm_world_s") == counts.pop("overhead_ms") == 3
    assert counts.pop("acquire_ms") == 3
    assert set(counts.values()) == {1}
    (whole,), (ready,), (first,) = of_processes.cold_world_s, of_processes.ready_s, of_processes.first_world_s
    assert whole > ready + first
    assert list(measured.skipped) == ["docker"]
    assert measured.skipped["docker"].startswith("Engines as containers are skipped: ")
    assert any("engine in this process" in phase for phase in announced)
    assert [path for path in temporary.rglob("*") if not path.is_dir()] == list(temporary.glob("vwe-bench-*")) == []
    started = set(psutil.Process().children()) - before
    living = [child for child in started if child.status() != psutil.STATUS_ZOMBIE]
    assert not [child for child in living if "vwe_dagster.engine" in child.cmdline()]


def test_only_requested_launcher_is_not_skipped() -> None:
    with pytest.raises(BenchError, match="Engines do not start"):
        bench.bench_pool(SETTINGS, ["docker"], lambda _: None, size=64, seeds=(1, 2, 3))


def test_wrong_world_from_the_pool_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    generate = EnginePool.generate

    def generate_wrongly(self: EnginePool, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        export = generate(self, request, progress)
        height = np.copy(export.planes["height"])
        height[3, 4] += 1
        return dataclasses.replace(export, planes={**export.planes, "height": height})

    monkeypatch.setattr(EnginePool, "generate", generate_wrongly)
    with pytest.raises(BenchError, match="The pool returned another world for @1"):
        bench.bench_pool(SETTINGS, ["process"], lambda _: None, size=64, seeds=(1, 2, 3))


def test_digest_of_an_export_is_that_of_its_terrain() -> None:
    export = NativeEngine().generate(WorldRequest(SEED, Grid.of_world(64)))
    assert bench._digest_of_game(export) == terrain_digest(World(SEED).grid(64))  # noqa: SLF001


def test_report_has_every_value(figures: bench.PoolBench) -> None:
    document = json.loads(report(figures))
    assert document.pop("machine").keys() == {"cpus", "platform", "python"}
    assert document == dataclasses.asdict(figures)


def test_table_shows_least_median_and_greatest(figures: bench.PoolBench) -> None:
    rows = {row[0]: row[1:] for row in figures.launchers[0].rows(figures.in_process_s)}
    assert rows["world, cold: start, generate, stop (s)"] == ("2", "2.1", "2.2")
    assert rows["world, engine in this process (s)"] == ("0.32", "0.33", "0.34")
    assert rows["empty leases per second, 1 caller"] == ("1234", "1234", "1234")


def test_chart_has_a_bar_for_each_kind_of_engine(figures: bench.PoolBench, tmp_path: Path) -> None:
    draw_chart(figures, tmp_path / "both.png")
    draw_chart(dataclasses.replace(figures, launchers=figures.launchers[:1]), tmp_path / "one.png")
    with Image.open(tmp_path / "both.png") as both, Image.open(tmp_path / "one.png") as one:
        assert both.width == one.width
        assert both.height > one.height


def test_chart_of_an_unsupported_type_is_rejected(figures: bench.PoolBench, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"Choose a name that ends in \.png"):
        draw_chart(figures, tmp_path / "chart.pong")
