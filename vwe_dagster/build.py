"""The wiring: which assets, jobs and resources make up the project."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg

from vwe_dagster.assets.extracted import extracted
from vwe_dagster.assets.processed import processed
from vwe_dagster.assets.raw_export import raw_export
from vwe_dagster.assets.renders import renders
from vwe_dagster.home import find_home
from vwe_dagster.jobs import world
from vwe_dagster.listening import LISTENER, listener_logger
from vwe_dagster.resources import NativeEngineResource, WorldStoreResource


def build_defs(*, resource_overrides: Mapping[str, object] | None = None) -> dg.Definitions:
    """Wires the project together; nothing is opened or started by it.

    Args:
        resource_overrides: resources by key (``engine``, ``store``) to use in place of the project's own.

    Raises:
        HomeError: the home folder cannot be told.
    """
    resources: dict[str, object] = {
        "engine": NativeEngineResource(),
        "store": WorldStoreResource(root=str(find_home().data)),
    }
    return dg.Definitions(
        assets=[raw_export, extracted, processed, renders],
        jobs=[world],
        resources={**resources, **(resource_overrides or {})},
        loggers={"console": dg.colored_console_logger, LISTENER: listener_logger},
        # Starting a process a step costs more than the step; parallel work happens in the engines.
        executor=dg.in_process_executor,
    )
