"""The formats that a world can be exported to: the list for the command line and the docs.

The writer of a format is a function ``write`` in a module of this package. The module is imported on first use, because
some need libraries that load slowly or are optional. To add a format, write the module and add an entry to
:data:`FORMATS`; each of its options is a field of :class:`vwe_dagster.exporting.source.ExportOptions`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vwe_dagster.config.extras import install_command
from vwe_dagster.config.home import find_checkout
from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.text.commands import command_line

if TYPE_CHECKING:
    from vwe_dagster.exporting.source import ExportOptions, ExportSource

    Writer = Callable[[Path, ExportSource, ExportOptions], None]


@dataclasses.dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        name: the name on the command line.
        description: one line for ``--help`` and the docs.
        suffix: the end of the default name, after the name of the seed.
        writer: the function that writes an export, as ``module:function``. It receives the path, the world and the
            options. The path does not exist yet; for a format of several files it is an empty folder.
        markers: files by which a folder is recognized as an export; empty for a format of one file.
        former_markers: the markers of exports by earlier versions of this project, if they differ.
        options: the fields of ``ExportOptions`` that apply.
        needs: optional modules, each with the requirement that pip installs it by.
        needs_world: false if the seed alone is enough.
    """

    name: str
    description: str
    suffix: str
    writer: str
    markers: tuple[str, ...] = ()
    former_markers: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needs: tuple[tuple[str, str], ...] = ()
    needs_world: bool = True

    @property
    def is_folder(self) -> bool:
        """True if an export is a folder of several files."""
        return bool(self.markers)

    def has_export(self, folder: Path) -> bool:
        """Return whether a folder has the markers of an export of this format or of an earlier version of it."""
        return any(
            markers and all((folder / marker).exists() for marker in markers)
            for markers in (self.markers, self.former_markers)
        )

    def default_name(self, seed: Seed) -> str:
        """Return the default file name for an export of a seed."""
        return f"{file_name(seed)}{self.suffix}"

    def write(self, path: Path, source: ExportSource, options: ExportOptions) -> None:
        """Write an export with the function :attr:`writer`.

        Raises:
            ExportError: the format cannot hold this world.
            StoreError: a file of the world is missing or damaged.
            OSError: the file system reports an error.
        """
        cast("Writer", pkgutil.resolve_name(self.writer))(path, source, options)

    def check_requirements(self) -> None:
        """Check that the optional modules of the format are installed.

        Raises:
            ExportError: one is missing; the message has the command that installs it.
        """
        for module, requirement in self.needs:
            if importlib.util.find_spec(module) is None:
                raise ExportError(
                    f"The format {self.name} needs {module}, which is not installed; "
                    f"install it with: {command_line('pip', 'install', requirement)}, "
                    f"or with: {install_command('formats', find_checkout())}"
                )


PAPERS = ("30x40", "a2", "2x3")
"""The sizes of paper of posters, see :class:`vwe_dagster.rendering.poster.Paper`; the first one is the default."""

FORMATS = {
    each.name: each
    for each in (
        Format(
            "valheim-map",
            "tiles and map.json as valheim-map.world exports them",
            "-valheim-map",
            "vwe_dagster.exporting.map_tiles:write",
            markers=("map.json", "tiles/00-00.bin.gz"),
            former_markers=("map.json", "00-00.bin.gz"),
        ),
        Format(
            "game-cache",
            "the game's own map cache, four files",
            "-game-cache",
            "vwe_dagster.exporting.game_cache:write",
            markers=("cacheMinimapMeta", "cacheMinimapMask"),
        ),
        Format(
            "geotiff",
            "height.tif and biome.tif for GIS programs, in a local coordinate system in meters",
            "-geotiff",
            "vwe_dagster.exporting.geotiff:write",
            markers=("height.tif", "biome.tif"),
            needs=(("rasterio", "rasterio>=1.4,<2"),),
        ),
        Format(
            "zarr",
            "a Zarr 3 group, for xarray for example",
            ".zarr",
            "vwe_dagster.exporting.zarr_group:write",
            markers=("zarr.json", "biome", "height"),
            needs=(("zarr", "zarr>=3.1,<4"),),
        ),
        Format(
            "csv",
            "a table of points: x, z, biome, height",
            ".csv.gz",
            "vwe_dagster.exporting.points:write",
            options=("stride",),
        ),
        Format(
            "locations-csv",
            "altars, traders, dungeons and other locations as a table",
            "-locations.csv",
            "vwe_dagster.exporting.locations:write_csv",
        ),
        Format(
            "locations-geojson",
            "the same for GIS programs, in meters",
            "-locations.geojson",
            "vwe_dagster.exporting.locations:write_geojson",
        ),
        Format(
            "contours-geojson",
            "contour lines for GIS programs, in meters",
            "-contours.geojson",
            "vwe_dagster.exporting.contours:write_geojson",
            options=("interval",),
        ),
        Format(
            "contours-svg",
            "contour lines as a drawing",
            "-contours.svg",
            "vwe_dagster.exporting.contours:write_svg",
            options=("interval",),
        ),
        Format(
            "poster",
            "a picture to print on 30 x 40 cm, A2 or 2:3 paper, with the map, the relief and statistics",
            "-poster.png",
            "vwe_dagster.exporting.poster:write",
            options=("paper",),
        ),
        Format(
            "site",
            "the map page of the world as files for any web server",
            "-site",
            "vwe_dagster.exporting.map_page:write",
            markers=("worlds.json", "index.html", "worlds"),
        ),
        Format(
            "numpy", "one .npz of all planes, coordinates and metadata", ".npz", "vwe_dagster.exporting.bundle:write"
        ),
        Format(
            "plugin-json",
            "biomes.json and heightmap.json as the older export plugin wrote them",
            "-plugin-json",
            "vwe_dagster.exporting.plugin_json:write",
            markers=("heightmap.json", "biomes.json"),
        ),
        Format(
            "fwl",
            "a world file, for a game or a server that has never seen the world",
            ".fwl",
            "vwe_dagster.exporting.world_file:write",
            options=("world_version",),
            needs_world=False,
        ),
    )
}
"""All formats by name."""


def file_name(seed: Seed) -> str:
    """Return the name of a seed in file names: an integer seed without its ``@``, and no dot or dash in front."""
    name = f"seed{seed.number}" if seed.key.startswith("@") else seed.key
    return name if name[0].isalnum() else f"_{name}"
