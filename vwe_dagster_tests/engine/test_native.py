"""Test that the native engine returns the requested layers and rejects unknown ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from vwe_dagster.engine import native
from vwe_dagster.engine.layers import Layer
from vwe_dagster.engine.messages import LINES, PLANES, EngineError, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.kernels.copies import copy_machine_code

SEED = 298112588
GRID = Grid.of_world(96)


def test_layers_equal_those_of_the_terrain_library() -> None:
    export = NativeEngine().generate(WorldRequest(SEED, GRID, layers=(*PLANES, *LINES)))
    terrain = World(SEED).grid(96)
    assert {name: str(plane.dtype) for name, plane in export.planes.items()} == PLANES
    np.testing.assert_array_equal(export.planes["height"], terrain.height)
    np.testing.assert_array_equal(export.planes["forest"], terrain.forest)
    np.testing.assert_array_equal(export.planes["lava"], terrain.lava)
    for biome in Biome:
        np.testing.assert_array_equal(export.planes["biome"] == biome.flag, terrain.biome == biome)


def test_lines_keep_their_ends() -> None:
    export = NativeEngine().generate(WorldRequest(SEED, GRID, layers=LINES))
    waterways = World(SEED).waterways
    assert not export.planes
    for name, lines in (("rivers", waterways.rivers), ("streams", waterways.streams)):
        assert len(export.lines[name]) == len(lines)
        for reported, line in zip(export.lines[name], lines, strict=True):
            points = np.array(reported["points"])
            np.testing.assert_allclose(points[[0, -1]], line[[0, -1]], atol=0.006)
            assert np.hypot(*np.diff(points[:, :2], axis=0).T).max() < 40
    assert len(export.lines["lakes"]) == len(waterways.lakes)


def test_only_requested_layers_are_returned() -> None:
    export = NativeEngine().generate(WorldRequest(SEED, GRID, layers=("height", "lakes")))
    assert set(export.planes) == {"height"}
    assert set(export.lines) == {"lakes"}
    assert export.engine.kind == "native"
    assert sum(export.timings_s.values()) > 0


def test_progress_rises_from_0_to_1() -> None:
    reported: list[tuple[float, str]] = []
    NativeEngine().generate(WorldRequest(SEED, GRID), lambda fraction, phase: reported.append((fraction, phase)))
    fractions = [fraction for fraction, _ in reported]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_a_grid_sampled_in_strips_is_the_same_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    request = WorldRequest(SEED, GRID, layers=(*PLANES, *LINES))
    whole = NativeEngine().generate(request)
    monkeypatch.setattr(native, "STRIP_CELLS", 40 * GRID.size)
    reported: list[tuple[float, str]] = []
    made: dict[str, Layer] = {}
    strips = NativeEngine().generate(request, lambda *step: reported.append(step), made.__setitem__)
    for name, plane in whole.planes.items():
        np.testing.assert_array_equal(strips.planes[name], plane)
        assert made[name] is strips.planes[name]
    assert strips.lines == whole.lines
    assert set(made) == set(request.layers)
    assert [phase for _, phase in reported].count("sampling the terrain") == 1 + 3
    assert reported == sorted(reported, key=lambda step: step[0])


def test_exception_in_progress_stops_the_generation() -> None:
    made: list[str] = []

    def progress(fraction: float, phase: str) -> None:
        if phase == "drawing the other layers":
            raise KeyboardInterrupt(fraction)

    with pytest.raises(KeyboardInterrupt):
        NativeEngine().generate(
            WorldRequest(SEED, GRID, layers=("height",)), progress, lambda name, _: made.append(name)
        )
    assert made == []


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (WorldRequest(SEED, GRID, layers=("height", "gold")), "no layer gold"),
        (WorldRequest(2**31, GRID), "from -2147483648 to 2147483647"),
        (WorldRequest(SEED, GRID, world_gen_version=3), "choose 0, 1 or 2"),
        (WorldRequest(SEED, Grid(96, 100.0, -1000.0)), r"Grid\.of_world"),
    ],
)
def test_invalid_request_is_rejected(request_: WorldRequest, sentence: str) -> None:
    with pytest.raises(EngineError, match=sentence):
        NativeEngine().generate(request_)


@pytest.mark.slow
def test_compiling_is_announced_once(tmp_path: Path) -> None:
    """Only the first world on a machine, which compiles for half a minute, announces it."""
    code = (
        "from vwe_dagster.engine.messages import WorldRequest\n"
        "from vwe_dagster.engine.native import NativeEngine\n"
        "from vwe_dagster.world.grid import Grid\n"
        "NativeEngine().generate(WorldRequest(1, Grid.of_world(64)), lambda fraction, phase: print(phase))\n"
    )
    NativeEngine().warm()
    # Only one kernel is compiled here: all of them take as long as dozens of other tests.
    copy_machine_code(tmp_path / "vwe" / "kernels", leave_out="height_rows.fill_heights*")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    reported_phases = [
        subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    assert "compiling the terrain kernels" in reported_phases[0]
    assert "compiling" not in reported_phases[1]
    assert "sampling the terrain" in reported_phases[1]
