"""The entry point of ``vwe``: handles interrupts and unusable output before anything else is imported."""

from __future__ import annotations

import os
import sys

from vwe_dagster.cli.exit_codes import FAILED, INTERRUPTED, INTERRUPTED_MESSAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> NoReturn:
    """Run ``vwe`` and exit with its code."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115  open as long as the process runs
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    try:
        from vwe_dagster.cli.interrupts import exiting_on_interrupt, resend_swallowed_interrupts  # noqa: PLC0415

        resend_swallowed_interrupts()
        with exiting_on_interrupt():
            from vwe_dagster.cli.app import run  # noqa: PLC0415
            from vwe_dagster.cli.streams import degrade_characters  # noqa: PLC0415

        degrade_characters()
        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        end_interrupted()
    except BrokenPipeError:
        _end(FAILED, "")
    except OSError as error:
        if error.filename is not None:
            raise
        _end(FAILED, f"error: cannot write the output ({error.strerror}); free space or redirect it.\n")
    sys.exit(code)


def end_interrupted() -> NoReturn:
    """End the process as Ctrl-C does: with one line and the exit code 130."""
    _end(INTERRUPTED, f"{INTERRUPTED_MESSAGE}\n")


def _end(code: int, message: str) -> NoReturn:
    """Print a last message if possible and end the process, without Python's own flush, which may fail again."""
    for stream, text in ((sys.stdout, ""), (sys.stderr, message)):
        try:
            stream.write(text)
            stream.flush()
        except (OSError, RuntimeError, KeyboardInterrupt):
            continue
    os._exit(code)
