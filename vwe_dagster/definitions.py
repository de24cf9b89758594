"""What Dagster loads."""

from __future__ import annotations

from vwe_dagster.defs.build import build_defs

defs = build_defs()
