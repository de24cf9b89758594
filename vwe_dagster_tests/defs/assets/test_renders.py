"""The asset ``renders``: the size of its pictures."""

from __future__ import annotations

import pytest
from PIL import Image

from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster_tests.defs.conftest import KEY
from vwe_dagster_tests.defs.pipeline import Outcome, Pipeline

pytestmark = pytest.mark.slow


def drawn(pipeline: Pipeline, **config: object) -> Outcome:
    return pipeline.run(KEY, assets=["renders"], config={"renders": config})


def height_of_map(pipeline: Pipeline) -> int:
    return Image.open(pipeline.store.folder(parse_seed(KEY), "renders") / "map.png").height


def test_pictures_have_the_size_of_the_grid_or_the_requested_one(with_world: Pipeline) -> None:
    assert height_of_map(with_world) < 500
    assert drawn(with_world, pixels=1024).metadata("renders")["cached"] is False
    assert height_of_map(with_world) == 1024 + 64
    assert with_world.manifest(KEY, "renders").recipe.inputs["pixels"] == 1024
    assert drawn(with_world, pixels=1024).metadata("renders")["cached"] is True
    assert drawn(with_world).metadata("renders")["cached"] is False
    assert height_of_map(with_world) < 500


def test_size_out_of_range_fails_the_configuration(with_world: Pipeline) -> None:
    assert "less than or equal to 4096" in drawn(with_world, pixels=5000).failures["renders"]
