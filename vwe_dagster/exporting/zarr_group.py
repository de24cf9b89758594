"""The format ``zarr``: a Zarr 3 group that xarray opens as a dataset with dimension names, units and flag meanings.

The arrays ``biome``, ``height``, ``forest`` and, if known, ``lava`` have the dimensions ``z`` and ``x``, south first;
``x`` and ``z`` are the coordinates. Attributes follow the CF conventions where these define one.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy.typing as npt
import zarr
from zarr.codecs import BloscCodec

from vwe_dagster.exporting.source import ExportOptions, ExportSource
from vwe_dagster.world.biomes import BIOMES

CHUNK = 512
"""Cells along the side of a chunk."""

_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "biome": {
        "long_name": "biome",
        "flag_values": [biome.value for biome in BIOMES],
        "flag_meanings": " ".join(biome.game_name for biome in BIOMES),
    },
    "height": {"long_name": "height of the ground, sea level being 30 m", "units": "m"},
    "forest": {"long_name": "forest factor, lower is denser", "units": "1"},
    "lava": {"long_name": "share of lava", "units": "1"},
    "x": {"long_name": "meters east of the center of the world", "units": "m", "axis": "X"},
    "z": {"long_name": "meters north of the center of the world", "units": "m", "axis": "Y"},
}


def write(path: Path, source: ExportSource, _options: ExportOptions) -> None:
    """Write the group into the folder."""
    world = source.world
    group = zarr.create_group(store=str(path), zarr_format=3, attributes={"Conventions": "CF-1.11", **source.metadata})
    along = world.grid.coordinates()
    for name in ("x", "z"):
        _add(group, name, along, (name,))
    planes: dict[str, npt.NDArray[Any] | None] = {
        "biome": world.biome,
        "height": world.height,
        "forest": world.forest,
        "lava": world.lava,
    }
    for name, plane in planes.items():
        if plane is not None:
            _add(group, name, plane, ("z", "x"))
    with warnings.catch_warnings():
        # Consolidated metadata are an extension that readers may ignore, and zarr warns of it; xarray looks for them.
        warnings.simplefilter("ignore")
        zarr.consolidate_metadata(str(path))


def _add(group: zarr.Group, name: str, values: npt.NDArray[Any], dimensions: tuple[str, ...]) -> None:
    array = group.create_array(
        name,
        shape=values.shape,
        dtype=values.dtype,
        chunks=tuple(min(CHUNK, length) for length in values.shape),
        compressors=BloscCodec(cname="zstd", clevel=5, shuffle="shuffle"),
        dimension_names=dimensions,
        attributes=_ATTRIBUTES[name],
    )
    array[:] = values
