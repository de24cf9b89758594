"""A map server is found while it runs, and never after its end."""

from __future__ import annotations

import json
import multiprocessing
import socket
from pathlib import Path

import pytest

from vwe_dagster.config.local_servers import LocalServer, recorded_server, running_server

PROCESSES = multiprocessing.get_context("spawn")
PATIENCE_S = 60


def record_and_wait(folder: Path, address: str, ready: socket.socket) -> None:
    """Record a server and keep running until the process is killed."""
    with recorded_server(folder, LocalServer.MAP, address):
        ready.sendall(b"1")
        ready.recv(1)


def address_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_server_is_found_while_it_runs(tmp_path: Path) -> None:
    assert running_server(tmp_path, LocalServer.MAP) is None
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        recorded_server(tmp_path, LocalServer.MAP, address_of(listener)),
    ):
        assert running_server(tmp_path, LocalServer.MAP) == address_of(listener)
    assert running_server(tmp_path, LocalServer.MAP) is None


def test_killed_server_is_not_found_even_if_its_port_is_in_use(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listener:
        server = PROCESSES.Process(target=record_and_wait, args=(tmp_path, address_of(listener), theirs))
        server.start()
        ours.settimeout(PATIENCE_S)
        assert ours.recv(1) == b"1"
        assert running_server(tmp_path, LocalServer.MAP) == address_of(listener)
        server.kill()
        server.join()
        assert running_server(tmp_path, LocalServer.MAP) is None
        with recorded_server(tmp_path, LocalServer.MAP, address_of(listener)):
            assert running_server(tmp_path, LocalServer.MAP) == address_of(listener)


def test_server_that_accepts_no_connection_is_not_found(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = address_of(listener)
    with recorded_server(tmp_path, LocalServer.MAP, address):
        assert running_server(tmp_path, LocalServer.MAP) is None


def test_second_server_keeps_the_record_of_the_first(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        recorded_server(tmp_path, LocalServer.MAP, address_of(listener)),
    ):
        with recorded_server(tmp_path, LocalServer.MAP, "http://127.0.0.1:9"):
            assert running_server(tmp_path, LocalServer.MAP) == address_of(listener)
        assert running_server(tmp_path, LocalServer.MAP) == address_of(listener)


@pytest.mark.parametrize(
    "record",
    ["", "[]", "{}", "\xff", json.dumps({"address": "http://example.com:80"}), '{"address": "http://127.0.0.1:99999"}'],
)
def test_invalid_record_is_ignored(tmp_path: Path, record: str) -> None:
    with recorded_server(tmp_path, LocalServer.MAP, "http://127.0.0.1:9"):
        (tmp_path / ".vwe" / "serve.json").write_bytes(record.encode("latin-1"))
        assert running_server(tmp_path, LocalServer.MAP) is None


def test_home_that_cannot_be_written_has_no_record(tmp_path: Path) -> None:
    (tmp_path / ".vwe").write_text("a file in the place of the folder")
    with recorded_server(tmp_path, LocalServer.MAP, "http://127.0.0.1:9"):
        assert running_server(tmp_path, LocalServer.MAP) is None
