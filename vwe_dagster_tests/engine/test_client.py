"""Test that the client fetches worlds despite broken connections, and reports failures with their cause."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import http.server
import socket
import threading
from collections.abc import Iterator
from typing import Self

import numpy as np
import pytest
from starlette.types import ASGIApp

from vwe_dagster.engine.client import EngineClient, EngineRefusedError, JobTerms, run_job
from vwe_dagster.engine.connections import EngineUnreachableError
from vwe_dagster.engine.jobs import Jobs
from vwe_dagster.engine.messages import LOCATIONS, EngineError, WorldRequest
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.engine.protocol import MAX_JOB_BYTES, EngineState, JobState, JobStatus, LayerInfo
from vwe_dagster.engine.server import engine_app
from vwe_dagster.locations.location_table import LocationTable
from vwe_dagster.locations.table_file import shipped_table
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.web.http_server import HttpServer
from vwe_dagster.world.grid import Grid
from vwe_dagster.worldgen import World
from vwe_dagster_tests.engine.engines import a_job, running_engine, wait_until

SMALL, LONG = WorldRequest(1, Grid.of_world(64)), WorldRequest(1, Grid.of_world(4096))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running_engine(tcp=False) as engine:
        yield engine.address


@pytest.fixture
def client(address: str) -> Iterator[EngineClient]:
    with EngineClient(address) as client:
        yield client


class Severing:
    """A relay to an engine that cuts a number of connections after some bytes."""

    def __init__(self, address: str, cuts: list[int]) -> None:
        self._path, self._cuts = address.removeprefix("unix:"), cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self._path)
            left = self._cuts.pop(0) if self._cuts else 2**40
            threading.Thread(target=self._relay, args=(caller, engine, 2**40), daemon=True).start()
            threading.Thread(target=self._relay, args=(engine, caller, left), daemon=True).start()

    def _relay(self, source: socket.socket, target: socket.socket, left: int) -> None:
        with contextlib.suppress(OSError):
            while left > 0 and (data := source.recv(min(left, 65536))):
                target.sendall(data)
                left -= len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_world_is_fetched_despite_broken_connections(address: str, client: EngineClient, token: int) -> None:
    cuts = [0, 300, 1, 1900, 40_000]
    relay = Severing(address, cuts)
    with EngineClient(relay.address) as severed:
        export = run_job(severed, SMALL, JobTerms(token=token, job_id=f"job-{token}", deadline_s=60))
    relay.close()
    assert cuts == []
    assert client.status().jobs_done >= 1
    expected = NativeEngine().generate(SMALL)
    for name, plane in expected.planes.items():
        np.testing.assert_array_equal(export.planes[name], plane)
    assert export.lines == expected.lines


def test_running_job_is_followed(client: EngineClient, token: int) -> None:
    done = client.status().jobs_done
    for _ in range(2):
        run_job(client, SMALL, JobTerms(token=token, job_id=f"job-{token}", deadline_s=60))
    assert client.status().jobs_done == done + 1


def test_exporting_is_called_once_between_the_job_and_its_layers(client: EngineClient, token: int) -> None:
    reported: list[str] = []
    run_job(
        client,
        SMALL,
        JobTerms(
            token=token,
            job_id=f"job-{token}",
            deadline_s=60,
            progress=lambda fraction, phase: reported.append(f"{fraction} {phase}"),
            exporting=lambda: reported.append("exporting"),
        ),
    )
    assert reported[-2:] == ["1.0 done", "exporting"]
    assert reported.count("exporting") == 1


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("reported to")])
def test_exception_in_progress_cancels_the_job(client: EngineClient, token: int, error: BaseException) -> None:
    def progress(fraction: float, phase: str) -> None:  # noqa: ARG001
        if fraction > 0:
            raise error

    job_id = f"job-{token}"
    with pytest.raises(type(error)):
        run_job(client, LONG, JobTerms(token=token, job_id=job_id, deadline_s=60, progress=progress))
    wait_until(lambda: client.job(job_id).state is not JobState.RUNNING)
    assert client.job(job_id).state is JobState.CANCELLED
    assert client.status().state is EngineState.READY


def test_late_job_fails_at_its_deadline(client: EngineClient, token: int) -> None:
    with pytest.raises(EngineError, match=r"within 0\.2 s; allow more time"):
        run_job(client, LONG, JobTerms(token=token, job_id=f"job-{token}", deadline_s=0.2))
    wait_until(lambda: client.status().state is EngineState.READY)


def test_world_without_a_requested_layer_is_rejected(address: str, token: int) -> None:
    class Forgetful(EngineClient):
        def job(self, job_id: str, *, wait_s: float = 0, seen: str | None = None) -> JobStatus:
            status = super().job(job_id, wait_s=wait_s, seen=seen)
            return status.model_copy(update={"layers": status.layers[1:]})

    with Forgetful(address) as client, pytest.raises(EngineError, match="was asked for the layers biome, height, lava"):
        run_job(client, SMALL, JobTerms(token=token, job_id=f"job-{token}", deadline_s=60))


def test_rejection_has_the_message_of_the_engine(client: EngineClient, token: int) -> None:
    with pytest.raises(EngineRefusedError, match="There is no layer gold") as error:
        run_job(
            client,
            WorldRequest(1, SMALL.grid, layers=("gold",)),
            JobTerms(token=token, job_id=f"job-{token}", deadline_s=60),
        )
    assert (error.value.code, error.value.status) == ("unknown_layer", 422)


def test_layers_can_be_fetched_by_many_threads_concurrently(client: EngineClient, token: int) -> None:
    job = client.start(a_job(token, size=256))
    while job.state is JobState.RUNNING:
        job = client.job(job.job_id, wait_s=30, seen=job.seen)
    fetched: list[int] = []
    threads = [
        threading.Thread(target=lambda: fetched.append(len(client.fetch(job.job_id, job.layers[0])))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert fetched == [256] * 8


@pytest.mark.parametrize("address_", ["", "unix:", "localhost:80", "https://localhost:80", "http://localhost"])
def test_invalid_address_is_rejected(address_: str) -> None:
    with pytest.raises(EngineError, match="Invalid engine address"):
        EngineClient(address_)


class Dripping:
    """A server that answers with a head and then sends the body byte by byte, slowly."""

    def __init__(self, *, content_length: int, chunk: bytes, pause_s: float, chunks: int) -> None:
        self._head = f"HTTP/1.1 200 OK\r\nContent-Length: {content_length}\r\n\r\n".encode()
        self._chunk, self._pause_s, self._chunks = chunk, pause_s, chunks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.has_finished = False
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        caller, _ = self._listener.accept()
        with contextlib.suppress(OSError), caller:
            caller.sendall(self._head)
            for _ in range(self._chunks):
                caller.sendall(self._chunk)
                threading.Event().wait(self._pause_s)
            self.has_finished = True


def test_slow_response_fails_at_the_deadline_of_the_call() -> None:
    with Dripping(content_length=1000, chunk=b" ", pause_s=0.1, chunks=300) as server:
        with (
            EngineClient(server.address, timeout_s=0.5) as client,
            pytest.raises(EngineUnreachableError, match="timed"),
        ):
            client.status()
        assert not server.has_finished


def test_slow_layer_fails_at_the_deadline_of_the_job() -> None:
    facts = LayerInfo(name="rivers", kind="lines", dtype=None, shape=(1,), offset=0, bytes=1000, sha256="0" * 64)
    with Dripping(content_length=1000, chunk=b" ", pause_s=0.1, chunks=300) as server:
        with EngineClient(server.address, timeout_s=60) as client, pytest.raises(EngineUnreachableError, match="timed"):
            client.download("job", facts, timeout_s=0.5)
        assert not server.has_finished


def test_too_long_response_is_not_read_completely() -> None:
    with Dripping(content_length=2**40, chunk=b" " * 2**16, pause_s=0, chunks=2**24) as server:
        with (
            EngineClient(server.address) as client,
            pytest.raises(EngineError, match="more than 1048576 bytes of JSON"),
        ):
            client.status()
        assert not server.has_finished


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("height", {"shape": (16384, 16384)}, "planes of 64 x 64 cells"),
        ("height", {"dtype": "float64"}, "is a plane layer of type float64, not a plane of type float32"),
        ("height", {"kind": "lines", "dtype": None, "shape": (1,)}, "is a lines layer of type None"),
    ],
)
def test_layer_that_differs_from_the_request_is_not_fetched(
    address: str, token: int, name: str, changes: dict[str, object], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Exaggerating(EngineClient):
        def job(self, job_id: str, *, wait_s: float = 0, seen: str | None = None) -> JobStatus:
            status = super().job(job_id, wait_s=wait_s, seen=seen)
            layers = [facts.model_copy(update=changes) if facts.name == name else facts for facts in status.layers]
            return status.model_copy(update={"layers": tuple(layers)})

    # The client allocates memory by the engine's metadata of a layer.
    monkeypatch.setattr("vwe_dagster.engine.client.IncomingLayer", None)
    with Exaggerating(address) as client, pytest.raises(EngineError, match=words):
        run_job(client, SMALL, JobTerms(token=token, job_id=f"job-{token}", deadline_s=60))


def test_server_of_another_protocol_is_reported() -> None:
    class Stranger(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"{}" if self.path == "/v1/status" else b"<html>"
            self.send_response(200 if body == b"{}" else 502)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with EngineClient(f"http://127.0.0.1:{server.server_port}") as client:
            with pytest.raises(EngineError, match="does not speak version 1"):
                client.status()
            with pytest.raises(EngineError, match="is not an engine: it answered with HTTP status 502"):
                client.job("job")
        server.shutdown()
        thread.join()
    with EngineClient(f"http://127.0.0.1:{server.server_port}") as client, pytest.raises(EngineUnreachableError):
        client.status()


def some_types(name: str = "Modded") -> LocationTable:
    """Return the game's table, reduced to a few types."""
    return dataclasses.replace(shipped_table(), name=name, types=shipped_table().types[3:6])


def test_locations_are_placed_by_the_table_of_the_request(client: EngineClient, token: int) -> None:
    table = some_types()
    request = dataclasses.replace(SMALL, layers=("height",), if_offered=(LOCATIONS,), location_table=table)
    job = f"table-{token}"
    export = run_job(client, request, JobTerms(token=token, job_id=job, deadline_s=60))
    expected = World(1).locations(table=table)
    assert [line["prefab"] for line in export.lines[LOCATIONS]] == expected.prefab.tolist()
    assert [line["x_m"] for line in export.lines[LOCATIONS]] == expected.x.tolist()
    assert set(expected.prefab) == set(table.prefabs)


def test_invalid_location_table_is_rejected_before_the_job(client: EngineClient, token: int) -> None:
    document = LocationTableDocument.of(some_types())
    first, *others = document.types
    impossible = document.model_copy(update={"types": (dataclasses.replace(first, max_delta=-1.0), *others)})
    job = a_job(token).model_copy(update={"location_table": impossible})
    with pytest.raises(EngineRefusedError, match=r"location_table, types, row 1, column max_delta: -1\.0") as refused:
        client.start(job)
    assert refused.value.code == "invalid"


def test_request_with_an_oversized_location_table_is_rejected(client: EngineClient, token: int) -> None:
    document = LocationTableDocument.of(some_types()).model_copy(update={"sources": "x" * MAX_JOB_BYTES})
    with pytest.raises(EngineRefusedError, match="at most 1024 KiB") as refused:
        client.start(a_job(token).model_copy(update={"location_table": document}))
    assert refused.value.code == "too_large"


def test_the_native_engine_reports_the_shipped_location_table(client: EngineClient) -> None:
    table = client.location_table().table("the engine")
    assert table == shipped_table()
    assert table.sha256 == shipped_table().sha256


@contextlib.contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """Serve an engine in a thread and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = HttpServer(app, keep_alive_s=75, log_level=None, handles_signals=False)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def test_engine_without_location_table_call_generates_worlds() -> None:
    with served(engine_app(Jobs(NativeEngine()))) as address, EngineClient(address) as client:
        with pytest.raises(EngineError, match="does not report its location table") as error:
            client.location_table()
        assert "The protocol has no call GET /v1/location-table. Update the engine" in str(error.value)
        client.claim(1)
        export = run_job(client, SMALL, JobTerms(token=1, job_id="older", deadline_s=60))
        assert set(export.planes) == {"biome", "height", "lava"}
