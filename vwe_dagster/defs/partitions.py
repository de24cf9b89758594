"""What the assets are partitioned by: seeds, which people add while the pipeline lives; how runs name their seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import dagster as dg

seeds = dg.DynamicPartitionsDefinition(name="seeds")

survey_blocks = dg.DynamicPartitionsDefinition(name="survey_blocks")

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Dagster's own tags of a run: the one key that it is of, or the first and the last of several side by side."""


def run_tags(keys: Sequence[str]) -> Mapping[str, str]:
    """The tags of a run of some partition keys that lie side by side; see :func:`side_by_side`."""
    return {PARTITION_TAG: keys[0]} if len(keys) == 1 else dict(zip(RANGE_TAGS, (keys[0], keys[-1]), strict=True))


def side_by_side(registered: Iterable[str], wanted: Collection[str], at_most: int) -> Iterator[list[str]]:
    """Splits partition keys into batches that one run each can be of: a run names the first and the last of its keys.

    Args:
        registered: all keys, in the order in which they were registered.
        wanted: those to be split; what is not registered is left out.
        at_most: how many keys a batch may have.
    """
    batch: list[str] = []
    wanted = set(wanted)
    for key in registered:
        if batch and (key not in wanted or len(batch) == at_most):
            yield batch
            batch = []
        if key in wanted:
            batch.append(key)
    if batch:
        yield batch
