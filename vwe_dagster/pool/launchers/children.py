"""Child processes of this process. Only the parent can read their exit codes, and it must, or they stay zombies."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable


class Children:
    """The child processes of this process by handle; empty again in a forked process."""

    def __init__(self) -> None:
        self._reset()

    def adopt(self, handle: str, process: subprocess.Popen[bytes], ended: Callable[[int], None]) -> None:
        """Register a child. :meth:`reap` calls ``ended`` with its exit code after it has ended."""
        self._reset_after_fork()
        with self._lock:
            self._living[handle] = process, ended

    def reap(self) -> None:
        """Remove the children that have ended, and store their exit codes."""
        self._reset_after_fork()
        with self._lock:
            for handle, (process, ended) in list(self._living.items()):
                code = process.poll()
                if code is not None:
                    self._codes[handle] = code
                    del self._living[handle]
                    ended(code)

    def exit_code(self, handle: str) -> int | None:
        """Return the exit code of a child that has ended, negative for a signal; None if it is unknown."""
        self.reap()
        return self._codes.get(handle)

    def _reset_after_fork(self) -> None:
        if self._process != os.getpid():
            self._reset()

    def _reset(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._living: dict[str, tuple[subprocess.Popen[bytes], Callable[[int], None]]] = {}
        self._codes: dict[str, int] = {}


CHILDREN = Children()
"""The children of this process, shared by all its launchers."""
