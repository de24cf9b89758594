"""The result of the last ``vwe engine verify`` on a pool, as the pool's status shows it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

FOLDER = "verification"
"""The folder of the last trial's report, in that of the pool."""

REPORT = "report.json"


@dataclasses.dataclass(frozen=True)
class Verified:
    """The last trial in short.

    Attributes:
        at: when, UTC, in ISO 8601.
        passed: whether the engine makes the worlds it should.
        sentence: what came of it, for people.
        report: the file with all there is to know.
    """

    at: str
    passed: bool
    sentence: str
    report: str


def read_verified(pool: Path) -> Verified | None:
    """Reads what came of the last trial; None where there was none.

    Args:
        pool: the folder of the pool.
    """
    path = pool / FOLDER / REPORT
    try:
        report = json.loads(path.read_bytes())
        return Verified(report["at"], report["passed"], report["sentences"][0], str(path))
    except (OSError, ValueError, LookupError, TypeError):
        return None
