"""Jobs that maintain the pool of engines, as thin wrappers of :mod:`vwe_dagster.pool`."""

import dagster as dg
import pydantic

from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.resources import WarmEnginePool
from vwe_dagster.pool.errors import PoolError


class WarmConfig(PlainConfig):
    """Number of engines to start."""

    engines: int | None = pydantic.Field(
        default=None, description="Number of engines to have ready; by default the maximum of the pool."
    )


@dg.op(description="Recovers leases of dead processes, ends unknown engines, and replaces lost ones.")
def maintain_pool(context: dg.OpExecutionContext, pool: WarmEnginePool) -> None:
    """Run one pass of the reaper and log its actions.

    Raises:
        Failure: engines fail repeatedly; raised once each time the circuit breaker opens.
    """
    report = pool.opened.reap()
    for action in report.actions:
        context.log.info(action)
    if report.problem is not None:
        context.log.warning(f"The upkeep is incomplete: {report.problem}")
    context.add_output_metadata(
        {
            "actions": dg.MetadataValue.json(report.actions),
            "problem": report.problem or "none",
            "pool": dg.MetadataValue.json(pool.status().as_dict()),
        }
    )
    alerts = pool.opened.take_alerts()
    if alerts:
        raise dg.Failure(
            description="\n".join(alerts),
            metadata={"actions": dg.MetadataValue.json(report.actions)},
            allow_retries=False,
        )


@dg.op(description="Starts engines and waits until they are ready.")
def start_engines(context: dg.OpExecutionContext, config: WarmConfig, pool: WarmEnginePool) -> None:
    """Start engines until ``engines`` are ready.

    Raises:
        Failure: the number exceeds the pool's maximum, or engines do not start.
    """
    count = pool.settings.max_warm_containers if config.engines is None else config.engines
    try:
        ready = pool.opened.warm(count)
    except PoolError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    context.log.info(f"{ready} of {count} engines are ready.")
    context.add_output_metadata({"engines ready": ready})


@dg.job(description="Maintains the pool of engines; the sensor of the same name requests it when needed.")
def pool_upkeep() -> None:
    """Maintains the pool once."""
    maintain_pool()


@dg.job(description="Starts engines before they are needed; unused engines exit after the idle time.")
def warm_pool() -> None:
    """Starts the engines of the pool."""
    start_engines()
