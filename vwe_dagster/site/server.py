"""The server of the site: the gallery, a page per world, comparisons, and the search. Meant for the user's own machine.

A world that is not stored is computed in memory and has the same URLs. The event loop never draws or reads files. A
request that waits for a world ends when its client has gone, and a tile whose request was canceled is not drawn.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import functools
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from vwe_dagster.catalog.query_error import QueryError
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.rendering.poster import Paper
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.site import pages
from vwe_dagster.site.actions import Actions, PageToken
from vwe_dagster.site.builds import Builds
from vwe_dagster.site.built_world import BuiltWorld, built_world
from vwe_dagster.site.gallery import Gallery
from vwe_dagster.site.pages import Content
from vwe_dagster.site.preview import warm_analysis, warm_ground
from vwe_dagster.site.previews import Previews
from vwe_dagster.site.reasons import Reason
from vwe_dagster.site.responses import answer, cache_of, known, refusal
from vwe_dagster.site.search import MOST_ROWS, SiteSearch, json_bytes
from vwe_dagster.site.source import NotThereError, Part, WorldSource, warm_relief, warm_tiles
from vwe_dagster.site.stored import StoredWorld
from vwe_dagster.site.warming import Warming
from vwe_dagster.store import MANIFEST_NAME, STAGES, StoreError, WorldStore
from vwe_dagster.web.guard import Guard

OPEN_WORLDS = 4
"""Number of stored worlds kept in memory, the most recently used ones."""

_GONE_AWAY = 499
_LOOK_S = 0.25
"""Interval at which a request that waits for a part of a world checks whether its client is still connected."""
_MOST_COLUMNS = 24
_COUNT = re.compile(r"[1-9][0-9]{0,5}")

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
    site = _Site(store, previews)
    search = _SearchRoutes(SiteSearch(store, home or store.root.parent), token.text if builds else None)
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
        routes=[
            Route("/", site.page(pages.GALLERY_PAGE)),
            Route("/index.html", site.page(pages.GALLERY_PAGE)),
            Route("/find/", site.page(pages.FIND_PAGE)),
            Route("/find/columns.json", search.columns),
            Route("/find/distributions.json", search.distributions),
            Route("/find/answer.json", search.answer),
            Route("/find/worlds.json", search.world_keys),
            Route("/find/builds.json", actions.builds),
            Route("/find/builds", actions.build, methods=["POST"]),
            Route("/server.json", actions.server),
            Route("/status.json", actions.status),
            Route("/open", actions.open_file, methods=["POST"]),
            Route("/metrics", actions.metrics),
            Route("/worlds.json", site.worlds),
            Route("/static/{path:path}", site.static),
            Route("/worlds/{folder}", site.to_world),
            Route("/worlds/{folder}/", site.world_page),
            Route("/worlds/{folder}/index.html", site.world_page),
            Route("/worlds/{folder}/world.json", site.facts),
            Route("/worlds/{folder}/build.json", actions.build_state),
            Route("/worlds/{folder}/waterways.json", site.waterways),
            Route("/worlds/{folder}/places.json", site.places),
            Route("/worlds/{folder}/ground.bin", site.ground),
            Route("/worlds/{folder}/thumbnail.png", site.thumbnail),
            Route("/worlds/{folder}/poster.png", site.poster),
            Route("/worlds/{folder}/relief.png", site.relief),
            Route("/worlds/{folder}/data/{x:index}/{y:index}.bin", site.block),
            Route("/worlds/{folder}/tiles/{style}/{zoom:index}/{x:index}/{y:index}.webp", site.tile),
            Route("/compare/", site.compare_page),
            Route("/compare/index.html", site.compare_page),
            Route("/compare/{one}/{other}", site.to_comparison),
        ],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={
            404: _missing,
            405: _missing,
            NotThereError: _missing,
            StoreError: _damaged,
            _GoneAwayError: _gone_away,
        },
        lifespan=lifespan,
    )


class _Site:
    """The routes of pages and worlds."""

    def __init__(self, store: WorldStore, previews: Previews) -> None:
        self._gallery = Gallery(store)
        self._open = _OpenWorlds(store)
        self._previews = previews
        cores = usable_cores()
        self._readers = ThreadPoolExecutor(4, "read")
        self._painters = ThreadPoolExecutor(cores, "paint")
        self._paint_slots = asyncio.Semaphore(cores)
        self._picture_slot = asyncio.Semaphore(1)

    def warm(self) -> None:
        """Read in the background the list of worlds, for which the first visitor would otherwise wait."""
        self._readers.submit(self._gallery.worlds)

    def close(self) -> None:
        self._readers.shutdown(wait=False, cancel_futures=True)
        self._painters.shutdown(wait=False, cancel_futures=True)

    def page(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            return answer(request, pages.html_files()[name])

        return page

    async def static(self, request: Request) -> Response:
        content = pages.static_files().get(request.path_params["path"])
        if content is None:
            raise NotThereError("There is no such file.")
        return answer(request, content)

    async def worlds(self, request: Request) -> Response:
        listed = await self._read(self._gallery.worlds)
        return answer(request, await self._read(lambda: Content.of(listed, "application/json")))

    async def to_world(self, request: Request) -> Response:
        await self._find(request.path_params["folder"])
        return RedirectResponse(f"{request.url.path}/", 308)

    async def world_page(self, request: Request) -> Response:
        self._prepare(await self._find(request.path_params["folder"]))
        return answer(request, pages.html_files()[pages.WORLD_PAGE])

    async def compare_page(self, request: Request) -> Response:
        for name in ("one", "other"):
            if name in request.query_params:
                self._prepare(await self._find(pages.folder_of(request.query_params[name])))
        return answer(request, pages.html_files()[pages.COMPARE_PAGE])

    async def to_comparison(self, request: Request) -> Response:
        """Redirect the former address of a comparison."""
        keys = {name: (await self._find(request.path_params[name])).header.seed.key for name in ("one", "other")}
        return RedirectResponse(f"../?{urlencode(keys)}", 308)

    async def facts(self, request: Request) -> Response:
        """Return ``world.json``, with the query ``outline`` only its outline if the rest is still being computed."""
        source = await self._find(request.path_params["folder"])
        outline = source.outline() if "outline" in request.query_params else None
        if outline is not None:
            return answer(request, Content.of(outline, "application/json"))
        await _arrival(request, source, Part.ANALYSIS)

        def read() -> Content:
            return Content.of(source.facts(self._gallery.same_world(source.header.seed)), "application/json")

        return answer(request, await self._read(read))

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
            raise NotThereError(
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
        unmodified = known(request, etag)
        if unmodified is not None:
            return unmodified
        async with self._picture_slot:
            if await request.is_disconnected():
                raise _GoneAwayError
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
        unmodified = known(request, etag(source))
        if unmodified is not None:
            return unmodified
        await _arrival(request, source, Part.GROUND)
        async with self._paint_slots:
            if await request.is_disconnected():
                raise _GoneAwayError
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
        make: Callable[[], bytes],
        *,
        etag: str,
        media_type: str,
        part: Part = Part.GROUND,
        workers: ThreadPoolExecutor | None = None,
    ) -> Response:
        """Return the response with a file; ``etag`` begins with a version and changes when the file does."""
        unmodified = known(request, etag)
        if unmodified is not None:
            return unmodified
        await _arrival(request, source, part)

        def content() -> Content:
            return Content.of(make(), media_type, etag=etag)

        loop = asyncio.get_running_loop()
        content_now = await loop.run_in_executor(workers or self._readers, content)
        return answer(request, content_now, cache_of(request, etag))

    async def _find(self, folder: str) -> WorldSource:
        """Return the stored world of a seed in its newest build, or a preview of it."""
        try:
            seed = parse_seed(pages.key_of(folder))
        except SeedError as error:
            raise NotThereError(str(error), Reason.INVALID_SEED) from error
        return await self._read(lambda: self._open.source(seed)) or self._previews.open(seed)

    def _prepare(self, source: WorldSource) -> None:
        """Prepare a world while the browser loads the page. The request that needs it reports a failure."""
        self._painters.submit(source.prepare)

    async def _read(self, make: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._readers, make)


class _SearchRoutes:
    """The routes of the page *Find a seed*; they answer one question at a time."""

    def __init__(self, search: SiteSearch, token: str | None) -> None:
        self._search, self._token = search, token
        self._worker = ThreadPoolExecutor(1, "search")

    def close(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)

    async def columns(self, request: Request) -> Response:
        return await self._answered(request, lambda: {**self._search.columns(), "token": self._token})

    async def distributions(self, request: Request) -> Response:
        names = request.query_params.get("columns", "").split(",")[:_MOST_COLUMNS]
        return await self._answered(request, lambda: self._search.distributions(names))

    async def answer(self, request: Request) -> Response:
        query = request.query_params
        return await self._answered(
            request,
            lambda: self._search.answer(
                query.get("condition", ""),
                question=query.get("question"),
                preferences=query.getlist("prefer")[:_MOST_COLUMNS],
                sort=query.get("sort"),
                ascending="ascending" in query,
                columns=query.getlist("column")[:_MOST_COLUMNS],
                limit=int(query["limit"]) if _COUNT.fullmatch(query.get("limit", "")) else MOST_ROWS,
            ),
        )

    async def world_keys(self, request: Request) -> Response:
        condition = request.query_params.get("condition", "")
        return await self._answered(request, lambda: {"seeds": self._search.world_keys(condition)})

    async def _answered(self, request: Request, make: Callable[[], Mapping[str, Any]]) -> Response:
        """Return a JSON response; for an invalid question its members are ``fault`` and ``reason``, with status 200.

        Questions are often invalid while a user types, and browsers log every response with an error status.
        """

        def body() -> bytes:
            try:
                return json_bytes(make())
            except QueryError as error:
                return json_bytes({"fault": str(error), "reason": Reason.INVALID_QUESTION})

        content = await asyncio.get_running_loop().run_in_executor(self._worker, body)
        return answer(request, Content.of(content, "application/json"))


class _OpenWorlds:
    """A cache of the most recently used worlds, each in its newest build."""

    def __init__(self, store: WorldStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._sources: collections.OrderedDict[str, StoredWorld] = collections.OrderedDict()
        self._manifests = functools.lru_cache(maxsize=64)(self._made)

    def source(self, seed: Seed) -> StoredWorld | None:
        """Return the current world of a seed; None if it is not built."""
        built = self._manifests(seed, self._traces(seed))
        if built is None:
            return None
        with self._lock:
            source = self._sources.pop(seed.key, None)
            if source is None or source.built != built:
                source = StoredWorld(self._store, built)
            self._sources[seed.key] = source
            while len(self._sources) > OPEN_WORLDS:
                self._sources.popitem(last=False)
            return source

    def _made(self, seed: Seed, _: tuple[tuple[int, int] | None, ...]) -> BuiltWorld | None:
        return built_world(self._store, seed)

    def _traces(self, seed: Seed) -> tuple[tuple[int, int] | None, ...]:
        """Return the inodes and times of the seed's manifests, which change with its stages; no file is read."""
        return tuple(_trace(self._store.folder(seed, stage) / MANIFEST_NAME) for stage in STAGES)


class _GoneAwayError(Exception):
    """The client of a request has closed its connection."""


async def _arrival(request: Request, source: WorldSource, part: Part) -> None:
    """Wait until a part of a world is there.

    Raises:
        _GoneAwayError: the client does not wait any longer.
    """
    with source.wanted(part) as arriving:
        if arriving is None:
            return
        arrival = asyncio.wrap_future(arriving)
        while not (await asyncio.wait({arrival}, timeout=_LOOK_S))[0]:
            if await request.is_disconnected():
                raise _GoneAwayError
        await arrival


def _trace(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


async def _missing(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        sentence = "Pages and files are read-only; use GET or HEAD."
        return refusal(request, error.status_code, Reason.READ_ONLY, sentence, error.headers)
    if isinstance(error, NotThereError):
        return refusal(request, HTTPStatus.NOT_FOUND, error.reason, str(error))
    return refusal(request, getattr(error, "status_code", 404), Reason.MISSING, "There is no such page or file.")


async def _gone_away(_: Request, __: Exception) -> Response:
    return Response(status_code=_GONE_AWAY)


async def _damaged(request: Request, error: Exception) -> Response:
    return refusal(request, 503, Reason.DAMAGED, str(error))
