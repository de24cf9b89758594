"""What every benchmark has: the error it ends with, and the sum of a figure that was measured several times."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


class BenchError(RuntimeError):
    """A benchmark that did not run, or that timed the wrong thing; the message says which."""


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Least, median and greatest of some values."""
    return min(values), statistics.median(values), max(values)
