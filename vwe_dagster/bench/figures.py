"""Common parts of all benchmarks: the error, the spread of measured values, and the report."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import statistics
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class BenchError(RuntimeError):
    """A benchmark that failed or measured a wrong world; the message has the reason."""


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the minimum, the median and the maximum of the values."""
    return min(values), statistics.median(values), max(values)


def report(measured: DataclassInstance) -> str:
    """Return all values and the machine on which they were measured, as JSON text."""
    machine = {"cpus": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    return json.dumps({"machine": machine, **dataclasses.asdict(measured)}, indent=2) + "\n"
