"""The command ``vwe locations``: list altars, traders, dungeons and camps of a seed with their coordinates."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vwe_dagster.cli.commands.common import (
    DEFAULT_ROWS,
    AsCsv,
    CommandError,
    InputError,
    Limit,
    SeedText,
    own_location_table,
    parse_seeds,
)
from vwe_dagster.cli.console import notices, output, say, show_table
from vwe_dagster.config.home import find_home
from vwe_dagster.store import WorldStore

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import JsonValue

    from vwe_dagster.locations.location_table import LocationTable
    from vwe_dagster.seeds.seed import Seed

UNSUPPORTED_VERSIONS = (0, 1)
"""World-gen versions whose locations cannot be computed."""

_POINT = "two numbers of meters, x and z, as in: --near 1200,-350"


def locations(
    seed: SeedText,
    *,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="A kind, such as haldor, or a group, such as dungeon; can be repeated."),
    ] = None,
    near: Annotated[
        str | None, typer.Option(metavar="X,Z", help="Measure distances from this point instead of the center.")
    ] = None,
    within: Annotated[
        float | None, typer.Option(min=0, metavar="METERS", help="Show only locations within this distance.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Use this location table, .json or .csv, instead of the game's; see: vwe engine location-table",
        ),
    ] = None,
    limit: Limit = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: AsCsv = False,
) -> None:
    """List the locations of a seed: altars of bosses, traders, dungeons, camps, resources and ruins.

    Without options the list has one line per kind. The world need not be built. All places of a trader are listed; the
    game keeps the one whose zone is explored first.
    """
    if as_json and as_csv:
        raise InputError("--json and --csv exclude each other; choose one.")
    center = _point(near) if near is not None else (0.0, 0.0)
    (parsed,) = parse_seeds([seed])
    known, identity = _places(parsed) if table is None else _computed(parsed, _read_table(table))
    places = _nearest_first(_of_kinds(known, kind or []), center)
    if within is not None:
        places = places[places["distance_m"] <= within]
    shown = places.head(limit) if limit is not None else places
    if as_json:
        sys.stdout.write(json.dumps(_document(parsed, identity, shown), indent=2) + "\n")
    elif as_csv:
        shown.to_csv(sys.stdout, index=False, lineterminator="\n")
    elif not len(places):
        say(notices(), "No location matches.")
    elif kind is None and near is None and within is None and limit is None:
        _show_kinds(places)
    else:
        _show_places(places, limit or DEFAULT_ROWS)


def _point(text: str) -> tuple[float, float]:
    try:
        x, z = map(float, text.split(","))
    except ValueError as error:
        raise InputError(f"Invalid point {text!r}; write {_POINT}") from error
    if not (abs(x) < 1e6 and abs(z) < 1e6):
        raise InputError(f"The point {text!r} is outside the world; write {_POINT}")
    return x, z


def _places(seed: Seed) -> tuple[pd.DataFrame, JsonValue]:
    """Return all places of a seed, from its built world if possible, and the identity of their location table."""
    from vwe_dagster.exporting.source import ExportSource  # noqa: PLC0415

    source = ExportSource(WorldStore(find_home().data), seed)
    if source.is_built:
        if source.analysis.places is not None and not source.has_landmarks_only:
            return source.analysis.places, source.location_table
        if source.world_gen_version in UNSUPPORTED_VERSIONS:
            raise CommandError(
                f"The world of {seed.key} was built with world-gen version {source.world_gen_version}, whose locations "
                f"are unknown: before version 2 the game placed them by another algorithm. Build it with version 2."
            )
    return _computed(seed, own_location_table())


def _read_table(path: Path) -> LocationTable:
    """Read a location table; reject a table of another version of the game."""
    from vwe_dagster.exporting.source import NATIVE_GAME_VERSION  # noqa: PLC0415
    from vwe_dagster.locations.location_table import LocationTableError  # noqa: PLC0415
    from vwe_dagster.locations.table_choice import read_location_table  # noqa: PLC0415

    try:
        return read_location_table(path, NATIVE_GAME_VERSION)
    except LocationTableError as error:
        raise InputError(str(error)) from error


def _computed(seed: Seed, table: LocationTable | None) -> tuple[pd.DataFrame, JsonValue]:
    from vwe_dagster.analysis.places import place_table  # noqa: PLC0415
    from vwe_dagster.engine.messages import LOCATIONS  # noqa: PLC0415
    from vwe_dagster.engine.native_locations import location_lines, location_table_identity  # noqa: PLC0415
    from vwe_dagster.extraction.engine_export import location_table  # noqa: PLC0415
    from vwe_dagster.worldgen import World  # noqa: PLC0415

    with notices().status("placing locations"):
        lines = location_lines(World(seed.number), LOCATIONS, None, table)
        places = place_table(location_table(lines), table)
    return places, location_table_identity(table)


def _of_kinds(places: pd.DataFrame, wanted: Sequence[str]) -> pd.DataFrame:
    from vwe_dagster.analysis.places import known_kinds  # noqa: PLC0415

    if not wanted:
        return places
    kinds = known_kinds()
    names = [*dict.fromkeys(kind.group.value for kind in kinds.values()), *kinds]
    for name in wanted:
        if name not in names:
            close = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(close)}?" if close else "list the kinds with: vwe locations SEED"
            raise InputError(f"Unknown kind {name!r}; {hint}")
    return places[places["kind"].isin(wanted) | places["group"].isin(wanted)]


def _nearest_first(places: pd.DataFrame, center: tuple[float, float]) -> pd.DataFrame:
    """Return the places with distance and bearing from a point, the nearest first."""
    import numpy as np  # noqa: PLC0415

    from vwe_dagster.analysis.disc import bearing_deg  # noqa: PLC0415

    x_m, z_m = (places[name].to_numpy(np.float64) - from_m for name, from_m in zip(("x_m", "z_m"), center, strict=True))
    measured = places.assign(distance_m=np.hypot(x_m, z_m), bearing_deg=bearing_deg(x_m, z_m))
    return measured.sort_values("distance_m", kind="stable", ignore_index=True)


def _show_kinds(places: pd.DataFrame) -> None:
    """Print a row per kind: the number of its places, and the nearest one."""
    from vwe_dagster.analysis.places import known_kinds  # noqa: PLC0415
    from vwe_dagster.locations.kinds import LocationGroup  # noqa: PLC0415

    by_kind = dict(iter(places.groupby("kind", sort=False)))
    groups = list(LocationGroup)
    kinds = sorted(known_kinds().values(), key=lambda kind: groups.index(kind.group))
    rows = [
        (kind.group.value, kind.kind, kind.label, len(of_kind), *_row(of_kind.iloc[0])[2:], _remark(of_kind))
        for kind in kinds
        if (of_kind := by_kind.get(kind.kind)) is not None
    ]
    show_table(output(), "", ("group", "kind", "name", "count", "nearest m", "at", "x", "z", ""), rows)
    _explain(places)


def _show_places(places: pd.DataFrame, limit: int) -> None:
    counts = places["kind"].value_counts()
    first = places.head(limit)
    rows = [
        (*_row(row), f"one of {counts[row['kind']]}" if row["candidate"] else "", row["prefab"])
        for _, row in first.iterrows()
    ]
    show_table(output(), "", ("kind", "name", "distance m", "at", "x", "z", "", "prefab"), rows)
    _explain(first)
    if len(first) < len(places):
        say(notices(), f"{len(first)} of {len(places)} are shown; show more with --limit.")


def _row(place: pd.Series[Any]) -> tuple[str, ...]:
    from vwe_dagster.cli.world_view import compass_point  # noqa: PLC0415

    return (
        place["kind"],
        place["label"],
        f"{place['distance_m']:,.0f}",
        compass_point(place["bearing_deg"]),
        f"{place['x_m']:.0f}",
        f"{place['z_m']:.0f}",
    )


def _remark(of_kind: pd.DataFrame) -> str:
    return "candidates" if of_kind["candidate"].any() else ""


def _explain(places: pd.DataFrame) -> None:
    if places["candidate"].any():
        say(notices(), "Candidates: the game keeps one of them, the first whose zone is explored.")


def _document(seed: Seed, table: JsonValue, places: pd.DataFrame) -> dict[str, object]:
    return {
        "seed": seed.key,
        "seed_integer": seed.number,
        "location_table": table,
        "locations": places.to_dict("records"),
    }
