"""Terminal output for several hosts: their workers, their runs, and the checks of a data folder."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from vwe_dagster.cli.console import table_of
from vwe_dagster.cli.pool_view import span
from vwe_dagster.hosts.host_reports import HostReport, HostState, PoolReport
from vwe_dagster.hosts.mount_checks import MountCheck
from vwe_dagster.hosts.overview import Overview
from vwe_dagster.hosts.run_leases import LeaseState, RunLease

_STYLES = {
    HostState.LOST: "red",
    HostState.WITHOUT_DATA: "red",
    HostState.STOPPED: "dim",
    HostState.DRAINING: "yellow",
    HostState.WORKING: "",
}


def hosts_view(overview: Overview) -> RenderableType:
    """Return a table of the workers, a table of the runs, and a line for each queue that no worker consumes."""
    if not overview.hosts and not overview.runs:
        return Text("No worker has reported in the last seven days.")
    headings = ("host", "state", "runs", "slots", "engines", "seen", "version", "machine")
    table = table_of("", headings, [_host_row(host, overview) for host in overview.hosts])
    for row, host in zip(table.rows, overview.hosts, strict=True):
        row.style = _STYLES[host.state]
    runs = table_of("", ("run", "job", "state", "host", "for", "seeds"), map(_run_row, overview.runs))
    waiting = sum(overview.waiting.values())
    queues = ", ".join(f"{count} in {queue}" for queue, count in overview.waiting.items() if count)
    remarks = [Text(f"Runs that wait: {queues}.")] if waiting else []
    stuck = [Text(f"No worker takes runs from the queue {queue}.", "red") for queue in overview.stuck_queues]
    return Group(table, *([runs] if overview.runs else []), *remarks, *stuck)


def hosts_as_json(overview: Overview) -> str:
    """Return the workers, runs and queues as JSON."""
    return json.dumps(
        {
            "hosts": [dataclasses.asdict(host) for host in overview.hosts],
            "runs": [dataclasses.asdict(run) for run in overview.runs],
            "waiting": dict(overview.waiting),
        },
        indent=2,
    )


def checks_view(checks: Sequence[MountCheck]) -> RenderableType:
    """Return a table of the checks of a data folder."""
    table = table_of("", ("check", "result", "found"), [(one.name, _result(one), one.detail) for one in checks])
    for row, one in zip(table.rows, checks, strict=True):
        row.style = "" if one.passed else "red" if one.required else "yellow"
    return table


def _result(check: MountCheck) -> str:
    return "ok" if check.passed else "FAILED" if check.required else "no"


def _host_row(host: HostReport, overview: Overview) -> tuple[object, ...]:
    runs = len(overview.runs_of(host.name))
    return host.name, host.state, runs, host.slots, _engines(host.pools), span(host.seen_s), host.version, host.machine


def _engines(pools: Sequence[PoolReport]) -> str:
    """Return the engines of each pool and its maximum, such as ``2 of 3`` or ``default 2 of 3, valheim 1 of 1``."""
    counts = [
        (pool.name, sum(count for state, count in pool.engines.items() if state != "EMPTY"), pool.size)
        for pool in pools
    ]
    return ", ".join(
        f"{name} {present} of {size}" if len(counts) > 1 else f"{present} of {size}" for name, present, size in counts
    )


def _run_row(run: RunLease) -> tuple[object, ...]:
    host = f"(queue {run.queue})" if run.state is LeaseState.QUEUED else run.host
    return run.run[:8], run.job, run.state, host, span(run.age_s), run.subject
