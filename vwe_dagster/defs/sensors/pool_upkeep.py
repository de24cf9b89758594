"""The sensor that requests the upkeep of the pool when needed; it reads the ledger and calls no launcher."""

from __future__ import annotations

import json
import time
from pathlib import Path

import dagster as dg

from vwe_dagster.defs.in_flight import UNFINISHED_RUNS
from vwe_dagster.defs.pool_jobs import pool_upkeep as pool_upkeep_job
from vwe_dagster.defs.resources import WarmEnginePool
from vwe_dagster.pool.due import REAP_EVERY_S, upkeep_due


@dg.sensor(
    job_name=pool_upkeep_job.name,
    name="pool_upkeep",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests the upkeep of the pool if a holder died, an engine is broken, too old or missing, or the "
    "reaper has not run for ten minutes while engines may exist.",
)
def pool_upkeep(context: dg.SensorEvaluationContext, pool: WarmEnginePool) -> dg.SensorResult | dg.SkipReason:
    """Request a run if the pool needs upkeep, unless one is unfinished or was just requested for the same reasons."""
    reasons = upkeep_due(Path(pool.folder), pool.settings)
    if not reasons:
        return dg.SkipReason("The pool needs no upkeep.")
    unfinished = dg.RunsFilter(job_name=pool_upkeep_job.name, statuses=UNFINISHED_RUNS)
    if context.instance.get_runs(unfinished, limit=1):
        return dg.SkipReason("A run already maintains the pool.")
    now, last = time.time(), json.loads(context.cursor or "{}")
    if last.get("reasons") == reasons and now - last["at"] < REAP_EVERY_S:
        return dg.SkipReason(f"A run for these reasons was requested less than ten minutes ago: {'; '.join(reasons)}.")
    context.log.info(f"The pool needs upkeep: {'; '.join(reasons)}.")
    return dg.SensorResult(
        run_requests=[dg.RunRequest(tags={"vwe/reasons": "; ".join(reasons)[:250]})],
        cursor=json.dumps({"reasons": reasons, "at": now}),
    )
