"""A world that was made, to be spoilt, and the checks that look at it."""

from __future__ import annotations

from vwe_dagster_tests.assets.conftest import instance, made_world, pipeline, with_world

__all__ = ["instance", "made_world", "pipeline", "with_world"]
