"""The server limits what a client can occupy, and for how long."""

from __future__ import annotations

import contextlib
import logging
import resource
import socket
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from vwe_dagster.web import http_server
from vwe_dagster.web.log_limit import MAX_RECORDS
from vwe_dagster_tests.command import PATIENCE_S
from vwe_dagster_tests.web.serving import running, served

HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"
MIB = 1024 * 1024


async def _length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _large(_: Request) -> Response:
    return Response(b"x" * 8 * MIB)


async def _accept(websocket: WebSocket) -> None:
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        await websocket.receive()


@pytest.fixture
def port() -> Iterator[int]:
    routes = [Route("/", _length, methods=["GET", "POST"]), Route("/large", _large)]
    with served(Starlette(routes=routes)) as port:
        yield port


def connected(port: int, data: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(data)
    return client


def is_served(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text == "0"


def is_closed(client: socket.socket) -> bool:
    """Wait until the server closes a connection."""
    with contextlib.suppress(ConnectionError):
        while client.recv(MIB):
            pass
    return True


@pytest.mark.parametrize(
    ("clients", "sent"),
    [
        (1300, b""),
        (1300, HALF),
        (1300, b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf"),
        (200, b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    ],
    ids=["nothing", "half a head", "half a body", "a request without reading the response"],
)
def test_server_answers_while_many_clients_wait(
    port: int, clients: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 100)
    before = psutil.Process().num_fds()
    with contextlib.ExitStack() as stack:
        for number in range(clients):
            with contextlib.suppress(ConnectionError):
                stack.enter_context(connected(port, sent))
            if number % 100 == 99:
                assert is_served(port)
        # The clients' sockets are in this process, too.
        assert psutil.Process().num_fds() - before < clients + 100 + 50


def test_connections_stay_below_the_limit_of_open_files() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        for files in (64, 256, 1024, limits[1]):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, limits[1]))
            assert http_server.max_connections() * 5 / 4 < files
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("sent", [b"", HALF, b"\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"])
def test_incomplete_request_ends_the_connection(port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(http_server._DEADLINES, http_server._Wait.HEAD, 0.3)  # noqa: SLF001  10 s in production
    monkeypatch.setitem(http_server._DEADLINES, http_server._Wait.BODY, 0.3)  # noqa: SLF001
    with connected(port, sent) as client:
        assert is_closed(client)


def test_slow_head_ends_the_connection(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(http_server._DEADLINES, http_server._Wait.HEAD, 0.5)  # noqa: SLF001

    def drip() -> None:
        for _ in range(200):
            client.sendall(b"a")
            time.sleep(0.05)

    with connected(port, HALF) as client, pytest.raises(ConnectionError):
        drip()


def test_time_limits_match_the_documentation() -> None:
    assert http_server._DEADLINES == {http_server._Wait.HEAD: 10, http_server._Wait.BODY: 60}  # noqa: SLF001


def test_second_request_on_a_connection_has_its_own_deadline(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(http_server._DEADLINES, http_server._Wait.HEAD, 0.5)  # noqa: SLF001
    request = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with connected(port, request) as client:
        for _ in range(2):
            received = b""
            while not received.endswith(b"\r\n\r\n0"):
                received += client.recv(MIB)
            time.sleep(1)
            client.sendall(request)
        client.sendall(HALF)
        assert is_closed(client)


@pytest.mark.parametrize("piece", [b"X-A: b\r\n", b"a" * 1000], ids=["endless headers", "endless value"])
def test_endless_head_is_rejected_within_bounded_memory(port: int, piece: bytes) -> None:
    process = psutil.Process()
    pieces = piece * (100_000 // len(piece))
    is_served(port)
    before = process.memory_info().rss
    with connected(port, HALF) as client:
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 100 * MIB:
                client.sendall(pieces)
                sent += len(pieces)
        assert sent < 20 * MIB
    assert process.memory_info().rss - before < 20 * MIB
    assert is_served(port)


@pytest.mark.parametrize(("size", "status"), [(59 * 1024, b"200"), (64 * 1024, b"400"), (MIB, b"400")])
def test_head_is_limited_to_64_kib_in_any_segmentation(port: int, size: int, status: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "
    for step in (size, 1024):
        with connected(port, head) as client:
            with contextlib.suppress(ConnectionError):
                for _ in range(0, size, step):
                    client.sendall(b"a" * step)
                client.sendall(b"\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(64).split()[1] == status


def test_endless_body_ends_the_connection(port: int) -> None:
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    sent = 0
    head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(port, head) as client, contextlib.suppress(ConnectionError):
        while sent < 100 * MIB:
            client.sendall(chunk)
            sent += len(chunk)
    assert sent < 30 * MIB
    body = b"a" * (http_server.MAX_BODY_BYTES - 1000)
    assert httpx.post(f"http://127.0.0.1:{port}/", content=body, timeout=60).text == str(len(body))


def test_server_answers_while_many_websockets_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "MAX_CONNECTIONS", 50)
    upgrade = (
        b"GET /socket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    app = Starlette(routes=[Route("/", _length), WebSocketRoute("/socket", _accept)])
    with served(app, websockets=True) as port, contextlib.ExitStack() as stack:
        for _ in range(120):
            client = stack.enter_context(connected(port, upgrade))
            assert client.recv(MIB).startswith(b"HTTP/1.1 101")
        assert is_served(port)


def test_body_in_several_pieces_is_complete(port: int) -> None:
    body = bytes(range(256)) * 4000
    assert httpx.post(f"http://127.0.0.1:{port}/", content=body, timeout=60).text == str(len(body))


def test_pipelined_requests_are_all_answered(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3000\r\n\r\n" + b"x" * 3000
    with connected(port, request * 20) as client:
        received = b""
        while received.count(b"\r\n\r\n3000") < 20:
            received += client.recv(MIB)


def test_flood_of_invalid_requests_does_not_fill_the_log(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(50):
            with connected(port, b"no HTTP\r\n\r\n") as client:
                assert is_closed(client)
    assert len([record for record in caplog.records if record.name == "uvicorn.error"]) <= MAX_RECORDS


def test_responses_do_not_wait_for_acknowledgments() -> None:
    """Without TCP_NODELAY, the body of each response waits 40 ms for the acknowledgment of its head."""
    acknowledging = http_server.HttpServer(Starlette(), log_level=None, handles_signals=False)
    with (
        running(acknowledging) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client,
    ):
        client.get("/")
        (connection,) = acknowledging.server_state.connections
        assert connection.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
