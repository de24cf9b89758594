"""Worlds of the data folder, read from their stages."""

from __future__ import annotations

import contextlib
import functools
import threading
from concurrent.futures import Future
from typing import Any

from vwe_dagster.analysis.world import WorldAnalysis
from vwe_dagster.rendering.pictures import THUMBNAIL
from vwe_dagster.rendering.png import png_bytes
from vwe_dagster.rendering.thumbnail import render_thumbnail
from vwe_dagster.rendering.tiles import MAX_ZOOM
from vwe_dagster.site.built_world import BuiltWorld
from vwe_dagster.site.source import Part, WorldSource
from vwe_dagster.store import WorldStore
from vwe_dagster.store.stages import PLACES_FILE, read_extracted, read_processed, tile_file
from vwe_dagster.world.canonical import CanonicalWorld
from vwe_dagster.worldgen import World


class StoredWorld(WorldSource):
    """A world of the data folder.

    Every method raises :class:`vwe_dagster.store.StoreError` if a stage is damaged or has been rebuilt.

    Args:
        store: the data folder.
        built: the world.
        max_zoom: the highest zoom that has tiles, at most :attr:`BuiltWorld.max_zoom`.
    """

    def __init__(self, store: WorldStore, built: BuiltWorld, *, max_zoom: int = MAX_ZOOM) -> None:
        super().__init__(built.header, min(max_zoom, built.max_zoom))
        self.built = built
        self._store = store
        self._reading = threading.Lock()

    def wanted(self, part: Part) -> contextlib.AbstractContextManager[Future[Any] | None]:  # noqa: ARG002
        """Return a context with None, because every part is stored."""
        return contextlib.nullcontext()

    def prepare(self) -> None:
        """Read the planes and prepare the tiles in advance."""
        self._tiles()

    @property
    def has_places(self) -> bool:
        """True if the world has a ``places.json``."""
        return PLACES_FILE in self.built.processed.files

    def thumbnail(self) -> bytes:
        """Return ``thumbnail.png`` of the stage ``renders``, drawn now if that stage is not built."""
        renders = self.built.renders
        if renders is not None and THUMBNAIL in renders.files:
            return self._store.read(renders, THUMBNAIL).getvalue()
        return png_bytes(render_thumbnail(self._world()))

    @property
    def thumbnail_version(self) -> str:
        """The digest of the stage ``renders``, or the version of the world if that stage is not built."""
        return self.header.version if self.built.renders is None else self.built.renders.digest[:24]

    def _world(self) -> CanonicalWorld:
        with self._reading:
            return self._read

    def _analysis(self) -> WorldAnalysis:
        return read_processed(self._store, self.built.processed)

    def _terrain(self) -> World | None:
        return self.built.terrain()

    def _draw(self, style: str, zoom: int, x: int, y: int) -> bytes:
        built, name = self.built.tiles, tile_file(style, zoom, x, y)
        if built is not None and name in built.files:
            return self._store.read(built, name).getvalue()
        return super()._draw(style, zoom, x, y)

    @functools.cached_property
    def _read(self) -> CanonicalWorld:
        return read_extracted(self._store, self.built.extracted)
