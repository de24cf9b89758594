"""The definitions that Dagster loads."""

from __future__ import annotations

from vwe_dagster.defs.build import build_defs
from vwe_dagster.kernels.garbage import collect_rarely

# Dagster starts its processes by itself, code servers and runs: this is where they come to the project.
collect_rarely()
defs = build_defs()
