"""The engines that this very process started: it alone learns their exit codes, and must ask, or they stay zombies."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable


class Children:
    """Child processes by handle. A process that was forked from their parent has none of them."""

    def __init__(self) -> None:
        self._forget()

    def adopt(self, handle: str, process: subprocess.Popen[bytes], ended: Callable[[int], None]) -> None:
        """Take on a child; ``ended`` is called with its exit code when it has ended."""
        self._forget_those_of_a_parent()
        with self._lock:
            self._living[handle] = process, ended

    def reap(self) -> None:
        """Lets go of the children that have ended, and keeps their exit codes."""
        self._forget_those_of_a_parent()
        with self._lock:
            for handle, (process, ended) in list(self._living.items()):
                code = process.poll()
                if code is not None:
                    self._codes[handle] = code
                    del self._living[handle]
                    ended(code)

    def exit_code(self, handle: str) -> int | None:
        """The exit code of a child that has ended, negative for a signal; None where it is not known."""
        self.reap()
        return self._codes.get(handle)

    def _forget_those_of_a_parent(self) -> None:
        if self._process != os.getpid():
            self._forget()

    def _forget(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._living: dict[str, tuple[subprocess.Popen[bytes], Callable[[int], None]]] = {}
        self._codes: dict[str, int] = {}


CHILDREN = Children()
"""Those of this process, whichever launcher started them."""
