"""Rooms: a private folder per engine, with a path short enough for the unix socket in it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from vwe_dagster.pool.launcher import LauncherError

SOCKET = "engine.sock"
TOKEN = "token"  # noqa: S105  the name of the file with the bearer token

_LONGEST_SOCKET = 100
"""Bytes of a socket's path; systems allow 103 to 107."""


def room_of(engine: str) -> Path:
    """Where the room of an engine is, made or not.

    Raises:
        LauncherError: the path would be too long for a socket.
    """
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  what is made below it is checked to be ours
        room = Path(base) / f"vwe-{os.getuid()}" / engine
        if len(os.fsencode(room / SOCKET)) <= _LONGEST_SOCKET:
            return room
    raise LauncherError(
        f"The engine's name {engine} is too long for the path of a socket; give the pool a shorter name."
    )


def open_room(engine: str) -> Path:
    """Makes the room of an engine, which only this user may enter.

    Raises:
        LauncherError: somebody else owns the folder of the rooms, or may enter it, or it cannot be made.
    """
    room = room_of(engine)
    try:
        room.parent.mkdir(mode=0o700, exist_ok=True)
        facts = room.parent.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077:
            raise LauncherError(
                f"{room.parent} is not a folder that only you may enter; remove it, or set TMPDIR to a folder of yours."
            )
        room.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LauncherError(
            f"The folder {room} for an engine's socket cannot be made ({error.strerror}); "
            "set TMPDIR to a folder that you may write to."
        ) from error
    return room


def close_room(engine: str) -> None:
    """Removes the room of an engine with all in it; one that is gone stays gone."""
    shutil.rmtree(room_of(engine), ignore_errors=True)


def write_token(room: Path, token: str) -> Path:
    """Writes a bearer token where only this user can read it.

    Returns:
        The file.
    """
    path = room / TOKEN
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(token)
    return path
