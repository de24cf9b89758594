"""Room on a picture: which places are taken by marks and labels."""

from __future__ import annotations

from collections.abc import Sequence

Box = tuple[float, float, float, float]
"""Left, top, right and bottom."""


class Room:
    """The room that marks and labels leave to each other."""

    def __init__(self) -> None:
        """Begin with an empty picture."""
        self._taken: list[Box] = []

    def is_free(self, box: Box) -> bool:
        """Return whether nothing that was placed overlaps a box."""
        left, top, right, bottom = box
        return not any(
            left < taken[2] and taken[0] < right and top < taken[3] and taken[1] < bottom for taken in self._taken
        )

    def take(self, *boxes: Box) -> None:
        """Take the room of some boxes."""
        self._taken.extend(boxes)

    def take_if_free(self, boxes: Sequence[Box]) -> bool:
        """Take the room of some boxes if all of them are free; return whether they were."""
        free = all(map(self.is_free, boxes))
        if free:
            self.take(*boxes)
        return free
