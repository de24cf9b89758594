"""A run of many seeds in a separate process, like that of a backfill: ``python -m`` this module, a size and keys."""

from __future__ import annotations

import sys

import dagster as dg

from vwe_dagster.config.home import find_home
from vwe_dagster.defs.build import build_defs
from vwe_dagster_tests.defs.pipeline import partition_tags


def world_job() -> dg.JobDefinition:
    """Return the project's job."""
    return build_defs().resolve_job_def("world")


def main() -> None:
    """Build the stage ``raw`` of the keys; exit with 0 if all succeeded."""
    size, *keys = sys.argv[1:]
    with dg.DagsterInstance.from_config(str(find_home().instance)) as instance:
        result = dg.execute_job(
            dg.build_reconstructable_job("vwe_dagster_tests.defs.batch_run", "world_job"),
            instance=instance,
            run_config={"ops": {"raw_export": {"config": {"size": int(size), "locations": "NONE"}}}},
            tags=partition_tags(keys),
            asset_selection=[dg.AssetKey("raw_export")],
        )
    sys.exit(not result.success)


if __name__ == "__main__":
    main()
