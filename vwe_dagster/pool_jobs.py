"""Jobs that look after the pool of engines, and the schedule that warms it before the nightly seeds.

They are thin: what a pool needs and does is in :mod:`vwe_dagster.pool`.
"""

import dagster as dg
import pydantic

from vwe_dagster.pool.errors import PoolError
from vwe_dagster.resources import WarmEnginePool
from vwe_dagster.schedules import NIGHTLY

WARM_MINUTES_BEFORE = 3
"""How long before the nightly seeds the pool is warmed: time for a cold machine, and less than engines stay idle."""


class WarmConfig(dg.Config):
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


def minutes_before(cron: str, minutes: int) -> str:
    """The cron line of a moment so many minutes before a daily one, as in ``57 2 * * *`` for ``0 3 * * *``.

    Raises:
        ValueError: the line is not of a daily moment.
    """
    minute, hour, *days = cron.split()
    if days != ["*", "*", "*"] or not (minute.isdigit() and hour.isdigit()):
        raise ValueError(f"The cron line {cron!r} is not of one moment every day, as 0 3 * * * is.")
    at = (60 * int(hour) + int(minute) - minutes) % (24 * 60)
    return f"{at % 60} {at // 60} * * *"


warm_before_nightly = dg.ScheduleDefinition(
    name="warm_before_nightly",
    job=warm_pool,
    cron_schedule=minutes_before(NIGHTLY, WARM_MINUTES_BEFORE),
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Warms the pool {WARM_MINUTES_BEFORE} minutes before the schedule nightly_seeds; off unless started.",
)
