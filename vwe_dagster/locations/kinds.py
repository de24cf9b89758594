"""Names of location types for players: kind, label, group, icon. The assignment is VWE's own."""

from __future__ import annotations

import csv
import dataclasses
import enum
import functools
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

_FILE = Path(__file__).with_name("location_kinds.csv")


class LocationGroup(enum.Enum):
    """A group of kinds, which the map shows as one layer."""

    BOSS = "boss"
    TRADER = "trader"
    DUNGEON = "dungeon"
    CAMP = "camp"
    RESOURCE = "resource"
    RUIN = "ruin"
    OTHER = "other"


@dataclasses.dataclass(frozen=True)
class LocationKind:
    """A kind of location that a player knows; several types can be of one kind.

    Attributes:
        kind: short name for commands and columns: ``haldor``, ``burial_chamber``.
        label: name for people: ``Haldor``, ``Burial chambers``.
        group: group of the kind.
        icon: name of the icon.
        shown: whether a map shows the kind initially.
    """

    kind: str
    label: str
    group: LocationGroup
    icon: str
    shown: bool


UNKNOWN_KIND = LocationKind("other", "Other location", LocationGroup.OTHER, "other", shown=False)
"""The kind of types that only a modded game has."""


@functools.cache
def kinds_by_prefab() -> Mapping[str, LocationKind]:
    """Return the kind of each type of the game, by its prefab."""
    with _FILE.open(encoding="utf-8", newline="") as file:
        return MappingProxyType(
            {
                row["prefab"]: LocationKind(
                    row["kind"], row["label"], LocationGroup(row["group"]), row["icon"], row["shown"] == "1"
                )
                for row in csv.DictReader(file)
            }
        )


def kind_of(prefab: str) -> LocationKind:
    """Return the kind of a type; :data:`UNKNOWN_KIND` if only a modded game has the type."""
    return kinds_by_prefab().get(prefab, UNKNOWN_KIND)
