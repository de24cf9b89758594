"""Free space on a picture, so that marks and labels do not overlap."""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


class FreeSpace:
    """The space of a picture that marks and labels have not taken."""

    def __init__(self) -> None:
        """Begin with an empty picture."""
        self._taken: list[Box] = []

    def is_free(self, box: Box) -> bool:
        """Return whether no taken box overlaps a box."""
        left, top, right, bottom = box
        return not any(
            left < taken[2] and taken[0] < right and top < taken[3] and taken[1] < bottom for taken in self._taken
        )

    def take(self, *boxes: Box) -> None:
        """Mark boxes as taken."""
        self._taken.extend(boxes)

    def take_if_free(self, boxes: Sequence[Box]) -> bool:
        """Mark boxes as taken if all of them are free; return whether they were."""
        free = all(map(self.is_free, boxes))
        if free:
            self.take(*boxes)
        return free
