"""Ctrl-C where Python would swallow it: during imports, and in callbacks that cannot raise."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator

from vwe_dagster.cli.entry import end_interrupted

_RESEND_DELAY_S = 0.05


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


def resend_swallowed_interrupts() -> None:
    """Interrupt the main thread again when a KeyboardInterrupt is raised where Python ignores exceptions.

    Weak reference callbacks and finalizers are such places: Python prints the exception and continues.
    """
    report = sys.unraisablehook

    def resend(unraisable: sys.UnraisableHookArgs) -> None:
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            # Send a real signal after this hook has returned, so that a pending call such as sleep ends.
            threading.Timer(_RESEND_DELAY_S, os.kill, (os.getpid(), signal.SIGINT)).start()
        else:
            report(unraisable)

    sys.unraisablehook = resend
