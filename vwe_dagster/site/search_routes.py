"""The routes of the page *Find a seed*: columns, distributions and answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vwe_dagster.catalog.query_error import QueryError
from vwe_dagster.site.pages import Content
from vwe_dagster.site.responses import content_response
from vwe_dagster.site.search import MAX_ROWS, SiteSearch, json_bytes

_MAX_COLUMNS = 24
_COUNT = re.compile(r"[1-9][0-9]{0,5}")


class SearchRoutes:
    """The routes of the data of the page *Find a seed*; they answer one question at a time.

    Args:
        search: answers the questions.
        token: the token of the server's pages; None if they cannot start builds.
    """

    def __init__(self, search: SiteSearch, token: str | None) -> None:
        self._search, self._token = search, token
        self._worker = ThreadPoolExecutor(1, "search")

    def close(self) -> None:
        """End the thread of the searches."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/find/columns.json", self.columns),
            Route("/find/distributions.json", self.distributions),
            Route("/find/answer.json", self.answer),
            Route("/find/worlds.json", self.world_keys),
        ]

    async def columns(self, request: Request) -> Response:
        """Return the columns that questions accept, and the token of the pages."""
        return await self._json_response(request, lambda: {**self._search.columns(), "token": self._token})

    async def distributions(self, request: Request) -> Response:
        """Return the distributions of the columns of the query."""
        names = request.query_params.get("columns", "").split(",")[:_MAX_COLUMNS]
        return await self._json_response(request, lambda: self._search.distributions(names))

    async def answer(self, request: Request) -> Response:
        """Return the first matching seeds of a question."""
        query = request.query_params
        return await self._json_response(
            request,
            lambda: self._search.answer(
                query.getlist("condition")[:_MAX_COLUMNS],
                question=query.get("question"),
                preferences=query.getlist("prefer")[:_MAX_COLUMNS],
                sort=query.get("sort"),
                ascending="ascending" in query,
                columns=query.getlist("column")[:_MAX_COLUMNS],
                limit=int(query["limit"]) if _COUNT.fullmatch(query.get("limit", "")) else MAX_ROWS,
            ),
        )

    async def world_keys(self, request: Request) -> Response:
        """Return the keys of the built worlds that match a condition."""
        condition = request.query_params.get("condition", "")
        return await self._json_response(request, lambda: {"seeds": self._search.world_keys(condition)})

    async def _json_response(self, request: Request, compute: Callable[[], Mapping[str, Any]]) -> Response:
        """Return a JSON response; for an invalid question it has the ``fault``, its ``reason`` and its ``values``.

        Questions are often invalid while a user types, and browsers log every response with an error status.
        """

        def body() -> bytes:
            try:
                return json_bytes(compute())
            except QueryError as error:
                return json_bytes({"fault": str(error), "reason": error.fault, "values": error.values})

        content = await asyncio.get_running_loop().run_in_executor(self._worker, body)
        return content_response(request, Content.of(content, "application/json"))
