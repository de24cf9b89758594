"""The terrain kernels are compiled before the first world, visibly and once."""

from __future__ import annotations

import pytest

from vwe_dagster.cli.commands.building import compile_kernels_once
from vwe_dagster.engine.native import NativeEngine
from vwe_dagster.kernels import cache


@pytest.mark.parametrize(("cached", "warmed"), [(False, 1), (True, 0)])
def test_kernels_are_compiled_with_a_report_unless_they_are_cached(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cached: bool, warmed: int
) -> None:
    calls: list[int] = []
    monkeypatch.setattr(cache, "are_kernels_cached", lambda: cached)
    monkeypatch.setattr(NativeEngine, "warm", lambda _: calls.append(1))
    compile_kernels_once()
    assert len(calls) == warmed
    assert capsys.readouterr().err == "Compiling the terrain kernels: once, about 30 s\n" * warmed
