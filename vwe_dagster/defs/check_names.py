"""The names of the steps in which assets are checked."""

from __future__ import annotations

_BEGINNING = "check_"


def step_of(asset: str) -> str:
    """The step that runs the checks of an asset."""
    return f"{_BEGINNING}{asset}"


def is_check(step: str) -> bool:
    """Whether a step runs checks, and makes nothing."""
    return step.startswith(_BEGINNING)
