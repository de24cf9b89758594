"""Fixtures of the tests of Valheim's engine."""

from __future__ import annotations

from vwe_dagster_tests.pool.docker_engine import docker_client
from vwe_dagster_tests.valheim.game_image import game_image
from vwe_dagster_tests.valheim.stand_in import plugin

__all__ = ["docker_client", "game_image", "plugin"]
