"""The servers of a home on this machine: whether `vwe serve` and `vwe ui` are running, and at which addresses."""

from __future__ import annotations

import contextlib
import enum
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock

from vwe_dagster.files.atomic import write_atomically
from vwe_dagster.files.bounded_read import NotAFileError, read_file

HOST, PORT = "127.0.0.1", 8080
"""The default address of the map server."""

_ADDRESS = re.compile(r"http://(?P<host>127\.0\.0\.1):(?P<port>[1-9][0-9]{0,4})")
_MAX_BYTES = 1000
_CONNECT_S = 2.0


class LocalServer(enum.StrEnum):
    """A server of a home; its value is the name of its record."""

    MAP = "serve"
    UI = "ui"


@contextlib.contextmanager
def recorded_server(home: Path, server: LocalServer, address: str) -> Iterator[None]:
    """Record the address of a server for the block, unless another such server of the home is recorded.

    The server holds a lock for the block. The kernel releases the lock of a killed server, so its record is ignored.
    A home that cannot be written has no record.

    Args:
        home: the home folder.
        server: the server.
        address: its URL, without a slash at the end.
    """
    record = _record_of(home, server)
    with contextlib.ExitStack() as until_ended:
        with contextlib.suppress(OSError, NotImplementedError):
            record.parent.mkdir(parents=True, exist_ok=True)
            until_ended.enter_context(_lock_of(record))
            write_atomically(record, json.dumps({"address": address}).encode())
            until_ended.callback(record.unlink, missing_ok=True)
        yield


def running_server(home: Path, server: LocalServer) -> str | None:
    """Return the URL of a running server of a home folder, without a slash at the end; None if it does not run."""
    record = _record_of(home, server)
    try:
        if _is_free(record):
            return None
        address = str(json.loads(read_file(record, _MAX_BYTES))["address"])
    except (OSError, NotImplementedError, NotAFileError, ValueError, KeyError, TypeError):
        return None
    match = _ADDRESS.fullmatch(address)
    return address if match is not None and _accepts_connections(match["host"], int(match["port"])) else None


def _record_of(home: Path, server: LocalServer) -> Path:
    return home / ".vwe" / f"{server}.json"


def _lock_of(record: Path) -> FileLock:
    return FileLock(record.with_suffix(".lock"), timeout=0)


def _is_free(record: Path) -> bool:
    """Return whether no running server has the lock of a record."""
    if not record.is_file():
        return True
    with contextlib.suppress(TimeoutError), _lock_of(record):
        return True
    return False


def _accepts_connections(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_S):
            return True
    except (OSError, OverflowError):
        return False
