"""The poster: size, contents and text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from vwe_dagster.analysis.world import analyze
from vwe_dagster.rendering import palette, poster
from vwe_dagster.rendering.poster import POSTER_WIDTH, Paper, PosterText, compass_point, render_poster
from vwe_dagster.rendering.sheet import Sheet
from vwe_dagster.world.biomes import Biome
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.worlds import PLATEAUS, plateau_world

pytestmark = pytest.mark.slow

TEXT = PosterText("Plateaus", 7)
SHADE = 25
"""How much the paper darkens colors."""


@pytest.fixture(scope="module")
def world() -> CanonicalWorld:
    return plateau_world(Grid.of_world(256))


@pytest.fixture(scope="module")
def picture(world: CanonicalWorld) -> Image.Image:
    return render_poster(world, TEXT, analysis=analyze(world))


def test_poster_is_large_enough_to_print(picture: Image.Image) -> None:
    assert (picture.mode, picture.size) == ("RGB", Paper.CM_30X40.size)
    assert min(picture.size) >= 4096


@pytest.mark.parametrize(
    ("paper", "ratio"), [(Paper.CM_30X40, 3 / 4), (Paper.A2, 0.5**0.5), (Paper.TWO_TO_THREE, 2 / 3)]
)
def test_poster_has_the_shape_of_its_paper(paper: Paper, ratio: float) -> None:
    width, height = paper.size
    assert width == POSTER_WIDTH
    assert width / height == pytest.approx(ratio, abs=2e-4)
    assert 240 < paper.dpi < 350


@pytest.mark.parametrize("biome", [Biome.MEADOWS, Biome.ASHLANDS, Biome.DEEP_NORTH, Biome.PLAINS])
def test_map_is_inside_its_frame(biome: Biome, picture: Image.Image) -> None:
    x_m, z_m = PLATEAUS[biome]
    column, row = 4096 / 2 + x_m / 6, 2 * (292 + 1832 / 2) - z_m / 6
    around = np.asarray(picture.crop((int(column) - 60, int(row) - 60, int(column) + 60, int(row) + 60)))
    shown = np.median(around.reshape(-1, 3), axis=0)
    np.testing.assert_allclose(shown, palette.BIOME_COLORS[biome], atol=SHADE)


def test_same_world_has_the_same_pixels_after_other_drawings(world: CanonicalWorld, picture: Image.Image) -> None:
    again = render_poster(world, TEXT, analysis=analyze(world))
    np.testing.assert_array_equal(np.asarray(again), np.asarray(picture))


def test_world_of_ocean_alone_has_a_poster(monkeypatch: pytest.MonkeyPatch) -> None:
    lettered: list[str] = []
    letter = Sheet.letter

    def note(sheet: Sheet, at: tuple[float, float], text: str, size: float, **manner: Any) -> None:
        lettered.append(text)
        letter(sheet, at, text, size, **manner)

    monkeypatch.setattr(Sheet, "letter", note)
    monkeypatch.setattr(poster, "print_on_paper", lambda picture: picture)
    grid = Grid.of_world(64)
    plane = np.zeros((64, 64), dtype=np.float32)
    ocean = CanonicalWorld(grid, np.full((64, 64), Biome.OCEAN, dtype=np.uint8), plane, plane)
    drawn = render_poster(
        ocean,
        PosterText("W" * 32, -5, "fctz8nm", ("Valheim 1.0", "VWE 2")),
        analysis=analyze(ocean),
        paper=Paper.A2,
    )
    assert drawn.size == Paper.A2.size
    assert "THE TENTH WORLD \N{MIDDLE DOT} SEED NUMBER -5 \N{MIDDLE DOT} IN THE GAME fctz8nm" in lettered
    assert "Valheim 1.0 \N{MIDDLE DOT} VWE 2" in lettered
    assert {"0", "islands".upper(), "100.0 %", "W" * 32} <= set(lettered)
    assert not {"START ISLAND", "HIGHEST PEAK", "Rivers"} & set(lettered)


@pytest.mark.parametrize(
    ("bearing_deg", "point"), [(0, "N"), (22, "N"), (23, "NE"), (90, "E"), (200, "S"), (315, "NW"), (359, "N")]
)
def test_bearing_is_shown_as_the_nearest_compass_point(bearing_deg: float, point: str) -> None:
    assert compass_point(bearing_deg) == point
