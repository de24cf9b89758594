"""Names of the steps that run asset checks."""

from __future__ import annotations

_PREFIX = "check_"


def step_of(asset: str) -> str:
    """Return the name of the step that runs the checks of an asset."""
    return f"{_PREFIX}{asset}"


def is_check(step: str) -> bool:
    """Return True if a step runs checks."""
    return step.startswith(_PREFIX)
