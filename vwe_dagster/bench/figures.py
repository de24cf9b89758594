"""What every benchmark has: the error it ends with, the sum of a figure measured several times, and its report."""

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
    """A benchmark that did not run, or that timed the wrong thing; the message says which."""


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """Least, median and greatest of some values."""
    return min(values), statistics.median(values), max(values)


def report(measured: DataclassInstance) -> str:
    """Every value as JSON, and the machine it was measured on."""
    machine = {"cpus": os.cpu_count(), "platform": platform.platform(), "python": platform.python_version()}
    return json.dumps({"machine": machine, **dataclasses.asdict(measured)}, indent=2) + "\n"
