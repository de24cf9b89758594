"""The logs of engines: one file per engine in the pool's folder, kept after the engine's end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vwe_dagster.pool.launcher import LauncherError

_STARTING_TIMEOUT_S = 2.0
_POLL_S = 0.01
_TAIL = 256 * 1024
"""Bytes at the end of a log that are read."""

_OUT_OF_MEMORY_SIGNS = ("MemoryError", "out of memory", "bad_alloc", "Cannot allocate memory")


class EngineLogs:
    """The logs of one pool's engines, in ``folder/logs``."""

    def __init__(self, folder: Path) -> None:
        """Set the folder of the logs within the pool's ``folder``, without creating it."""
        self._folder = folder / "logs"

    def _exit_path(self, engine: str) -> Path:
        return self._folder / f"{engine}.exit"

    def _create_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _unusable(self._folder, error) from error

    def path(self, engine: str) -> Path:
        """Return the path of an engine's log, which need not exist."""
        return self._folder / f"{engine}.log"

    def open(self, engine: str) -> int:
        """Open the log of an engine for appending, readable by this user only.

        Returns:
            A file descriptor that child processes do not inherit.

        Raises:
            LauncherError: the file cannot be opened.
        """
        self._create_folder()
        try:
            return os.open(self.path(engine), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self.path(engine), error) from error

    def save(self, engine: str, log: bytes) -> None:
        """Append the log of a container that is about to be removed."""
        descriptor = self.open(engine)
        with os.fdopen(descriptor, "wb") as file:
            file.write(log)

    def tail(self, engine: str, lines: int) -> str:
        """Return the last lines of a log; an empty text if it does not exist."""
        try:
            with self.path(engine).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return last_lines(text, lines)

    def remove(self, engine: str) -> None:
        """Remove the log of an engine; do nothing if it does not exist."""
        for path in (self.path(engine), self._exit_path(engine)):
            with contextlib.suppress(OSError):
                path.unlink()

    def save_exit_code(self, engine: str, code: int) -> None:
        """Store the exit code of an engine for processes that did not start it; ignore write errors."""
        with contextlib.suppress(OSError):
            self._exit_path(engine).write_text(str(code), encoding="ascii")

    def exit_code(self, engine: str) -> int | None:
        """Return the stored exit code of an engine, negative for a signal; None if no code was stored."""
        try:
            return int(self._exit_path(engine).read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None

    def remove_others(
        self, keep: set[str], alive: Callable[[], set[str]], others: Callable[[], set[str]] = set
    ) -> set[str]:
        """Remove the logs of engines that no longer exist; remove none while an engine is starting.

        Args:
            keep: engines whose logs stay.
            alive: returns the existing engines; called after the folder was listed.
            others: returns engines that may have left files other than a log.

        Returns:
            The engines that are neither in ``keep`` nor alive.
        """
        self._create_folder()
        with _flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
            found = {path.stem for path in self._folder.glob("*.log")} | others() if held else set()
            dead = found - keep
            dead -= alive() if dead else set()
            for engine in dead:
                self.remove(engine)
            return dead

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Prevent other processes from removing the log of an engine that is starting.

        A process that was stopped while it removed logs delays this by at most 2 s. Its list of dead engines does not
        contain the new engine.
        """
        self._create_folder()
        ends = time.monotonic() + _STARTING_TIMEOUT_S
        with contextlib.ExitStack() as stack:
            while not stack.enter_context(_flock(self._folder, fcntl.LOCK_SH | fcntl.LOCK_NB)):
                stack.close()
                if time.monotonic() > ends:
                    break
                time.sleep(_POLL_S)
            yield


def _unusable(path: Path, error: OSError) -> LauncherError:
    return LauncherError(
        f"{path}, used for the logs of engines, cannot be used ({error.strerror}); it contains no part of a world. "
        f"Check that this user may write to it, or move it away and try again."
    )


def last_lines(text: str, lines: int) -> str:
    """Return the last lines of a text, without empty lines at its end."""
    return "\n".join(text.rstrip().splitlines()[-lines:]) if lines > 0 else ""


def shows_out_of_memory(log: str) -> bool:
    """Return whether the last line of a log reports that memory ran out."""
    last = last_lines(log, 1)
    return any(sign in last for sign in _OUT_OF_MEMORY_SIGNS)


@contextmanager
def _flock(folder: Path, how: int) -> Iterator[bool]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield _locked(descriptor, how)
    finally:
        os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how)
    except BlockingIOError:
        return False
    return True
