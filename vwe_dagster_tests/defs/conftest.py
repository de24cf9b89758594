"""A pipeline for each test, and a world that has been made once for those that only look at it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster_tests.defs.pipeline import Outcome, Pipeline

KEY = "HHcLC5acQt"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def pipeline(instance: dg.DagsterInstance, tmp_path: Path) -> Pipeline:
    """A pipeline in which nothing has been made."""
    return Pipeline(tmp_path / "data", instance)


@dataclasses.dataclass(frozen=True)
class BuiltWorld:
    """A world as one run made it; not to be changed."""

    pipeline: Pipeline
    outcome: Outcome


@pytest.fixture(scope="session")
def built_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltWorld]:
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(tmp_path_factory.mktemp("made") / "data", instance)
        yield BuiltWorld(pipeline, pipeline.run(KEY))


@pytest.fixture
def with_world(pipeline: Pipeline, built_world: BuiltWorld) -> Pipeline:
    """A pipeline in which the world of :data:`KEY` has been made."""
    shutil.copytree(built_world.pipeline.root, pipeline.root)
    return pipeline
