"""The kinds that players know: every type of the game has one."""

from __future__ import annotations

from vwe_dagster.locations.kinds import UNKNOWN_KIND, LocationGroup, kind_of, kinds_by_prefab
from vwe_dagster.locations.table_file import shipped_table


def test_every_type_of_the_game_has_a_kind() -> None:
    assert list(kinds_by_prefab()) == list(shipped_table().prefabs)


def test_a_kind_has_one_label_group_and_icon() -> None:
    kinds = set(kinds_by_prefab().values())
    assert len(kinds) == len({kind.kind for kind in kinds}) == len({kind.label for kind in kinds})
    assert {kind.group for kind in kinds} == set(LocationGroup)


def test_bosses_traders_and_the_spawn_are_shown_at_first() -> None:
    shown = {kind.kind for kind in kinds_by_prefab().values() if kind.shown}
    landmarks = {LocationGroup.BOSS, LocationGroup.TRADER}
    assert shown == {"spawn"} | {kind.kind for kind in kinds_by_prefab().values() if kind.group in landmarks}
    assert kind_of("Vendor_BlackForest").label == "Haldor"


def test_a_type_of_a_modded_game_has_the_unknown_kind() -> None:
    assert kind_of("MWL_Ruins1") is UNKNOWN_KIND
