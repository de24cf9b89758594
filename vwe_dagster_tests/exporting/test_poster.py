"""The poster as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vwe_dagster.exporting.formats import PAPERS
from vwe_dagster.exporting.source import ExportSource
from vwe_dagster.rendering.poster import Paper, PosterText
from vwe_dagster.site import poster_file
from vwe_dagster.store import WorldStore
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid
from vwe_dagster_tests.exporting.exports import write
from vwe_dagster_tests.worlds import publish_imported

SMALL = Image.new("RGB", (64, 64), (10, 20, 30))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[CanonicalWorld]:
    """Return the worlds passed to a replaced poster function; the real one takes seconds and has tests of its own."""
    worlds: list[CanonicalWorld] = []

    def draw(world: CanonicalWorld, text: PosterText, *, analysis: object, paper: Paper) -> Image.Image:
        assert text.title
        assert text.versions[-1].startswith("VWE ")
        assert (text.typed_in_game is not None) == text.title.startswith("@")
        assert analysis is not None
        assert paper in Paper
        worlds.append(world)
        return SMALL

    monkeypatch.setattr(poster_file, "render_poster", draw)
    monkeypatch.setattr(poster_file, "MAP_CELLS", 256)
    return worlds


@pytest.mark.parametrize(("paper", "width_inches"), [(None, 30 / 2.54), ("a2", 42 / 2.54), ("2x3", 40 / 2.54)])
def test_poster_has_the_resolution_for_its_paper(
    paper: str | None, width_inches: float, source: ExportSource, drawn: list[CanonicalWorld], tmp_path: Path
) -> None:
    with Image.open(write(tmp_path / "poster.png", "poster", source, paper=paper)) as picture:
        assert picture.info["dpi"] == pytest.approx((4096 / width_inches,) * 2, abs=0.02)
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(SMALL))
    assert len(drawn) == 1


def test_command_offers_every_paper() -> None:
    assert list(PAPERS) == list(Paper)


def test_native_world_is_drawn_from_finer_samples(
    source: ExportSource, drawn: list[CanonicalWorld], tmp_path: Path
) -> None:
    write(tmp_path / "poster.png", "poster", source)
    (world,) = drawn
    assert source.terrain is not None
    terrain = source.terrain.grid(256)
    assert world.grid == Grid.of_world(256)
    np.testing.assert_array_equal(world.biome, terrain.biome)
    np.testing.assert_array_equal(world.height, terrain.height)
    np.testing.assert_array_equal(world.forest, terrain.forest)
    np.testing.assert_array_equal(world.lava, terrain.lava)
    assert world.rivers is source.world.rivers


def test_imported_world_is_drawn_from_its_own_samples(
    source: ExportSource, drawn: list[CanonicalWorld], tmp_path: Path
) -> None:
    imported = publish_imported(WorldStore(tmp_path / "data"), "imported", source.world)
    write(tmp_path / "poster.png", "poster", imported)
    assert drawn[0].grid == source.grid
