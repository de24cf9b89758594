"""The polling loop of the pool."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from typing import TypeVar

from vwe_dagster.pool.clock import Clock

MIN_PAUSE_S = 0.002
MAX_PAUSE_S = 0.05

T = TypeVar("T")


def poll(
    attempt: Callable[[], T | None],
    clock: Clock,
    *,
    timeout_s: float = math.inf,
    pauses_s: Iterable[float] = itertools.repeat(MAX_PAUSE_S),
) -> T | None:
    """Call ``attempt`` until it returns a value; return None after the timeout.

    Args:
        attempt: called at least once, and a last time after the timeout.
        clock: the clock that measures time and sleeps.
        timeout_s: the timeout in seconds.
        pauses_s: the seconds to sleep after each attempt that returned None.
    """
    until = clock.now() + timeout_s
    for pause in pauses_s:
        result = attempt()
        if result is not None:
            return result
        left = until - clock.now()
        if left <= 0:
            return None
        clock.sleep(min(pause, left))
    return None
