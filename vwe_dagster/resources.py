"""Resources: what the assets are given to work with, configured and wrapped for Dagster.

Each is thin. The assets know the engine by the protocol of :mod:`vwe_dagster.engine.messages` alone: any object with
its ``identity`` and ``generate`` can stand in.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pydantic

from vwe_dagster.engine.messages import EngineIdentity, Progress, WorldExport, WorldRequest, no_progress
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.store import WorldStore


class WorldStoreResource(dg.ConfigurableResource[WorldStore]):
    """The data folder; assets receive the :class:`~vwe_dagster.store.WorldStore` itself."""

    root: str = pydantic.Field(description="The data folder, as an absolute path.")

    def create_resource(self, context: dg.InitResourceContext) -> WorldStore:  # noqa: ARG002
        """Opens the data folder."""
        return WorldStore(Path(self.root))


class NativeEngineResource(dg.ConfigurableResource["NativeEngineResource"]):
    """The native engine, in the process of the run."""

    @property
    def identity(self) -> EngineIdentity:
        """Who the engine is."""
        return NativeEngine().identity

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        """Generates one world.

        Raises:
            EngineError: the engine refused the request or failed.
        """
        return NativeEngine().generate(request, progress)
