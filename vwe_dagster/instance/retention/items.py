"""The unit of a purge: one removable item."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Item:
    """Something a purge removes in one step.

    Attributes:
        bytes: its size on disk.
        remove: removes the item and returns True if it is gone; it stays if it came into use since it was listed.
    """

    bytes: int
    remove: Callable[[], bool]
