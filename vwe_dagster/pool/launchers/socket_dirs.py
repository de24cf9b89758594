"""Socket directories: one private folder per engine, with a path short enough for a unix socket."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from vwe_dagster.pool.launcher import LauncherError

SOCKET = "engine.sock"
TOKEN = "token"  # noqa: S105  a file name, not a token

_MAX_SOCKET_PATH_BYTES = 100
"""Maximum length of a socket's path in bytes; systems allow 103 to 107."""


def socket_dir_of(engine: str) -> Path:
    """Return the path of an engine's socket directory, which need not exist.

    Raises:
        LauncherError: the path would be too long for a socket.
    """
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108  create_socket_dir checks the owner
        socket_dir = Path(base) / f"vwe-{os.getuid()}" / engine
        if len(os.fsencode(socket_dir / SOCKET)) <= _MAX_SOCKET_PATH_BYTES:
            return socket_dir
    raise LauncherError(
        f"The engine name {engine} is too long for the path of a unix socket; choose a shorter name for the pool."
    )


def create_socket_dir(engine: str) -> Path:
    """Create the socket directory of an engine; only this user may enter it.

    Raises:
        LauncherError: the parent directory belongs to another user, others may enter it, or it cannot be created.
    """
    socket_dir = socket_dir_of(engine)
    try:
        socket_dir.parent.mkdir(mode=0o700, exist_ok=True)
        parent = socket_dir.parent.lstat()
        if not stat.S_ISDIR(parent.st_mode) or parent.st_uid != os.getuid() or stat.S_IMODE(parent.st_mode) & 0o077:
            raise LauncherError(
                f"The folder {socket_dir.parent} is open to other users; remove it, or set TMPDIR to a private folder."
            )
        socket_dir.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LauncherError(
            f"The folder {socket_dir} for an engine's socket cannot be created ({error.strerror}); "
            "set TMPDIR to a writable folder."
        ) from error
    return socket_dir


def engines_with_socket_dirs(pool_id: str) -> set[str]:
    """Return the names of a pool's engines that have a socket directory, running or not."""
    bases = {tempfile.gettempdir(), "/tmp"}  # noqa: S108  see socket_dir_of
    return {path.name for base in bases for path in Path(base, f"vwe-{os.getuid()}").glob(f"{pool_id}-*")}


def remove_socket_dir(engine: str) -> None:
    """Remove the socket directory of an engine with its contents; do nothing if it does not exist."""
    shutil.rmtree(socket_dir_of(engine), ignore_errors=True)


def write_token(socket_dir: Path, token: str) -> Path:
    """Write a bearer token to a file that only this user can read.

    Returns:
        The path of the file.

    Raises:
        LauncherError: the file cannot be written.
    """
    path = socket_dir / TOKEN
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(token)
    except OSError as error:
        raise LauncherError(
            f"The file {path} for an engine's token cannot be written ({error.strerror}); "
            "set TMPDIR to a writable folder."
        ) from error
    return path
