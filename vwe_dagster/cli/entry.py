"""The entry point of ``vwe``: handles interrupts and unusable output before the other modules are imported."""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import signal
import sys
import unicodedata
from typing import NoReturn

_INTERRUPTED = 128 + signal.SIGINT
_OUTPUT_FAILED = 1


def main() -> NoReturn:
    """Run ``vwe`` and exit with its code."""
    try:
        _degrade_characters()
        from vwe_dagster.cli.app import run  # noqa: PLC0415  takes half a second, which may be interrupted

        code = run()
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = _end(_INTERRUPTED, "Interrupted.")
    except BrokenPipeError:
        code = _end(_OUTPUT_FAILED, None)
    except OSError as error:
        if error.filename is not None:
            raise
        code = _end(_OUTPUT_FAILED, f"error: cannot write the output ({error.strerror}); free space or redirect it.")
    sys.exit(code)


def _end(code: int, message: str | None) -> int:
    """Print a last message if possible, and detach the output, so that Python's own flush at exit cannot fail."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        if message is not None:
            sys.stderr.write(f"{message}\n")
        sys.stderr.flush()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            os.dup2(null, stream.fileno())
    return code


def _degrade_characters() -> None:
    """Replace characters that the output cannot encode by similar ASCII, such as ``km2`` for ``km²``."""
    codecs.register_error("vwe.similar", _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="vwe.similar")


def _similar(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = unicodedata.normalize("NFKD", error.object[error.start : error.end])
    plain = text.translate(_SIMILAR).encode("ascii", "ignore").decode()
    return plain or "?" * (error.end - error.start), error.end


_SIMILAR = str.maketrans({"–": "-", "—": "-", "×": "x", "…": "...", "·": "-", "‘": "'", "’": "'", "“": '"', "”": '"'})  # noqa: RUF001
