"""Fixtures: a pipeline for each test, and a built world for all tests that only read it."""

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
    """A pipeline with an empty data folder."""
    return Pipeline(tmp_path / "data", instance)


@dataclasses.dataclass(frozen=True)
class BuiltWorld:
    """A world and the run that built it; read-only, because tests share it."""

    pipeline: Pipeline
    outcome: Outcome


@pytest.fixture(scope="session")
def built_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuiltWorld]:
    with dg.DagsterInstance.ephemeral() as instance:
        pipeline = Pipeline(tmp_path_factory.mktemp("built") / "data", instance)
        yield BuiltWorld(pipeline, pipeline.run(KEY))


@pytest.fixture
def with_world(pipeline: Pipeline, built_world: BuiltWorld) -> Pipeline:
    """A pipeline with the built world of :data:`KEY`."""
    shutil.copytree(built_world.pipeline.root, pipeline.root)
    return pipeline
