"""The GraphQL requests that reach Dagster's web server behind the guard."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from vwe_dagster.instance.web_server import GraphqlByPost
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.web.serving import served

QUERY = "?query=mutation{wipe}"
HTML = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8")


async def _reached(_: Request) -> Response:
    return PlainTextResponse("reached")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    methods = ["GET", "POST", "PUT", "OPTIONS"]
    routes = [Route("/{path:path}", _reached, methods=methods)]
    with served(GraphqlByPost(Starlette(routes=routes))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", [], 405),
        ("GET", [("accept", "application/json")], 405),
        ("GET", [("accept", "*/*"), HTML], 405),
        ("HEAD", [HTML], 405),
        ("PUT", [("content-type", "application/json")], 405),
        ("OPTIONS", [], 405),
        ("POST", [], 415),
        ("POST", [("content-type", "text/plain")], 415),
        ("POST", [("content-type", "text/plain; application/json")], 415),
        ("POST", [("content-type", "application/x-www-form-urlencoded")], 415),
        ("POST", [("content-type", "application/graphql")], 415),
        ("POST", [("content-type", "text/plain"), ("content-type", "application/json")], 415),
        ("POST", [("content-type", "application/json"), ("content-type", "text/plain")], 415),
    ],
)
def test_operation_that_a_browser_sends_without_preflight_is_rejected(
    address: str, method: str, headers: list[tuple[str, str]], status: int
) -> None:
    for path in ("/graphql", "/graphql/", "/graph%71l"):
        # httpx adds a default Accept header.
        given = headers if any(name == "accept" for name, _ in headers) else [*headers, ("accept", "*/*")]
        response = httpx.request(method, f"{address}{path}{QUERY}", headers=given)
        assert response.status_code == status
        assert "reached" not in response.text


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8"])
def test_operation_as_json_and_the_query_editor_are_served(address: str, kind: str) -> None:
    assert (
        httpx.post(f"{address}/graphql", headers={"content-type": kind}, content="{}", timeout=PATIENCE_S).text
        == "reached"
    )
    assert httpx.get(f"{address}/graphql", headers=[HTML], timeout=PATIENCE_S).text == "reached"
    assert httpx.get(f"{address}/runs", timeout=PATIENCE_S).text == "reached"
