"""The command ``vwe purge``: remove old runs and leftover files."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer
from filelock import FileLock, Timeout

from vwe_dagster.cli.commands.common import CommandError, InputError
from vwe_dagster.cli.console import notices, output, say, show_table
from vwe_dagster.config.home import find_home

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vwe_dagster.instance.retention.plan import PurgeSummary

_AGE = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24}


def purge(
    *,
    older_than: Annotated[
        str,
        typer.Option(
            metavar="AGE", help="The minimum age of runs to remove, in hours, days or weeks, such as 12h, 30d, 8w."
        ),
    ] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be removed; change nothing.")] = False,
    unregistered: Annotated[
        bool, typer.Option("--unregistered", help="Also remove worlds of this age whose seeds are not registered.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Remove old runs with their events and logs, and leftover files of killed processes; keep all worlds.

    Missing links in data/by-name are added, and links to removed worlds are deleted.

    A run is kept at any age if it has Dagster's latest record of a world. The command is safe at any time, even while
    Dagster is running.
    """
    age = parse_age(older_than)
    # Loaded after the age is checked, because Dagster takes long to load.
    from vwe_dagster.instance.retention.compacting import compact  # noqa: PLC0415
    from vwe_dagster.instance.retention.plan import PurgeError, plan_purge  # noqa: PLC0415
    from vwe_dagster.instance.seed_runs import SeedRuns, open_dagster  # noqa: PLC0415
    from vwe_dagster.store import WorldStore  # noqa: PLC0415

    home = find_home()
    if not home.instance.is_dir():
        raise CommandError(f"There is nothing to purge: {home.instance} has no Dagster instance yet.")
    with open_dagster(home) as dagster:
        try:
            if dry_run:
                plan = plan_purge(home, dagster, older_than=age, now=dt.datetime.now(dt.UTC), unregistered=unregistered)
                _show(plan.purgeable(), as_json=as_json, dry_run=True)
                return
            with FileLock(home.instance / "vwe_purge.lock", timeout=0):
                plan = plan_purge(home, dagster, older_than=age, now=dt.datetime.now(dt.UTC), unregistered=unregistered)
                removed = plan.carry_out()
                SeedRuns(home, dagster).end_dead_runs()
                freed_bytes = compact(dagster, home.instance)
                links = WorldStore(home.data).repair_names()
        except Timeout as error:
            raise CommandError("Another vwe purge is running; wait until it ends, then run this one again.") from error
        except PurgeError as error:
            raise CommandError(str(error)) from error
    _show(removed, as_json=as_json, dry_run=False)
    if links:
        say(notices(), f"Links in {home.data / 'by-name'} that were added or deleted: {links}.")
    if freed_bytes is None:
        say(notices(), "The databases were not compacted because a run is in progress; Dagster reuses the free space.")
    elif freed_bytes:
        say(notices(), f"The databases are {freed_bytes / 1e6:.1f} MB smaller.")


def parse_age(text: str) -> dt.timedelta:
    """Parse an age such as ``12h``, ``30d`` or ``8w``.

    Raises:
        InputError: the text is not an age, or shorter than an hour.
    """
    match = _AGE.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} is not an age; write hours, days or weeks, as in 12h, 30d or 8w.")
    age = dt.timedelta(hours=int(match[1]) * _HOURS[match[2]])
    if not age:
        raise InputError(
            f"{text} would remove runs that have just ended and that other processes still read; write 1h or more."
        )
    return age


def _show(purgeable: Sequence[PurgeSummary], *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        document = {"dry_run": dry_run, "purged": [dataclasses.asdict(each) for each in purgeable]}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return
    rows = [(each.what, each.count, f"{each.bytes:,}") for each in purgeable]
    show_table(output(), "", ("what", "count", "bytes"), rows)
    if dry_run:
        say(notices(), "Nothing was removed. Run the command without --dry-run to remove these.")
