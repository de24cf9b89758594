"""Routes beside the pages: keeping a world, opening a world file, and the metrics of the server."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vwe_dagster.formats.fwl import SaveError, parse_world_file
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed
from vwe_dagster.site import pages
from vwe_dagster.site.builds import Build, Builds, TooManyBuildsError
from vwe_dagster.site.metrics import PreviewCollector
from vwe_dagster.site.pages import Content
from vwe_dagster.site.preview import WORLD_GEN_VERSION
from vwe_dagster.site.previews import Previews
from vwe_dagster.site.reasons import Reason
from vwe_dagster.site.responses import HEADERS, content_response, error_response
from vwe_dagster.site.search import json_bytes
from vwe_dagster.site.source import NotFoundError
from vwe_dagster.site.warming import Warming
from vwe_dagster.store import WorldStore
from vwe_dagster.store.manifest import WORLD_STAGES

MAX_KEY_LENGTH = 100
"""Maximum length of the body of a request to keep a world, in bytes."""

MAX_FILE_BYTES = 64 * 1024
"""Maximum length of a world file that can be opened, in bytes; one of a new world has some dozens."""


class PageToken:
    """A secret text that the pages of this server know, and pages of other servers do not."""

    def __init__(self) -> None:
        self.text = secrets.token_urlsafe(32)

    def is_sent_by(self, request: Request) -> bool:
        """Return whether a request has the token, and an origin, which the guard has already compared."""
        sent = request.headers.get("x-vwe-token", "")
        return "origin" in request.headers and hmac.compare_digest(sent.encode(), self.text.encode())


class Actions:
    """The routes of actions and of the server's state."""

    def __init__(
        self, store: WorldStore, builds: Builds | None, previews: Previews, token: PageToken, warming: Warming
    ) -> None:
        self._store, self._builds, self._previews, self._token = store, builds, previews, token
        self._warming = warming
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(PreviewCollector(previews))

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/server.json", self.server),
            Route("/status.json", self.status),
            Route("/open", self.open_file, methods=["POST"]),
            Route("/metrics", self.metrics),
            Route("/find/builds.json", self.builds),
            Route("/find/builds", self.build, methods=["POST"]),
            Route("/worlds/{folder}/build.json", self.build_state),
        ]

    def close(self) -> None:
        """End the computation of previews and the build of worlds."""
        self._previews.close()
        if self._builds is not None:
            self._builds.close()

    async def server(self, request: Request) -> Response:
        """Return the token of the pages, and whether the server keeps worlds."""
        return _json_response(request, {"token": self._token.text, "keeps": self._builds is not None})

    async def status(self, request: Request) -> Response:
        """Return the state of the kernels, see :meth:`Warming.progress`."""
        return _json_response(request, self._warming.progress())

    async def builds(self, request: Request) -> Response:
        """Return the states of all requested worlds, by key."""
        return _json_response(request, {} if self._builds is None else dict(self._builds.states()))

    async def build_state(self, request: Request) -> Response:
        """Return the last requested build of a world, and the world's stages in the data folder.

        ``id`` and ``state`` are null if the world was not requested. If that build failed, ``failure`` has its
        ``reason`` and the URL of its ``run``, each null if unknown. Else ``failure`` is null.
        """
        try:
            seed = parse_seed(pages.key_of(request.path_params["folder"]))
        except SeedError as error:
            raise NotFoundError(str(error), Reason.INVALID_SEED) from error
        build = None if self._builds is None else self._builds.latest(seed)
        stages, failure = await asyncio.to_thread(lambda: (self._stages(seed), self._failure(build)))
        return _json_response(
            request,
            {
                "id": build and build.id,
                "state": build and build.state,
                "stages": stages,
                "all_stages": list(WORLD_STAGES),
                "failure": failure,
            },
        )

    async def build(self, request: Request) -> Response:
        """Start a build. Only a page of this server can: it sends its origin and the token."""
        if self._builds is None:
            message = "This server does not build worlds; run the command that the page shows."
            return error_response(request, 404, Reason.NO_BUILDS, message)
        if not self._token.is_sent_by(request):
            message = "Only a page of this server can request a world; reload the page."
            return error_response(request, 403, Reason.NOT_FROM_PAGE, message)
        key = await _body(request, MAX_KEY_LENGTH)
        if key is None:
            return error_response(request, 413, Reason.TOO_LONG, "The request is longer than any seed.")
        try:
            self._builds.request(parse_seed(key.decode(errors="replace")))
        except SeedError as error:
            return error_response(request, 400, Reason.INVALID_SEED, str(error))
        except TooManyBuildsError as error:
            return error_response(request, 429, Reason.TOO_MANY_BUILDS, str(error))
        return await self.builds(request)

    async def open_file(self, request: Request) -> Response:
        """Return the seed of a world file, and what a preview of the seed does not show of its world."""
        if not self._token.is_sent_by(request):
            return error_response(
                request, 403, Reason.NOT_FROM_PAGE, "Only a page of this server can open a file; reload the page."
            )
        content = await _body(request, MAX_FILE_BYTES)
        if content is None:
            return error_response(
                request,
                413,
                Reason.TOO_LONG,
                f"The file is longer than {MAX_FILE_BYTES // 1024} KB; open a .fwl or .fwl2.",
            )
        try:
            world = parse_world_file(content)
        except SaveError as error:
            return error_response(request, 400, Reason.INVALID_FILE, str(error))
        return _json_response(
            request,
            {
                "seed": world.seed.key,
                "name": world.name,
                "world_gen_version": world.world_gen_version,
                "shown_version": WORLD_GEN_VERSION,
                "has_modifiers": bool(world.starting_keys),
            },
        )

    async def metrics(self, request: Request) -> Response:
        """Return the metrics of the previews for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={**HEADERS, "content-type": content_type})

    def _failure(self, build: Build | None) -> dict[str, str | None] | None:
        if self._builds is None or build is None or build.failure is None:
            return None
        return {"reason": build.failure.reason, "run": self._builds.page_of(build.failure)}

    def _stages(self, seed: Seed) -> list[str]:
        return [stage for stage in WORLD_STAGES if self._store.manifest(seed, stage) is not None]


async def _body(request: Request, longest: int) -> bytes | None:
    """Return the body of a request; None if it is longer than allowed."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > longest:
            return None
    return body


def _json_response(request: Request, content: dict[str, Any]) -> Response:
    return content_response(request, Content.of(json_bytes(content), "application/json"))
