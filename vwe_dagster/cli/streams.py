"""Characters that standard output or standard error cannot encode."""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata


def degrade_characters() -> None:
    """Replace characters that the output cannot encode by similar ASCII, such as ``km2`` for ``km²``."""
    codecs.register_error("vwe.similar", _similar)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="vwe.similar")


def _similar(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    written = error.object[error.start : error.end]
    if any(map(str.isalpha, written)):
        # A letter may be part of a name or a seed; replacing it by another one would change that.
        return written.encode("ascii", "backslashreplace").decode(), error.end
    text = unicodedata.normalize("NFKD", written)
    plain = text.translate(_SIMILAR).encode("ascii", "ignore").decode()
    return plain or "?" * (error.end - error.start), error.end


_SIMILAR = str.maketrans({"–": "-", "—": "-", "×": "x", "…": "...", "·": "-", "‘": "'", "’": "'", "“": '"', "”": '"'})  # noqa: RUF001
