"""The server of the site: the gallery, a page per world, comparisons, and the search. Meant for the user's own machine.

A world that is not stored is computed in memory and has the same URLs. The event loop never draws or reads files. A
request that waits for a world ends when its client has gone, and a tile whose request was canceled is not drawn.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.rendering.poster import Paper
from vwe_dagster.seeds.seed import SeedError, parse_seed
from vwe_dagster.site import pages
from vwe_dagster.site.actions import Actions, PageToken
from vwe_dagster.site.builds import Builds
from vwe_dagster.site.gallery import Gallery
from vwe_dagster.site.open_worlds import OpenWorlds
from vwe_dagster.site.pages import Content
from vwe_dagster.site.preview import warm_analysis, warm_ground
from vwe_dagster.site.previews import Previews
from vwe_dagster.site.reasons import Reason
from vwe_dagster.site.responses import (
    IMMUTABLE,
    REVALIDATE,
    cache_control,
    content_response,
    error_response,
    not_modified,
)
from vwe_dagster.site.search import SiteSearch
from vwe_dagster.site.search_routes import SearchRoutes
from vwe_dagster.site.source import NotFoundError, Part, WorldSource, warm_relief, warm_tiles
from vwe_dagster.site.warming import Warming
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.web.guard import Guard

_CLIENT_CLOSED_REQUEST = 499
_DISCONNECT_CHECK_S = 0.25
"""Interval at which a request that waits for a part of a world checks whether its client is still connected."""

_Result = TypeVar("_Result")


class _Index(IntegerConvertor):
    """A number of a tile or a block, at most 99 digits: Python cannot parse thousands."""

    regex = "[0-9]{1,99}"


register_url_convertor("index", _Index())


def site_app(
    store: WorldStore,
    hosts: Iterable[str] = (),
    *,
    home: Path | None = None,
    builds: Builds | None = None,
    table: LocationTable | None = None,
) -> Starlette:
    """Return the application.

    Args:
        store: the data folder whose worlds are shown.
        hosts: host names of the server besides those of loopback.
        home: the home folder, which may have ready questions; by default the parent of the data folder.
        builds: builds the worlds that a page requests; if None, pages show a command instead.
        table: the location table of worlds that are not stored; the game's own if omitted.
    """
    token, previews = PageToken(), Previews(table)
    warming = Warming([warm_ground, warm_tiles, warm_analysis, warm_relief])
    site = _SiteRoutes(store, previews)
    search = SearchRoutes(SiteSearch(store, home or store.root.parent), token.text if builds else None)
    actions = Actions(store, builds, previews, token, warming)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        warming.start()
        site.warm()
        yield
        warming.close()
        site.close()
        search.close()
        actions.close()

    return Starlette(
        routes=[*site.routes(), *search.routes(), *actions.routes()],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={
            404: _not_found,
            405: _not_found,
            NotFoundError: _not_found,
            StoreError: _store_error,
            _ClientDisconnectedError: _client_disconnected,
        },
        lifespan=lifespan,
    )


class _SiteRoutes:
    """The routes of pages and worlds."""

    def __init__(self, store: WorldStore, previews: Previews) -> None:
        self._gallery = Gallery(store)
        self._open = OpenWorlds(store)
        self._previews = previews
        cores = usable_cores()
        self._readers = ThreadPoolExecutor(4, "read")
        self._painters = ThreadPoolExecutor(cores, "paint")
        self._paint_slots = asyncio.Semaphore(cores)
        self._picture_slot = asyncio.Semaphore(1)

    def warm(self) -> None:
        """Read in the background the list of worlds, for which the first visitor would otherwise wait."""
        self._readers.submit(self._gallery.worlds)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.page(pages.GALLERY_PAGE)),
            Route("/index.html", self.page(pages.GALLERY_PAGE)),
            Route("/find/", self.page(pages.FIND_PAGE)),
            Route("/worlds.json", self.worlds),
            Route("/static/{path:path}", self.static),
            Route("/worlds/{folder}", self.to_world),
            Route("/worlds/{folder}/", self.world_page),
            Route("/worlds/{folder}/index.html", self.world_page),
            Route("/worlds/{folder}/world.json", self.facts),
            Route("/worlds/{folder}/waterways.json", self.waterways),
            Route("/worlds/{folder}/places.json", self.places),
            Route("/worlds/{folder}/ground.bin", self.ground),
            Route("/worlds/{folder}/thumbnail.png", self.thumbnail),
            Route("/worlds/{folder}/poster.png", self.poster),
            Route("/worlds/{folder}/relief.png", self.relief),
            Route("/worlds/{folder}/data/{x:index}/{y:index}.bin", self.block),
            Route("/worlds/{folder}/tiles/{style}/{zoom:index}/{x:index}/{y:index}.webp", self.tile),
            Route("/compare/", self.compare_page),
            Route("/compare/index.html", self.compare_page),
            Route("/compare/{one}/{other}", self.to_comparison),
        ]

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._painters.shutdown(wait=False, cancel_futures=True)

    def page(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            return content_response(request, pages.html_files()[name])

        return page

    async def static(self, request: Request) -> Response:
        content, is_current = pages.static_file(request.path_params["path"])
        if content is None:
            raise NotFoundError("There is no such file.")
        return content_response(request, content, IMMUTABLE if is_current else REVALIDATE)

    async def worlds(self, request: Request) -> Response:
        listed = await self._read(self._gallery.worlds)
        return content_response(request, await self._read(lambda: Content.of(listed, "application/json")))

    async def to_world(self, request: Request) -> Response:
        await self._find(request.path_params["folder"])
        return RedirectResponse(f"{request.url.path}/", 308)

    async def world_page(self, request: Request) -> Response:
        self._prepare(await self._find(request.path_params["folder"]))
        return content_response(request, pages.html_files()[pages.WORLD_PAGE])

    async def compare_page(self, request: Request) -> Response:
        for name in ("one", "other"):
            if name in request.query_params:
                self._prepare(await self._find(pages.folder_of(request.query_params[name])))
        return content_response(request, pages.html_files()[pages.COMPARE_PAGE])

    async def to_comparison(self, request: Request) -> Response:
        """Redirect the former address of a comparison."""
        keys = {name: (await self._find(request.path_params[name])).header.seed.key for name in ("one", "other")}
        return RedirectResponse(f"../?{urlencode(keys)}", 308)

    async def facts(self, request: Request) -> Response:
        """Return ``world.json``, with the query ``outline`` only its outline if the rest is still being computed."""
        source = await self._find(request.path_params["folder"])
        outline = source.outline() if "outline" in request.query_params else None
        if outline is not None:
            return content_response(request, Content.of(outline, "application/json"))
        await _wait_for(request, source, Part.ANALYSIS)

        def read() -> Content:
            return Content.of(source.facts(self._gallery.same_world(source.header.seed)), "application/json")

        return content_response(request, await self._read(read))

    async def waterways(self, request: Request) -> Response:
        source = await self._find(request.path_params["folder"])
        return await self._file(
            request,
            source,
            source.waterways,
            etag=f"{source.header.data_version}-waterways",
            media_type="application/json",
        )

    async def places(self, request: Request) -> Response:
        source = await self._find(request.path_params["folder"])
        return await self._file(
            request,
            source,
            source.places,
            etag=f"{source.header.version}-places",
            media_type="application/json",
            part=Part.ANALYSIS,
        )

    async def ground(self, request: Request) -> Response:
        source = await self._find(request.path_params["folder"])
        return await self._file(
            request,
            source,
            source.ground,
            etag=f"{source.header.data_version}-data-ground",
            media_type="application/octet-stream",
        )

    async def thumbnail(self, request: Request) -> Response:
        source = await self._find(request.path_params["folder"])
        return await self._file(
            request, source, source.thumbnail, etag=source.thumbnail_version, media_type="image/png"
        )

    async def poster(self, request: Request) -> Response:
        """Return the poster on the paper of the query. Posters are drawn one at a time, because one takes 1.3 GB."""
        name = request.query_params.get("paper", Paper.CM_30X40)
        if name not in list(Paper):
            raise NotFoundError(
                f"There is no poster on paper {name[:20]!r}; choose from {', '.join(Paper)}.", Reason.NO_PAPER
            )
        paper = Paper(name)
        return await self._picture(request, f"poster-{paper}", lambda source: source.poster(paper))

    async def relief(self, request: Request) -> Response:
        return await self._picture(request, "relief", lambda source: source.relief())

    async def _picture(self, request: Request, name: str, draw: Callable[[WorldSource], bytes]) -> Response:
        """Return a large picture that is drawn now, unless the browser has it."""
        source = await self._find(request.path_params["folder"])
        etag = f"{source.header.version}-{name}"
        unmodified = not_modified(request, etag)
        if unmodified is not None:
            return unmodified
        async with self._picture_slot:
            if await request.is_disconnected():
                raise _ClientDisconnectedError
            return await self._file(
                request, source, lambda: draw(source), etag=etag, media_type="image/png", part=Part.ANALYSIS
            )

    async def block(self, request: Request) -> Response:
        x, y = request.path_params["x"], request.path_params["y"]
        source = await self._find(request.path_params["folder"])
        return await self._file(
            request,
            source,
            lambda: source.block(x, y),
            etag=f"{source.header.data_version}-data-{x}-{y}",
            media_type="application/octet-stream",
        )

    async def tile(self, request: Request) -> Response:
        style, zoom, x, y = (request.path_params[name] for name in ("style", "zoom", "x", "y"))

        def etag(source: WorldSource) -> str:
            return f"{source.header.version}-{style}-{zoom}-{x}-{y}"

        source = await self._find(request.path_params["folder"])
        # A tile in the browser's cache need not wait for a paint slot.
        unmodified = not_modified(request, etag(source))
        if unmodified is not None:
            return unmodified
        await _wait_for(request, source, Part.GROUND)
        async with self._paint_slots:
            if await request.is_disconnected():
                raise _ClientDisconnectedError
            source = await self._find(request.path_params["folder"])
            return await self._file(
                request,
                source,
                lambda: source.tile(style, zoom, x, y),
                etag=etag(source),
                media_type="image/webp",
                workers=self._painters,
            )

    async def _file(
        self,
        request: Request,
        source: WorldSource,
        read: Callable[[], bytes],
        *,
        etag: str,
        media_type: str,
        part: Part = Part.GROUND,
        workers: ThreadPoolExecutor | None = None,
    ) -> Response:
        """Return the response with a file; ``etag`` begins with a version and changes when the file does."""
        unmodified = not_modified(request, etag)
        if unmodified is not None:
            return unmodified
        await _wait_for(request, source, part)

        def content() -> Content:
            return Content.of(read(), media_type, etag=etag)

        loop = asyncio.get_running_loop()
        content_now = await loop.run_in_executor(workers or self._readers, content)
        return content_response(request, content_now, cache_control(request, etag))

    async def _find(self, folder: str) -> WorldSource:
        """Return the stored world of a seed in its newest build, or a preview of it."""
        try:
            seed = parse_seed(pages.key_of(folder))
        except SeedError as error:
            raise NotFoundError(str(error), Reason.INVALID_SEED) from error
        return await self._read(lambda: self._open.source(seed)) or self._previews.open(seed)

    def _prepare(self, source: WorldSource) -> None:
        """Prepare a world while the browser loads the page. The request that needs it reports a failure."""
        self._painters.submit(source.prepare)

    async def _read(self, work: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._readers, work)


class _ClientDisconnectedError(Exception):
    """The client of a request has closed its connection."""


async def _wait_for(request: Request, source: WorldSource, part: Part) -> None:
    """Wait until a part of a world is available.

    Raises:
        _ClientDisconnectedError: the client has closed its connection.
    """
    with source.wanted(part) as arriving:
        if arriving is None:
            return
        arrival = asyncio.wrap_future(arriving)
        while not (await asyncio.wait({arrival}, timeout=_DISCONNECT_CHECK_S))[0]:
            if await request.is_disconnected():
                raise _ClientDisconnectedError
        await arrival


async def _not_found(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "Pages and files are read-only; use GET or HEAD."
        return error_response(request, error.status_code, Reason.READ_ONLY, message, error.headers)
    if isinstance(error, NotFoundError):
        return error_response(request, HTTPStatus.NOT_FOUND, error.reason, str(error))
    return error_response(request, getattr(error, "status_code", 404), Reason.MISSING, "There is no such page or file.")


async def _client_disconnected(_: Request, __: Exception) -> Response:
    return Response(status_code=_CLIENT_CLOSED_REQUEST)


async def _store_error(request: Request, error: Exception) -> Response:
    return error_response(request, 503, Reason.DAMAGED, str(error))
