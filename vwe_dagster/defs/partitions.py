"""Partitions of the assets, and the tags with which runs name their partition keys."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import dagster as dg

seeds = dg.DynamicPartitionsDefinition(name="seeds")

survey_blocks = dg.DynamicPartitionsDefinition(name="survey_blocks")

PARTITION_TAG = "dagster/partition"
RANGE_TAGS = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
"""Dagster's tags of a run: its only partition key, or the first and last of several consecutive keys."""


def run_tags(keys: Sequence[str]) -> Mapping[str, str]:
    """Return the tags of a run of consecutive partition keys; see :func:`consecutive_batches`."""
    return {PARTITION_TAG: keys[0]} if len(keys) == 1 else dict(zip(RANGE_TAGS, (keys[0], keys[-1]), strict=True))


def consecutive_batches(registered: Iterable[str], wanted: Collection[str], at_most: int) -> Iterator[list[str]]:
    """Yield partition keys in batches of consecutive keys, since a run names only its first and last key.

    Args:
        registered: all registered keys in the order of registration.
        wanted: keys to divide into batches; keys that are not registered are left out.
        at_most: maximum number of keys in a batch.
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
