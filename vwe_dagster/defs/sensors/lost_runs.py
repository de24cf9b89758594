"""The sensor of the center of several hosts: fails runs that no process executes, and answers workers that start.

Dagster's run monitoring checks runs that have started. This sensor checks those that have been requested: they wait in
a queue, or a worker is starting their process.
"""

from __future__ import annotations

import dagster as dg
import redis

from vwe_dagster.config.broker import required_broker
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import STARTING_S, LeaseState, RunLeases, Verdict, cause_of_loss
from vwe_dagster.hosts.shared_data import answer_questions
from vwe_dagster.store import WorldStore

TICK_S = 5


@dg.sensor(
    minimum_interval_seconds=TICK_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Fails requested runs that are neither in a queue nor on a worker, and confirms to starting workers "
    "that they have the data folder of the center.",
)
def lost_runs(context: dg.SensorEvaluationContext, store: dg.ResourceParam[WorldStore]) -> dg.SkipReason:
    """Check requested runs, and answer workers; request no run."""
    server = connect(required_broker())
    try:
        answered = answer_questions(server, store.root)
        lost = _fail_lost_runs(context.instance, RunLeases(server))
    except redis.RedisError as error:
        return dg.SkipReason(f"The broker does not answer: {error}")
    finally:
        server.close()
    sentences = [f"Answered {host}." for host in answered] + lost
    for sentence in sentences:
        context.log.info(sentence)
    return dg.SkipReason(" ".join(sentences) or "No requested run is lost.")


def _fail_lost_runs(instance: dg.DagsterInstance, leases: RunLeases) -> list[str]:
    sentences = []
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])):
        cause = _cause(leases, run.run_id)
        if cause is None:
            continue
        # The run may have started or ended since it was listed.
        if instance.get_runs(dg.RunsFilter(run_ids=[run.run_id], statuses=[dg.DagsterRunStatus.STARTING])):
            instance.report_run_failed(run, cause)
            sentences.append(f"The run {run.run_id} was marked as failed. {cause}")
    return sentences


def _cause(leases: RunLeases, run: str) -> str | None:
    """Return why a requested run is lost, and revoke its lease; None if it waits or is starting."""
    if leases.check(run) is Verdict.DEAD:
        return cause_of_loss(leases.lease(run))
    lease = leases.lease(run)
    if lease is not None and lease.state is LeaseState.RUNNING and lease.age_s > STARTING_S:
        leases.end(run)
        return f"Host {lease.host} took this run {lease.age_s:.0f} s ago, and its process has not started it."
    return None
