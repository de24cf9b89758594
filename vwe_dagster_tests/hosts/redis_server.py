"""A Redis server of the tests: a process on a free port, with its own folder."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from vwe_dagster.hosts.redis_connection import connect

_STARTED_WITHIN_S = 30.0


@dataclasses.dataclass
class RedisServer:
    """A Redis server that can be ended and started again on the same port, with the same data.

    Attributes:
        folder: the folder of its data.
        port: its port on loopback.
    """

    folder: Path
    port: int
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        self._process = subprocess.Popen(
            [
                *("redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--appendonly", "yes", "--logfile", str(self.folder / "redis.log")),
            ]
        )
        deadline = time.monotonic() + _STARTED_WITHIN_S
        with connect(self.url) as client:
            while not _answers(client):
                assert time.monotonic() < deadline, "Redis does not start"
                time.sleep(0.05)

    def stop(self) -> None:
        """End the server; its data stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STARTED_WITHIN_S)
            self._process = None


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def is_installed() -> bool:
    """Return whether this machine has the server's program."""
    return shutil.which("redis-server") is not None


@contextlib.contextmanager
def running_redis(folder: Path) -> Iterator[RedisServer]:
    """Yield a running server, and end it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = RedisServer(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
