"""The size of pictures depends on the grid, and their text is legible and without overlaps at every size."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from vwe_dagster.analysis.places import place_table
from vwe_dagster.analysis.world import WorldAnalysis, analyze
from vwe_dagster.locations.kinds import LocationGroup, kinds_by_prefab
from vwe_dagster.rendering import lettering
from vwe_dagster.rendering.free_space import Box
from vwe_dagster.rendering.picture_size import MAX_PIXELS, MIN_PIXELS, PictureSize
from vwe_dagster.rendering.pictures import pictures
from vwe_dagster.rendering.sheet import MARGIN
from vwe_dagster.rendering.view import MAP_PIXELS
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import MAP_WIDTH_M, Grid
from vwe_dagster_tests.worlds import plateau_world

SIZES = (64, 100, 128, 255, 256, 333)


def analyzed(grid: Grid) -> tuple[CanonicalWorld, WorldAnalysis]:
    world = plateau_world(grid)
    return world, analyze(world)


@pytest.mark.parametrize(
    ("grid", "pixels"),
    [
        (Grid.of_world(64), 256),
        (Grid.of_world(128), 512),
        (Grid.of_world(333), 1332),
        (Grid.of_world(512), 2048),
        (Grid.of_world(2048), 2048),
        (Grid.of_world(4096), 2048),
        (Grid(256, 78.125, -10_000.0), 1260),
        (Grid(10, 5000.0, -22_500.0), MIN_PIXELS),
    ],
)
def test_cell_has_four_pixels_until_the_map_has_full_size(grid: Grid, pixels: int) -> None:
    assert PictureSize.of_grid(grid).pixels == pixels


def test_a_requested_size_replaces_that_of_the_grid() -> None:
    assert PictureSize.of_grid(Grid.of_world(64), 2048) == PictureSize(MAP_PIXELS)


@pytest.mark.parametrize("pixels", [MIN_PIXELS - 1, MAX_PIXELS + 1])
def test_a_size_out_of_range_is_rejected(pixels: int) -> None:
    with pytest.raises(ValueError, match="256 to 4096"):
        PictureSize.of_grid(Grid.of_world(64), pixels)


@pytest.mark.parametrize("pixels", range(MIN_PIXELS, MAX_PIXELS, 77))
def test_units_times_scale_equal_the_pixels(pixels: int) -> None:
    size = PictureSize(pixels)
    assert size.view.pixels * size.scale == pixels
    assert size.ground.pixel_m == pytest.approx(MAP_WIDTH_M / pixels)


@pytest.mark.slow
@pytest.mark.parametrize("cells", SIZES)
def test_sheets_of_small_grids_are_small(cells: int) -> None:
    world, analysis = analyzed(Grid.of_world(cells))
    drawn = {name: draw() for name, draw in pictures(world, analysis, "Plateaus").items()}
    for name in ("map.png", "biomes.png", "heights.png"):
        width, height = drawn[name].size
        assert 4 * cells < height <= max(4 * cells + 2 * MARGIN, 450)
        assert 4 * cells < width <= 4 * cells + 2 * MARGIN + 300
    assert drawn["relief.png"].width <= max(880, 4 * cells)


@pytest.mark.slow
@pytest.mark.parametrize("has_places", [False, True])
@pytest.mark.parametrize("cells", [*SIZES, 512])
def test_no_text_is_too_small_leaves_the_picture_or_covers_other_text(
    cells: int, has_places: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, analysis = analyzed(Grid.of_world(cells))
    if has_places:
        analysis = dataclasses.replace(analysis, places=scattered_places())
    for name, draw in pictures(world, analysis, "HHcLC5acQt").items():
        lettered = recorded(monkeypatch)
        picture = draw()
        for text, (left, top, right, bottom) in lettered:
            assert bottom - top >= 7, (name, text)
            assert min(left, top) >= 0, (name, text)
            assert right <= picture.width, (name, text)
            assert bottom <= picture.height, (name, text)
        for (one, box), (other, beside) in itertools.combinations(lettered, 2):
            assert not overlap(box, beside), (name, one, other)


def scattered_places() -> pd.DataFrame:
    """Return six places of every boss and trader type and the start, all over the world."""
    random = np.random.default_rng(3)
    groups = (LocationGroup.BOSS, LocationGroup.TRADER)
    marked = [prefab for prefab, kind in kinds_by_prefab().items() if kind.group in groups]
    prefabs = ["StartTemple", *(prefab for prefab in marked for _ in range(6))]
    meters = random.uniform(-7000, 7000, (len(prefabs), 2)) * (np.arange(len(prefabs)) > 0)[:, None]
    columns = {"prefab": prefabs, "x_m": meters[:, 0], "y_m": 30.0, "z_m": meters[:, 1], "placed": False}
    return place_table(pd.DataFrame(columns))


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Box]]:
    """Record each text that is drawn from now on, and the pixels that it covers."""
    texts: list[tuple[str, Box]] = []
    monkeypatch.undo()
    letter = lettering.letter

    def note(image: Image.Image, at: tuple[float, float], text: str, size: float, **manner: Any) -> None:
        blank = Image.new("RGB", image.size)
        letter(blank, at, text, size, **{**manner, "halo": None, "color": (255, 255, 255)})
        box = blank.getbbox()
        if box is not None:
            texts.append((text, box))
        letter(image, at, text, size, **manner)

    monkeypatch.setattr(lettering, "letter", note)
    return texts


def overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
