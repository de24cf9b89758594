"""The format ``poster``: a picture to print at 300 dpi."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from vwe_dagster.exporting.facts import ExportOptions, WorldFacts
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.poster import DPI, render_poster
from vwe_dagster.seeds.typable import typable_key
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.world.grid import Grid

FINE = 4096
"""Cells a side of the grid for the poster's map: one sample per pixel, every 6 m."""


def write(path: Path, facts: WorldFacts, _options: ExportOptions) -> None:
    """Write the poster of a world as PNG; if possible, the native engine samples the ground again, every 6 m."""
    key, typed = facts.seed.key, typable_key(facts.seed)
    picture = render_poster(_fine(facts), title=key, typed_in_game=typed, analysis=facts.analysis)
    path.write_bytes(png_bytes(picture, dpi=DPI))


def _fine(facts: WorldFacts) -> CanonicalWorld:
    if facts.terrain is None or facts.grid.size >= FINE:
        return facts.world
    terrain = facts.terrain.grid(FINE)
    return dataclasses.replace(
        facts.world,
        grid=Grid.of_world(FINE),
        biome=terrain.biome,
        height=terrain.height,
        forest=terrain.forest,
        lava=terrain.lava,
    )
