"""Interrupts while modules are imported, when there is nothing to clean up."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

from vwe_dagster.cli.entry import end_interrupted


@contextlib.contextmanager
def exiting_on_interrupt() -> Iterator[None]:
    """End the process immediately on Ctrl-C within the block.

    A KeyboardInterrupt during an import may be swallowed: by a callback, or by a library that catches everything.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: end_interrupted())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
