"""What can go, one by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Thing:
    """What can go in one step.

    Attributes:
        bytes: how much it holds; None where that cannot be told.
        remove: removes it and returns whether it is gone; it may have come to life meanwhile.
        count: how many things it is.
    """

    bytes: int | None
    remove: Callable[[], bool]
    count: int = 1
