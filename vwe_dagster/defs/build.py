"""Build the definitions: the assets, checks, jobs, schedules, sensors and resources of the project."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from vwe_dagster.config.broker import broker_from_environment
from vwe_dagster.config.home import Home, find_home
from vwe_dagster.config.pool import settings_from_environment, valheim_settings_from_environment
from vwe_dagster.defs.asset_checks import CHECKS
from vwe_dagster.defs.assets.extracted import extracted
from vwe_dagster.defs.assets.processed import processed
from vwe_dagster.defs.assets.raw_export import raw_export
from vwe_dagster.defs.assets.renders import renders
from vwe_dagster.defs.assets.seed_catalog import seed_catalog
from vwe_dagster.defs.assets.survey import SURVEY_CHECKS, survey
from vwe_dagster.defs.assets.tiles import tiles
from vwe_dagster.defs.automation import automation
from vwe_dagster.defs.batching import BATCH_END, BatchEnd
from vwe_dagster.defs.jobs import add_seeds, tile_pyramid, world
from vwe_dagster.defs.pool_jobs import pool_upkeep, warm_pool
from vwe_dagster.defs.resources import VALHEIM_POOL, NoValheimPool, WarmEnginePool, WorldStoreResource
from vwe_dagster.defs.run_events import LISTENER, listener_logger
from vwe_dagster.defs.schedules import nightly_seeds, warm_before_nightly
from vwe_dagster.defs.sensors.inbox import inbox
from vwe_dagster.defs.sensors.pool_upkeep import pool_upkeep as pool_upkeep_sensor
from vwe_dagster.defs.survey_schedule import survey_idle, survey_job
from vwe_dagster.pool.settings import PoolSettings

# A process per step costs more than the step itself; the engines work in parallel. A step that fails for some seeds has
# already emitted its output, so the next step continues with the other seeds.
_EXECUTOR = dg.in_process_executor.configured(
    {"step_dependency_config": {"require_upstream_step_success": False}}, name="in_process"
)


def build_defs(*, resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Return the definitions of the project, without opening or starting anything.

    Args:
        resource_overrides: replacements for resources, by key (``pool``, ``valheim_pool``, ``store``).

    Raises:
        HomeError: the home folder cannot be determined.
        PoolSettingsError: an environment variable has an invalid pool setting.
        BrokerError: the URL of the broker is invalid.
    """
    home = find_home()
    valheim = valheim_settings_from_environment()
    resources: dict[str, object] = {
        "pool": _pool_of(home, settings_from_environment()),
        VALHEIM_POOL: NoValheimPool() if valheim is None else _pool_of(home, valheim),
        BATCH_END: dg.IOManagerDefinition.hardcoded_io_manager(BatchEnd(), "Fails a step if one of its seeds failed."),
        # Dagster's default would also accept the name of an environment variable as the folder in a run's config.
        "io_manager": dg.FilesystemIOManager(),
        "store": WorldStoreResource(root=str(home.data), stage_counts=str(home.stage_counts)),
    }
    return dg.Definitions(
        assets=[raw_export, extracted, processed, renders, tiles, seed_catalog, survey],
        asset_checks=[*CHECKS, SURVEY_CHECKS],
        jobs=[world, tile_pyramid, add_seeds, pool_upkeep, warm_pool, survey_job],
        schedules=[nightly_seeds, warm_before_nightly, survey_idle],
        sensors=[automation, inbox, pool_upkeep_sensor, *_sensors_of_center()],
        resources={**resources, **(resource_overrides or {})},
        loggers={"console": dg.colored_console_logger, LISTENER: listener_logger},
        executor=_EXECUTOR,
    )


def _sensors_of_center() -> list[dg.SensorDefinition]:
    """Return the sensors of an instance that several hosts share."""
    if broker_from_environment() is None:
        return []
    # The client of Redis is an optional package.
    from vwe_dagster.defs.sensors.lost_runs import lost_runs  # noqa: PLC0415

    return [lost_runs]


def _pool_of(home: Home, settings: PoolSettings) -> WarmEnginePool:
    folder = home.pools / settings.folder_name
    return WarmEnginePool(folder=str(folder), data=str(home.data), **settings.model_dump())
