"""The benchmark of surveys measures every depth and detects rows that differ from the known ones."""

from __future__ import annotations

import json

import pytest

from vwe_dagster.analysis.columns import ROW_VERSION, Depth
from vwe_dagster.analysis.row import seed_row
from vwe_dagster.bench import survey_figures as bench
from vwe_dagster.bench.figures import BenchError, report
from vwe_dagster.bench.survey_figures import KNOWN_DIGESTS, SAMPLE, SEEDS, SurveyFigure, bench_survey, sample_digest
from vwe_dagster.kernels.cores import usable_cores
from vwe_dagster.seeds.permutation import seeds_from

FEW = {Depth.START: SAMPLE}


@pytest.mark.slow
@pytest.mark.parametrize("depth", Depth)
def test_rows_of_this_version_have_their_known_digest(depth: Depth) -> None:
    rows = [{"number": seed, **seed_row(seed, depth)} for seed in seeds_from(0, SAMPLE).tolist()]
    assert sample_digest(rows) == KNOWN_DIGESTS[ROW_VERSION][depth]


@pytest.mark.slow
def test_depth_is_measured_on_one_core_and_on_all() -> None:
    measured = bench_survey(lambda _: None, FEW)
    expected = [(Depth.START, cores) for cores in sorted({1, usable_cores()})]
    assert [(figure.depth, figure.cores) for figure in measured.figures] == expected
    assert all(figure.seconds > 0 and figure.peak_mb > 50 for figure in measured.figures)
    assert json.loads(report(measured))["figures"][0]["depth"] == "start"


def test_every_depth_is_measured() -> None:
    assert list(SEEDS) == list(Depth)


@pytest.mark.slow
def test_other_rows_than_the_known_ones_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "KNOWN_DIGESTS", {ROW_VERSION: dict.fromkeys(Depth, "0" * 64)})
    with pytest.raises(BenchError, match="are wrong"):
        bench_survey(lambda _: None, FEW)


def test_row_of_the_table_has_the_rates_of_a_core_and_of_its_time() -> None:
    assert SurveyFigure(Depth.WORLD, 2, 48, 4.0, 6.0, 612.3).row() == (
        *("world", "2", "48", "12.00", "6.00", "8.00", "612"),
    )
