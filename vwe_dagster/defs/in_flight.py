"""Which seeds are being made now, and what makes them: runs of one seed or of several, and backfills."""

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
    """The partition keys of each run that has any.

    Args:
        runs: the runs.
        registered: all registered keys, in the order in which they were registered. A run of several tells only its
            first and last one.
    """
    places = {key: place for place, key in enumerate(registered)}
    for run in runs:
        only = run.tags.get(PARTITION_TAG)
        first, last = (run.tags.get(tag) for tag in RANGE_TAGS)
        if only is not None:
            yield run, [only]
        elif first in places and last in places:
            # Where the first was removed and registered again it comes after the last, and nothing lies between.
            yield run, [*registered[places[first] : places[last] + 1]] or [first, last]
        elif first is not None and last is not None:
            yield run, [first, last]


def keys_in_runs(instance: dg.DagsterInstance, registered: Sequence[str]) -> dict[str, dg.DagsterRun]:
    """The partition keys that runs work on or wait to work on, each with one such run.

    Args:
        instance: whose runs.
        registered: all registered keys, in the order in which they were registered.
    """
    runs = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED_RUNS))
    return {key: run for run, keys in keys_of_runs(runs, registered) for key in keys}


def keys_in_backfills(instance: dg.DagsterInstance) -> dict[str, str]:
    """The partition keys that backfills are to make which have not ended, each with the id of one."""
    backfills = instance.get_backfills(BulkActionsFilter(statuses=UNFINISHED_BACKFILLS))
    found: dict[str, str] = {}
    for backfill in backfills:
        targets = backfill.asset_backfill_data.target_subset if backfill.asset_backfill_data else None
        for subset in targets.partitions_subsets_by_asset_key.values() if targets else ():
            found |= dict.fromkeys(subset.get_partition_keys(), backfill.backfill_id)
        found |= dict.fromkeys(backfill.partition_names or (), backfill.backfill_id)
    return found
