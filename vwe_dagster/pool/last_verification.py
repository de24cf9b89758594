"""The result of the last ``vwe engine verify`` on a pool, for the pool's status."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

FOLDER = "verification"
"""The subfolder of the last verification report within the pool's folder."""

REPORT = "report.json"


@dataclasses.dataclass(frozen=True)
class LastVerification:
    """A summary of the last verification.

    Attributes:
        at: the time of the verification, UTC, in ISO 8601.
        passed: whether the engine generated the expected worlds.
        sentence: the result as a sentence.
        report: the path of the full report.
    """

    at: str
    passed: bool
    sentence: str
    report: str


def read_last_verification(pool: Path) -> LastVerification | None:
    """Return the last verification of the pool in a folder; None if there was none or its report cannot be read."""
    path = pool / FOLDER / REPORT
    try:
        report = json.loads(path.read_bytes())
        return LastVerification(report["at"], report["passed"], report["sentences"][0], str(path))
    except (OSError, ValueError, LookupError, TypeError):
        return None
