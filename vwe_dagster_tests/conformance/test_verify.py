"""Verification of engines: a correct one passes, and every kind of fault is found and reported."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from vwe_dagster.cli.commands.common import InputError
from vwe_dagster.conformance.compare import differences, differing_cells
from vwe_dagster.conformance.picture import SEEN_PIXELS, difference_picture
from vwe_dagster.conformance.report import Report, sentences
from vwe_dagster.conformance.verify import SEEDS, Verification, requests_of, verify
from vwe_dagster.engine.messages import EngineError, Line, Progress, WorldExport, WorldRequest, no_progress
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.pool.last_verification import read_last_verification
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.grid import Grid

pytestmark = pytest.mark.slow

GRID = Grid.of_world(64)
REQUESTS = requests_of(SEEDS, GRID, 2, NativeEngine.capabilities)
Planes = Mapping[str, Any]
Change = Callable[[WorldExport, int], WorldExport]


@pytest.fixture(scope="module", autouse=True)
def _worlds_generated_once() -> Iterator[None]:
    """Generate each world once in this process: these tests depend on the comparison of worlds only."""
    generate, worlds = NativeEngine.generate, dict[WorldRequest, WorldExport]()

    def remembered(engine: NativeEngine, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        if request not in worlds:
            worlds[request] = generate(engine, request, progress)
        progress(1.0, "done")
        return worlds[request]

    with mock.patch.object(NativeEngine, "generate", remembered):
        yield


def engine(change: Change) -> Callable[[WorldRequest, Progress], WorldExport]:
    """Return an engine whose worlds pass through ``change``, which receives the number of earlier worlds."""
    generated: list[WorldExport] = []

    def generate(request: WorldRequest, progress: Progress) -> WorldExport:
        export = NativeEngine().generate(request, progress)
        generated.append(export)
        return change(export, len(generated) - 1)

    return generate


def with_bit_changed(export: WorldExport, layer: str, row: int, column: int) -> WorldExport:
    plane = export.planes[layer].copy()
    plane.view(f"u{plane.dtype.itemsize}")[row, column] ^= 1
    return dataclasses.replace(export, planes={**export.planes, layer: plane})


def verification_of(change: Change) -> Verification:
    return verify(engine(change), REQUESTS)


def test_correct_engine_passes() -> None:
    steps: list[float] = []
    outcome = verify(engine(lambda export, _: export), REQUESTS, progress=lambda done, _: steps.append(done))
    assert outcome.passed
    assert [world.seed for world in outcome.worlds] == list(SEEDS)
    assert set(outcome.worlds[0].digests) == set(REQUESTS[0].layers)
    assert steps == sorted(steps)
    assert 0 <= steps[0] < steps[-1] <= 1
    (sentence,) = sentences(outcome)
    assert sentence.endswith("bit for bit and repeatably.")


@settings(max_examples=20)
@given(layer=st.sampled_from(["biome", "height", "lava", "forest"]), row=st.integers(0, 63), column=st.integers(0, 63))
def test_single_differing_bit_is_found_with_its_place(layer: str, row: int, column: int) -> None:
    native = NativeEngine().generate(REQUESTS[0])
    (found,) = differences(with_bit_changed(native, layer, row, column), native)
    assert (found.layer, found.differing, found.of) == (layer, 1, 64 * 64)
    (biome,) = found.biomes
    flag = int(native.planes["biome"][row, column])
    assert biome.biome == next(each.game_name for each in Biome if each.flag == flag and each is not Biome.NONE)
    assert found.largest is not None
    meters = GRID.coordinates()
    assert (found.largest.x_m, found.largest.z_m) == (meters[column], meters[row])
    assert found.largest.native == native.planes[layer][row, column]


def test_differing_bit_of_the_second_world_fails_the_engine() -> None:
    outcome = verification_of(
        lambda export, number: with_bit_changed(export, "height", 40, 30) if number == 1 else export
    )
    assert not outcome.passed
    assert outcome.changed == ()
    assert not outcome.worlds[0].differences
    lines = sentences(outcome)
    assert f"World {SEEDS[1]}, height: 1 of 4,096 cells" in lines[1]
    assert any("1 cells, by " in line for line in lines)


def test_engine_that_does_not_generate_the_same_world_twice_fails() -> None:
    outcome = verification_of(lambda export, number: with_bit_changed(export, "biome", 1, 1) if number == 2 else export)
    assert not outcome.passed
    assert outcome.changed == ("biome",)
    assert "differed when it was generated again: biome" in sentences(outcome)[1]


@pytest.mark.parametrize("missing", [0, 7, -1])
def test_missing_and_differing_lines_are_counted(missing: int) -> None:
    native = NativeEngine().generate(REQUESTS[0])
    lakes: list[Line] = list(native.lines["lakes"])
    del lakes[missing]
    (found,) = differences(dataclasses.replace(native, lines={**native.lines, "lakes": lakes}), native)
    assert (found.layer, found.differing, found.of) == ("lakes", 1, len(native.lines["lakes"]))
    lakes.insert(missing % len(native.lines["lakes"]), {"kind": "lake", "points": [[0, 0, 0]]})
    (found,) = differences(dataclasses.replace(native, lines={**native.lines, "lakes": lakes}), native)
    assert found.differing == 1


def test_plane_of_another_dtype_differs_in_every_cell() -> None:
    def doubled(export: WorldExport, _: int) -> WorldExport:
        planes = {**export.planes, "height": export.planes["height"].astype(np.float64)}
        return dataclasses.replace(export, planes=planes)

    assert "height: 4,096 of 4,096 cells (1) differ." in sentences(verification_of(doubled))[1]


def test_layers_that_the_engine_does_not_offer_are_reported() -> None:
    requests = [dataclasses.replace(each, layers=("biome", "height", "rivers")) for each in REQUESTS]
    outcome = verify(engine(lambda export, _: export), requests)
    assert outcome.passed
    assert (
        sentences(outcome)[1]
        == "It does not offer forest, lava, streams, lakes, locations, so these were not compared."
    )


@pytest.mark.parametrize(("layers", "missing"), [((), "no biome and no height"), (("biome", "lava"), "no height")])
def test_engine_without_biomes_or_heights_fails(layers: tuple[str, ...], missing: str) -> None:
    outcome = verify(engine(lambda export, _: export), [dataclasses.replace(each, layers=layers) for each in REQUESTS])
    assert not outcome.passed
    assert f"it has {missing}." in sentences(outcome)[0]


def test_verification_needs_two_seeds() -> None:
    with pytest.raises(ValueError, match="at least two seeds"):
        verify(engine(lambda export, _: export), [REQUESTS[0], REQUESTS[0]])


def test_layer_that_only_the_engine_has_must_repeat() -> None:
    number = 0

    def with_paths(request: WorldRequest, progress: Progress) -> WorldExport:
        nonlocal number
        number += 1
        known = tuple(layer for layer in request.layers if layer != "paths")
        export = NativeEngine().generate(dataclasses.replace(request, layers=known), progress)
        return dataclasses.replace(export, request=request, lines={**export.lines, "paths": [{"at": number // 3}]})

    requests = [dataclasses.replace(each, layers=(*each.layers, "paths")) for each in REQUESTS]
    outcome = verify(with_paths, requests)
    assert [world.not_compared for world in outcome.worlds] == [("paths",)] * 2
    assert outcome.changed == ("paths",)
    assert sentences(outcome)[0] == "The engine native 1.0 does not generate the same world twice."


def test_nan_differs_by_infinity() -> None:
    native = NativeEngine().generate(REQUESTS[0])
    height = native.planes["height"].copy()
    height[32, 32] = np.nan
    (found,) = differences(dataclasses.replace(native, planes={**native.planes, "height": height}), native)
    assert found.biomes[0].largest == np.inf


def test_pool_shows_the_report_and_keeps_its_picture(tmp_path: Path) -> None:
    report = Report()
    outcome = verify(
        engine(lambda export, _: with_bit_changed(export, "height", 10, 50)), REQUESTS, on_world=report.add_world
    )
    report.write(tmp_path / "verification", outcome)
    document = json.loads((tmp_path / "verification" / "report.json").read_text())
    assert document["passed"] is False
    assert document["worlds"][0]["differences"][0]["layer"] == "height"
    verified = read_last_verification(tmp_path)
    assert verified is not None
    assert (verified.passed, verified.sentence) == (False, sentences(outcome)[0])
    with Image.open(tmp_path / "verification" / f"{SEEDS[0]}-height.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    red = pixels[..., 0] > pixels[..., 1] + 100
    rows, columns = np.nonzero(red)
    assert (rows.mean(), columns.mean(), red.sum()) == (63 - 10, 50, SEEN_PIXELS**2)
    Report().write(tmp_path / "verification", verification_of(lambda export, _: export))
    assert [path.name for path in (tmp_path / "verification").iterdir()] == ["report.json"]


def test_failed_verification_replaces_one_that_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vwe_dagster.cli.commands import engine as commands  # noqa: PLC0415

    class Lease:
        def status(self) -> SimpleNamespace:
            return SimpleNamespace(capabilities=NativeEngine.capabilities)

        def generate(self, _request: WorldRequest, _progress: Progress) -> WorldExport:
            raise EngineError("The world could not be generated: the switch failed.")

    @contextlib.contextmanager
    def leased(**_: str) -> Iterator[Lease]:
        yield Lease()

    @contextlib.contextmanager
    def opened(_: str | None, *, new: bool) -> Iterator[SimpleNamespace]:
        assert new
        yield SimpleNamespace(folder=tmp_path, lease=leased)

    monkeypatch.setattr(commands, "open_named", opened)
    Report().write(tmp_path / "verification", verification_of(lambda export, _: export))
    with pytest.raises(InputError, match="not support world-gen version 9"):
        commands.verify(size=64, world_gen_version=9)
    assert (read_last_verification(tmp_path) or pytest.fail("no trial")).passed
    with pytest.raises(EngineError):
        commands.verify(size=64, world_gen_version=2)
    verified = read_last_verification(tmp_path)
    assert verified is not None
    assert not verified.passed
    assert verified.sentence.endswith("The world could not be generated: the switch failed.")


def test_pool_without_a_verification_shows_none(tmp_path: Path) -> None:
    assert read_last_verification(tmp_path) is None
    (tmp_path / "verification").mkdir()
    (tmp_path / "verification" / "report.json").write_text("{")
    assert read_last_verification(tmp_path) is None


def test_picture_has_north_at_the_top() -> None:
    flags = np.full((64, 64), Biome.MEADOWS.flag, np.uint16)
    differing = np.zeros((64, 64), np.bool_)
    differing[60, 5] = True
    red = np.asarray(difference_picture(flags, differing))[..., 1] < 50
    assert red[3, 5]
    assert not red[60, 5]


def test_planes_are_compared_by_their_bits() -> None:
    zeros = np.zeros((2, 2), np.float32)
    assert differing_cells(zeros, -zeros).all()
    nans = np.full((2, 2), np.nan, np.float32)
    assert not differing_cells(nans, nans).any()


def test_command_verifies_an_engine_of_the_pool(tmp_path: Path) -> None:
    from vwe_dagster_tests.command import Vwe  # noqa: PLC0415

    vwe = Vwe(tmp_path)
    try:
        done = vwe.call("engine", "verify", "--size", "64")
        assert done.returncode == 0, done.stderr
        assert "bit for bit and repeatably." in done.stdout
        status = json.loads(vwe.call("pool", "status", "--json").stdout)
        assert status["verified"]["passed"] is True
        one = vwe.call("engine", "verify", "onlyone")
        assert (one.returncode, one.stderr.strip()) == (
            2,
            "Verification needs two different seeds, not 1; name two, or none.",
        )
    finally:
        vwe.call("pool", "drain")


LANDMARKS_OF_TWO = [dataclasses.replace(each, layers=("biome", "height", "landmarks")) for each in REQUESTS]


def test_order_and_built_state_of_locations_are_not_compared() -> None:
    def as_the_game_reports(export: WorldExport, _: int) -> WorldExport:
        places: list[Line] = [{**line, "placed": True} for line in export.lines["landmarks"]]
        places.sort(key=lambda line: (str(line["prefab"]), str(line["x_m"])))
        return dataclasses.replace(export, lines={**export.lines, "landmarks": places})

    assert verify(engine(as_the_game_reports), LANDMARKS_OF_TWO).passed


def test_differing_locations_are_reported_by_type(tmp_path: Path) -> None:
    def moved(export: WorldExport, number: int) -> WorldExport:
        places: list[dict[str, Any]] = [dict(line) for line in export.lines["landmarks"]]
        temple, *altars = (line for line in places if line["prefab"] in {"StartTemple", "Eikthyrnir"})
        if number == 1:
            temple["y_m"] = float(np.nextafter(np.float32(temple["y_m"]), np.float32(np.inf)))
            altars[0]["x_m"] += 30.0
            altars[0]["z_m"] -= 40.0
            altars[1]["x_m"] += 10.0
            places = [line for line in places if line["prefab"] != "DN_Bossroom"]
        return dataclasses.replace(export, lines={**export.lines, "landmarks": [*places]})

    report = Report()
    outcome = verify(engine(moved), LANDMARKS_OF_TWO, on_world=report.add_world)
    assert not outcome.passed
    assert not outcome.worlds[0].differences
    assert sentences(outcome)[-4:] == [
        f"World {SEEDS[1]}, landmarks: 6 of 518 locations (0.012) differ.",
        "  DN_Bossroom: 3 differ: 0 instead of 3.",
        "  Eikthyrnir: 2 of 3 differ, 50 m apart at most, 30 m on average.",
        "  StartTemple: 1 of 1 differ, 3.81e-06 m apart at most, 3.81e-06 m on average.",
    ]
    report.write(tmp_path / "verification", outcome)
    (landmarks,) = json.loads((tmp_path / "verification" / "report.json").read_text())["worlds"][1]["differences"]
    assert landmarks["types"][0] == {
        "prefab": "DN_Bossroom",
        "differing": 3,
        "engine": 0,
        "native": 3,
        "farthest_m": None,
        "mean_m": None,
    }


def test_locations_of_versions_that_the_native_engine_cannot_place_are_not_compared() -> None:
    places: list[Line] = [{"kind": "location", "prefab": "StartTemple"}]

    def old(request: WorldRequest, progress: Progress) -> WorldExport:
        export = NativeEngine().generate(dataclasses.replace(request, layers=("biome", "height")), progress)
        return dataclasses.replace(export, request=request, lines={"locations": places})

    requests = [WorldRequest(seed, GRID, 1, ("biome", "height", "locations")) for seed in SEEDS]
    outcome = verify(old, requests)
    assert outcome.passed
    assert [world.not_compared for world in outcome.worlds] == [("locations",)] * 2
