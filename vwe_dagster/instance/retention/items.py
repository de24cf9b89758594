"""The unit of a purge: one removable item."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Item:
    """An item that a purge removes in one step.

    Attributes:
        bytes: the size of the item on disk.
        remove: removes the item unless it came into use since it was listed; returns whether it was removed.
    """

    bytes: int
    remove: Callable[[], bool]
