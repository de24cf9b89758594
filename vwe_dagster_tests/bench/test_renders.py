"""The benchmark of pictures and tiles measures each of them and writes a report."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from vwe_dagster.bench import renders as bench
from vwe_dagster.bench.figures import report
from vwe_dagster.bench.renders import RendersBench, bench_renders
from vwe_dagster.rendering.pictures import pictures

pytestmark = pytest.mark.slow

PICTURES, STYLES = ["biomes.png", "thumbnail.png"], ["forest"]


@pytest.fixture(scope="module")
def measured() -> Iterator[RendersBench]:
    """Run the benchmark with some of the pictures and styles."""
    real = pictures
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bench, "pictures", lambda *world: {name: real(*world)[name] for name in PICTURES})
        patch.setattr(bench, "STYLES", STYLES)
        yield bench_renders(lambda _: None, size=64, rounds=1, single_tiles=1)


def test_every_picture_and_style_is_measured(measured: RendersBench) -> None:
    pyramids = [f"pyramid {style}, zoom 0 to 3" for style in STYLES]
    singles = [f"tile {style}, zoom {zoom}" for zoom in (4, 5) for style in STYLES]
    assert [figure.name for figure in measured.figures] == PICTURES + pyramids + singles
    for figure in measured.figures:
        assert len(figure.seconds) == 1
        assert figure.seconds[0] > 0
        assert figure.bytes > 100


def test_table_and_report_have_all_measurements(measured: RendersBench) -> None:
    name, *times, size = measured.figures[0].row()
    assert (name, size) == (PICTURES[0], f"{measured.figures[0].bytes / 1e3:,.0f}")
    assert times == [f"{1e3 * measured.figures[0].seconds[0]:.0f}"] * 3
    document = json.loads(report(measured))
    assert document["size"] == 64
    assert document["figures"][0]["seconds"] == measured.figures[0].seconds
