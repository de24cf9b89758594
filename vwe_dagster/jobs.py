"""Jobs: which assets are made together."""

from __future__ import annotations

import dagster as dg

world = dg.define_asset_job(
    "world",
    selection=dg.AssetSelection.groups("world"),
    description="Makes the world of a seed: the engine's export, the canonical data, its statistics and its pictures.",
)
