"""A world that was made, to be spoilt, and the checks that look at it."""

from __future__ import annotations

import shutil
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster_tests.assets.conftest import KEY, MadeWorld, instance, made_world, pipeline
from vwe_dagster_tests.assets.pipeline import Pipeline

__all__ = ["instance", "made_world", "pipeline"]


@pytest.fixture(scope="session")
def with_tiles(made_world: MadeWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a world that has tiles; not to be changed."""
    root = tmp_path_factory.mktemp("tiles") / "data"
    shutil.copytree(made_world.pipeline.root, root)
    with dg.DagsterInstance.ephemeral() as other:
        config = {"tiles": {"styles": ["map"], "max_zoom": 1}}
        assert Pipeline(root, other).run(KEY, assets=["tiles"], config=config).success
    return root


@pytest.fixture
def with_world(pipeline: Pipeline, with_tiles: Path) -> Pipeline:
    """A pipeline in which the world and its tiles have been made."""
    shutil.copytree(with_tiles, pipeline.root)
    return pipeline
