"""An engine process that generates simple worlds: ``python -m vwe_dagster_tests.engine.simple_engine --socket PATH``.

It has the command line, protocol, states and faults of the native engine. It loads no kernels, so it starts in a
fraction of the processor time. Tests use it if they depend on how an engine behaves and not on what it computes.
"""

from __future__ import annotations

import dataclasses
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from vwe_dagster.engine.layers import OnLayer, ignore_layer
from vwe_dagster.engine.messages import (
    LINES,
    NATIVE,
    PLANES,
    Progress,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.protocol import Capabilities, layer_kind
from vwe_dagster.world.grid import MAX_SIZE, MIN_SIZE
from vwe_dagster_tests.valheim.terrain import stand_in_world

if TYPE_CHECKING:
    import pyarrow as pa


class SimpleEngine:
    """Generates simple worlds with the identity of the native engine."""

    identity = NATIVE
    capabilities = Capabilities(
        layers=tuple(map(layer_kind, (*PLANES, *LINES))), world_gen_versions=(2,), min_size=MIN_SIZE, max_size=MAX_SIZE
    )

    def generate(
        self, request: WorldRequest, progress: Progress = no_progress, on_layer: OnLayer = ignore_layer
    ) -> WorldExport:
        """Generate the world of the stand-in game."""
        progress(0.0, "laying rivers")
        export = dataclasses.replace(stand_in_world(request), engine=NATIVE)
        progress(0.5, "sampling the terrain")
        for name, plane in export.planes.items():
            on_layer(name, plane)
        for name, lines in export.lines.items():
            on_layer(name, lines)
        progress(1.0, "done")
        return export

    def survey(self, request: SurveyRequest, progress: Progress) -> pa.Table:
        """Return invented rows."""
        # Most tests request no survey, and Arrow takes as long to load as all else.
        from vwe_dagster_tests.survey.made_rows import invented_rows  # noqa: PLC0415

        for count in range(1, len(request.seeds) + 1):
            progress(count / len(request.seeds), f"{count} of {len(request.seeds)} seeds")
        return invented_rows(request.seeds, request.depth)

    def warm(self) -> None:
        """Do nothing: there are no kernels."""

    def verify(self) -> None:
        """Do nothing: there is no reference world."""


def main() -> None:
    """Serve a simple engine with the program of the native one."""
    native = ModuleType("vwe_dagster.engine.native")
    native.NativeEngine = SimpleEngine  # type: ignore[attr-defined]
    sys.modules[native.__name__] = native
    # Loading the program loads the native engine, which is replaced first.
    from vwe_dagster.engine.__main__ import main as program  # noqa: PLC0415

    program()


if __name__ == "__main__":
    main()
