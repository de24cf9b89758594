"""The commands that install the optional packages of the project."""

from __future__ import annotations

import sys
from pathlib import Path

from vwe_dagster.text.commands import command_line

_MAKE_TARGETS = {"hosts": "hosts"}
"""The targets of the Makefile that install extras; they also check the hashes of the packages."""


def install_command(extra: str, checkout: Path | None) -> str:
    """Return the command that installs the packages of an extra.

    Args:
        extra: the name of the extra in ``pyproject.toml``.
        checkout: the checkout that the package runs from; None if it was installed from a wheel.
    """
    if checkout is None:
        return command_line("pip", "install", f"vwe-dagster[{extra}]")
    if extra in _MAKE_TARGETS:
        folder = () if checkout == Path.cwd() else ("-C", str(checkout))
        return command_line("make", *folder, _MAKE_TARGETS[extra])
    return command_line(sys.executable, "-m", "pip", "install", "--editable", f"{checkout}[{extra}]")
