"""Jobs that look after the pool of engines.

They are thin: what a pool needs and does is in :mod:`vwe_dagster.pool`.
"""

import dagster as dg
import pydantic

from vwe_dagster.defs.plain_config import PlainConfig
from vwe_dagster.defs.resources import WarmEnginePool
from vwe_dagster.pool.errors import PoolError


class WarmConfig(PlainConfig):
    """How many engines are to be ready."""

    engines: int | None = pydantic.Field(default=None, description="As many as the pool may have, if not set.")


@dg.op(description="Puts right what dead processes left, ends engines nobody knows, and replaces those that were lost.")
def look_after_pool(context: dg.OpExecutionContext, pool: WarmEnginePool) -> None:
    """Makes one pass of the reaper and tells what it did.

    Raises:
        Failure: engines fail repeatedly; told once for each time the circuit opens.
    """
    report = pool.opened.reap()
    for action in report.actions:
        context.log.info(action)
    if report.problem is not None:
        context.log.warning(f"Not all could be done: {report.problem}")
    context.add_output_metadata(
        {
            "done": dg.MetadataValue.json(report.actions),
            "could not be done": report.problem or "nothing",
            "pool": dg.MetadataValue.json(pool.status().as_dict()),
        }
    )
    alerts = pool.opened.take_alerts()
    if alerts:
        raise dg.Failure(
            description="\n".join(alerts), metadata={"done": dg.MetadataValue.json(report.actions)}, allow_retries=False
        )


@dg.op(description="Starts engines and waits until they are ready.")
def start_engines(context: dg.OpExecutionContext, config: WarmConfig, pool: WarmEnginePool) -> None:
    """Warms the pool.

    Raises:
        Failure: the pool may not have so many engines, or they do not start.
    """
    count = pool.settings.max_warm_containers if config.engines is None else config.engines
    try:
        ready = pool.opened.warm(count)
    except PoolError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from error
    context.log.info(f"{ready} of {count} engines are ready.")
    context.add_output_metadata({"engines ready": ready})


@dg.job(description="Looks after the pool of engines; the sensor of the same name asks for it when there is need.")
def pool_upkeep() -> None:
    """Looks after the pool once."""
    look_after_pool()


@dg.job(description="Starts engines before they are needed. Those that nobody uses end by themselves.")
def warm_pool() -> None:
    """Warms the pool once."""
    start_engines()
