"""The poster as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vwe_dagster.exporting import poster
from vwe_dagster.exporting.facts import WorldFacts
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

    def draw(world: CanonicalWorld, *, title: str, typed_in_game: str | None, analysis: object) -> Image.Image:
        assert title
        assert (typed_in_game is not None) == title.startswith("@")
        assert analysis is not None
        worlds.append(world)
        return SMALL

    monkeypatch.setattr(poster, "render_poster", draw)
    monkeypatch.setattr(poster, "FINE", 256)
    return worlds


def test_poster_has_300_dpi(facts: WorldFacts, drawn: list[CanonicalWorld], tmp_path: Path) -> None:
    with Image.open(write(tmp_path / "poster.png", "poster", facts)) as picture:
        assert picture.info["dpi"] == pytest.approx((300, 300), abs=0.01)
        np.testing.assert_array_equal(np.asarray(picture), np.asarray(SMALL))
    assert len(drawn) == 1


def test_native_world_is_drawn_from_finer_samples(
    facts: WorldFacts, drawn: list[CanonicalWorld], tmp_path: Path
) -> None:
    write(tmp_path / "poster.png", "poster", facts)
    (world,) = drawn
    assert facts.terrain is not None
    terrain = facts.terrain.grid(256)
    assert world.grid == Grid.of_world(256)
    np.testing.assert_array_equal(world.biome, terrain.biome)
    np.testing.assert_array_equal(world.height, terrain.height)
    np.testing.assert_array_equal(world.forest, terrain.forest)
    np.testing.assert_array_equal(world.lava, terrain.lava)
    assert world.rivers is facts.world.rivers


def test_imported_world_is_drawn_from_its_own_samples(
    facts: WorldFacts, drawn: list[CanonicalWorld], tmp_path: Path
) -> None:
    imported = publish_imported(WorldStore(tmp_path / "data"), "imported", facts.world)
    write(tmp_path / "poster.png", "poster", imported)
    assert drawn[0].grid == facts.grid
