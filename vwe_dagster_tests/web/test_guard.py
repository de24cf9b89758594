"""The requests that the guard passes to the application."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx
import pytest
import websockets.asyncio.client
import websockets.exceptions
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from vwe_dagster.web.guard import Guard
from vwe_dagster_tests.web.serving import served

FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": ""},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://127.0.0.1:1"},
    {"origin": "http://localhost:{port}"},
    {"origin": "http://127.0.0.1:{port}.evil.example"},
    {"origin": "http://evil.example/http://127.0.0.1:{port}"},
    {"origin": "file://"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
    {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    {"sec-fetch-site": "something-new"},
    {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "cross-site"},
]
HOSTS = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.",
    "127.0.0.2",
    "0.0.0.0",  # noqa: S104  a host in a request
    "[::]",
    "",
    "a@127.0.0.1",
    "127.0.0.1:x",
]


async def _page(_: Request) -> Response:
    return PlainTextResponse("reached")


async def _socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("reached")
    await websocket.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    routes = [Route("/", _page, methods=["GET", "POST"]), WebSocketRoute("/socket", _socket)]
    with served(Guard(Starlette(routes=routes), ["dagster.example"]), websockets=True) as port:
        yield port


def get(port: int, headers: dict[str, str], method: str = "GET") -> httpx.Response:
    return httpx.request(method, f"http://127.0.0.1:{port}/", headers=headers)


def message_over_socket(port: int, headers: dict[str, str]) -> str:
    """Return the message that a WebSocket receives."""

    async def receive() -> str:
        # The client adds its own Host header unless it gets both a URI and a separate address.
        host = headers.get("host", f"127.0.0.1:{port}")
        rest = {name: value for name, value in headers.items() if name != "host"}
        uri = f"ws://{host}/socket"
        async with websockets.asyncio.client.connect(
            uri, host="127.0.0.1", port=port, additional_headers=rest, proxy=None
        ) as connection:
            return str(await connection.recv())

    return asyncio.run(receive())


def assert_socket_is_rejected(port: int, headers: dict[str, str]) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus) as error:
        message_over_socket(port, headers)
    assert error.value.response.status_code == 403


def filled(headers: dict[str, str], port: int) -> dict[str, str]:
    return {name: value.format(port=port) for name, value in headers.items()}


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_request_of_another_sites_page_is_rejected(port: int, headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        response = get(port, filled(headers, port), method)
        assert response.status_code == 403
        assert "reached" not in response.text
    assert_socket_is_rejected(port, filled(headers, port))


@pytest.mark.parametrize("host", HOSTS)
def test_request_for_another_host_is_rejected(port: int, host: str) -> None:
    response = get(port, {"host": host})
    assert response.status_code == 400
    assert "VWE_ALLOWED_HOSTS" in response.text


def test_websocket_for_another_host_is_rejected(port: int) -> None:
    assert_socket_is_rejected(port, {"host": "evil.example"})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:{port}", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
        {"host": "localhost:{port}", "origin": "http://localhost:{port}"},
        {"host": "dagster.example", "origin": "http://dagster.example"},
        {"host": "Dagster.Example", "origin": "https://dagster.example:443"},
        {"host": "[::1]:{port}", "origin": "http://[::1]:{port}"},
    ],
    ids=str,
)
def test_request_of_the_servers_own_page_is_served(port: int, headers: dict[str, str]) -> None:
    assert get(port, filled(headers, port)).text == "reached"
    assert get(port, filled(headers, port), "POST").text == "reached"
    assert message_over_socket(port, filled(headers, port)) == "reached"


def test_link_of_another_site_can_be_followed_but_not_submitted(port: int) -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert get(port, link).text == "reached"
    assert get(port, link, "POST").status_code == 403
    assert_socket_is_rejected(port, link)


def test_request_with_two_hosts_does_not_reach_the_application() -> None:
    """This project's server rejects such a request before the guard; other servers pass it on."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "headers": [(b"host", b"localhost"), (b"host", b"evil.example")]}
    asyncio.run(Guard(Starlette())(scope, receive, send))
    assert sent[0]["status"] == 400
