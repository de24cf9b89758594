"""The definitions that Dagster loads."""

from __future__ import annotations

from vwe_dagster.defs.build import build_defs
from vwe_dagster.kernels.garbage import collect_rarely

# Dagster starts code servers and run processes by itself; this is the first module of the project that they import.
collect_rarely()
defs = build_defs()
