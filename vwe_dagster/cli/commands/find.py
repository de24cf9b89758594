"""The command ``vwe find``: asks the catalog of all worlds."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.commands.common import InputError, suggestion
from vwe_dagster.cli.console import notices, output, say, show_table
from vwe_dagster.config.home import find_home
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

if TYPE_CHECKING:
    import pyarrow as pa

_LIMIT = 20
_ALWAYS = ("seed", "islands", "land_area_km2", "highest_peak_m", "start_island_area_km2")


def find(
    condition: Annotated[
        str | None,
        typer.Argument(metavar="CONDITION", help='What must hold, such as "islands > 40 and swamp_nearest_m < 2500".'),
    ] = None,
    *,
    sort: Annotated[str, typer.Option(metavar="COLUMN", help="Sort by this column, the greatest first.")] = "seed",
    ascending: Annotated[bool, typer.Option("--ascending", help="The least first, as seeds are in any case.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"Show so many seeds at most; {_LIMIT} unless said, and with --json all.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Show these columns; 'all' for every one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of objects.")] = False,
) -> None:
    """Finds worlds that have been made: a condition over the catalog of their statistics, in SQL.

    Without a condition it lists all. `--columns all` shows what columns there are.
    """
    from vwe_dagster.catalog.query import QueryError, columns_in  # noqa: PLC0415
    from vwe_dagster.catalog.query import find as find_in  # noqa: PLC0415
    from vwe_dagster.catalog.table import COLUMNS, SeedCatalog  # noqa: PLC0415

    state = SeedCatalog(WorldStore(find_home().data)).look()
    for sentence in state.left_out.values():
        say(notices(), sentence, "yellow")
    shown = (
        list(COLUMNS)
        if columns == "all"
        else _columns(columns, columns_in(f"{condition or ''} {sort}", tuple(COLUMNS)))
    )
    wanted = list(dict.fromkeys([*shown, "seed", "stale"]))
    try:
        found = find_in(state.table, condition, sort=sort, ascending=ascending or sort == "seed", columns=wanted)
    except QueryError as error:
        raise InputError(str(error)) from error
    _warn_of_stale([row["seed"] for row in found.slice(0, limit or _LIMIT).to_pylist() if row["stale"]])
    found = found.select(shown)
    if as_json:
        _print_json(found.slice(0, limit))
        return
    if not state.table.num_rows:
        say(notices(), "No world has been made yet; make one with: vwe world HHcLC5acQt")
    elif not found.num_rows:
        known = state.table["seed"].to_pylist()
        hints = dict.fromkeys(suggestion(text, known) for text in re.findall(r"'([^']+)'", condition or ""))
        say(notices(), f"No match among {state.table.num_rows} worlds.{''.join(hints)}")
    else:
        first = found.slice(0, limit or _LIMIT)
        show_table(output(), "", shown, [list(map(_text, row.values())) for row in first.to_pylist()])
        if first.num_rows < found.num_rows:
            say(notices(), f"{first.num_rows} of {found.num_rows} are shown; show more with --limit.")


def _columns(named: str | None, in_condition: Sequence[str]) -> list[str]:
    chosen = [*_ALWAYS, *in_condition] if named is None else [name.strip() for name in named.split(",")]
    return list(dict.fromkeys(chosen))


def _warn_of_stale(keys: Sequence[str]) -> None:
    if keys:
        command = vwe_command("world", operands=keys)
        say(
            notices(),
            f"The statistics of {len(keys)} of these worlds are stale; rebuild them with: {command}",
            "yellow",
        )


def _print_json(found: pa.Table) -> None:
    sys.stdout.write(json.dumps(found.to_pylist(), indent=2, default=str) + "\n")


def _text(value: object) -> str | None:
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 1 else f"{value:,.1f}"
    return None if value is None else str(value)
