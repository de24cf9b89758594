"""Dagster's cache of partition statuses by asset, which the first pages of its UI use."""

from __future__ import annotations

import dagster as dg

from vwe_dagster.defs.partitions import seeds


def wipe_partition_statuses(instance: dg.DagsterInstance) -> None:
    """Delete the cached statuses; otherwise Dagster shows a seed as materialized after its runs were deleted."""
    instance.wipe_asset_cached_status(instance.all_asset_keys())


def warm_partition_statuses(instance: dg.DagsterInstance) -> None:
    """Compute and cache the statuses, so that the next page of the UI loads quickly."""
    from vwe_dagster.defs.build import build_defs  # noqa: PLC0415  the import loads kernels and tables

    graph = build_defs().resolve_asset_graph()
    for key in instance.all_asset_keys():
        if graph.has(key) and graph.get(key).partitions_def == seeds:
            instance.get_status_by_partition(key, (), seeds)
