"""The command ``vwe docs``: open the documentation in the browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import vwe_dagster
from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.console import notices, say

_BUILT = Path(vwe_dagster.__file__).resolve().parents[1] / "build" / "docs" / "index.html"


def docs() -> None:
    """Open the documentation, built by `make docs`, in the browser."""
    if not _BUILT.is_file():
        raise CommandError(f"The documentation is not built: {_BUILT} is missing; build it with: make docs")
    say(notices(), f"Opening {_BUILT}")
    webbrowser.open(_BUILT.as_uri())
