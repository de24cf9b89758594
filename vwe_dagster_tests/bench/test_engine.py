"""The benchmark of the engine checks the digest of the world that it measures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vwe_dagster.bench import engine
from vwe_dagster.bench.engine import EngineBench, former_medians
from vwe_dagster.bench.figures import BenchError, report

MEASURED = EngineBench("AVX2", {"grid (CPU s)": [0.2, 0.1, 0.3], "import (s)": [1.0]}, {"grid (CPU s)": [1.0]})


def test_rows_show_the_speed_relative_to_the_plain_transcription() -> None:
    assert MEASURED.rows(None) == [
        ("grid (CPU s)", "0.1", "0.2", "0.3", "5.0"),
        ("import (s)", "1", "1", "1", ""),
    ]


def test_rows_compare_with_a_former_run(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    path.write_text(report(dataclasses.replace(MEASURED, figures={"grid (CPU s)": [0.25]})))
    rows = MEASURED.rows(former_medians(path))
    assert rows[0][-2:] == ("0.25", "-20%")
    assert rows[1][-2:] == ("", "")


@pytest.mark.parametrize("text", ["", "[]", '{"figures": 3}', '{"figures": {"a": []}}'])
def test_file_that_is_not_a_benchmark_is_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "engine.json"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"engine\.json cannot be compared"):
        former_medians(path)


@pytest.mark.slow
def test_kernels_and_plain_transcription_are_measured() -> None:
    figures = engine._measure_kernels(1)["figures"]  # noqa: SLF001
    assert set(figures) > {"world of 2048 (CPU s)", "pregeneration (CPU s)", "height of a point (CPU µs)"}
    assert all(len(each["fast"]) == 1 and each["fast"][0] > 0 for each in figures.values())
    with_plain = ("grid of 2048 (CPU s)", "bosses and traders, 23 types (CPU s)", "all locations, 183 types (CPU s)")
    assert all(len(figures[name]["plain"]) == 1 and figures[name]["plain"][0] > 0 for name in with_plain)


@pytest.mark.slow
def test_measured_process_returns_its_figures() -> None:
    measured = engine._measure(2, {}, cores=1)  # noqa: SLF001
    assert len(measured["world_s"]) == 2
    assert min(measured["world_s"]) > 0
    assert measured["start_s"][0] >= measured["world_s"][0]
    assert 50 < measured["peak_mb"][0] < 2000


@pytest.mark.slow
def test_failed_process_is_reported() -> None:
    with pytest.raises(BenchError, match="failed"):
        engine._measure(0, {}, cores=None)  # noqa: SLF001
