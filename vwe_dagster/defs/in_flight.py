"""Find the seeds of unfinished runs and backfills."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import dagster as dg

from vwe_dagster.defs.dagster_private import BulkActionsFilter, BulkActionStatus
from vwe_dagster.defs.partitions import PARTITION_TAG, RANGE_TAGS

UNFINISHED_RUNS = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
UNFINISHED_BACKFILLS = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING, BulkActionStatus.FAILING]


def keys_of_runs(
    runs: Iterable[dg.DagsterRun], registered: Sequence[str]
) -> Iterator[tuple[dg.DagsterRun, Sequence[str]]]:
    """Yield each run that has partition keys, with the keys.

    Args:
        runs: runs to inspect.
        registered: all registered keys in the order of registration; a run of several keys records only the first and
            the last one.
    """
    positions = {key: position for position, key in enumerate(registered)}
    for run in runs:
        only = run.tags.get(PARTITION_TAG)
        first, last = (run.tags.get(tag) for tag in RANGE_TAGS)
        if only is not None:
            yield run, [only]
        elif first in positions and last in positions:
            # If the first key was removed and registered again, it comes after the last key, and the slice is empty.
            yield run, [*registered[positions[first] : positions[last] + 1]] or [first, last]
        elif first is not None and last is not None:
            yield run, [first, last]


def keys_in_runs(instance: dg.DagsterInstance, registered: Sequence[str]) -> dict[str, dg.DagsterRun]:
    """Return the partition keys of unfinished runs, each with one such run.

    Args:
        instance: instance that records the runs.
        registered: all registered keys in the order of registration.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED_RUNS))
    return {key: run for run, keys in keys_of_runs(runs, registered) for key in keys}


def keys_in_backfills(instance: dg.DagsterInstance) -> dict[str, str]:
    """Return the partition keys of unfinished backfills, each with the id of one such backfill."""
    backfills = instance.get_backfills(BulkActionsFilter(statuses=UNFINISHED_BACKFILLS))
    found: dict[str, str] = {}
    for backfill in backfills:
        targets = backfill.asset_backfill_data.target_subset if backfill.asset_backfill_data else None
        for subset in targets.partitions_subsets_by_asset_key.values() if targets else ():
            found |= dict.fromkeys(subset.get_partition_keys(), backfill.backfill_id)
        found |= dict.fromkeys(backfill.partition_names or (), backfill.backfill_id)
    return found
