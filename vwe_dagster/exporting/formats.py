"""The formats a world can be exported to: the one list that the command line and the documents go by.

A format is a module of this package with a function ``write``; it is imported when it is used, for some need libraries
that take long to load or are not installed everywhere. To add a format, write the module and enter it into
:data:`FORMATS`; an option it needs is a field of :class:`vwe_dagster.exporting.facts.ExportOptions`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from vwe_dagster.exporting.export_error import ExportError
from vwe_dagster.seeds.seed import Seed
from vwe_dagster.text.commands import command_line

if TYPE_CHECKING:
    from vwe_dagster.exporting.facts import ExportOptions, WorldFacts

    Writer = Callable[[Path, WorldFacts, ExportOptions], None]


@dataclasses.dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as the command line takes it.
        description: in a line.
        suffix: what the default name adds to the name of the seed.
        writer: the function that writes it, ``module:function``. It gets a path at which nothing is, or for a format of
            many files an empty folder; the facts of the world; and the options.
        markers: of a format of many files those by which a folder is known to be such an export; none for a format of
            one file.
        former_markers: the markers of exports that earlier versions of this project wrote, where they differ.
        options: the fields of ``ExportOptions`` it knows.
        needs: modules that not every installation has, with what pip is to install for them.
        needs_world: whether the world must have been made.
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
        """Whether an export of it is a folder of files."""
        return bool(self.markers)

    def has_export(self, folder: Path) -> bool:
        """Return whether a folder has the main files of an export of this format, or of a former version of it."""
        return any(
            markers and all((folder / marker).exists() for marker in markers)
            for markers in (self.markers, self.former_markers)
        )

    def default_name(self, seed: Seed) -> str:
        """The name of an export of a seed, fit for a file."""
        return f"{file_name(seed)}{self.suffix}"

    def write(self, path: Path, facts: WorldFacts, options: ExportOptions) -> None:
        """Writes an export; see ``writer``.

        Raises:
            ExportError: the format cannot hold this world.
            StoreError: a file of the world is damaged.
            OSError: the disk does not let us.
        """
        cast("Writer", pkgutil.resolve_name(self.writer))(path, facts, options)

    def refuse_unusable(self) -> None:
        """Refuses the format where what it needs is not installed.

        Raises:
            ExportError: it is not.
        """
        for module, requirement in self.needs:
            if importlib.util.find_spec(module) is None:
                raise ExportError(
                    f"The format {self.name} needs {module}, which is not installed; "
                    f"install it with: {command_line('pip', 'install', requirement)}, "
                    f"or with: {command_line('pip', 'install', 'vwe-dagster[formats]')}"
                )


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
            "height.tif and biome.tif for GIS programs, in a local system in metres",
            "-geotiff",
            "vwe_dagster.exporting.geotiff:write",
            markers=("height.tif", "biome.tif"),
            needs=(("rasterio", "rasterio>=1.4,<2"),),
        ),
        Format(
            "zarr",
            "a Zarr 3 group for xarray and the like",
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
            "contour lines for GIS programs, in metres",
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
            "a picture to print at 35 by 46 cm, with the map, the relief and statistics",
            "-poster.png",
            "vwe_dagster.exporting.poster:write",
        ),
        Format(
            "site",
            "the map page of the world as files for any web server",
            "-site",
            "vwe_dagster.exporting.map_page:write",
            markers=("worlds.json", "index.html", "worlds"),
        ),
        Format("numpy", "one .npz of all planes, coordinates and facts", ".npz", "vwe_dagster.exporting.bundle:write"),
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
"""Every format by its name."""


def file_name(seed: Seed) -> str:
    """The name of a seed as files have it: an integer seed without its ``@``, and no dot or dash in front."""
    name = f"seed{seed.number}" if seed.key.startswith("@") else seed.key
    return name if name[0].isalnum() else f"_{name}"
