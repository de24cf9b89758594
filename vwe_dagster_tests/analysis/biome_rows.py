"""The biome table of an analysis as mappings, for tests of single values."""

from __future__ import annotations

from typing import Any

from vwe_dagster.analysis.world import WorldAnalysis


def biome_rows(analysis: WorldAnalysis) -> dict[Any, Any]:
    """The rows of the biome table, one mapping each, by the name of the biome."""
    return analysis.biomes.set_index("biome").to_dict("index")
