"""The limit on repeated lines of a log."""

from __future__ import annotations

import logging
import time

import pytest

from vwe_dagster.web.log_limit import MAX_RECORDS, WINDOW_S, LogLimit


def test_few_records_per_line_pass_and_the_next_window_counts_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    limit = LogLimit()

    def passed(line: int, repeat: int) -> list[str]:
        records = [logging.LogRecord("name", logging.WARNING, "path", line, "bad %s", ("x",), None)] * repeat
        return [record.getMessage() for record in records if limit.filter(record)]

    assert passed(1, MAX_RECORDS + 7) == ["bad x"] * MAX_RECORDS
    assert passed(2, 1) == ["bad x"]
    now += WINDOW_S
    assert passed(1, 1) == ["bad x (7 more like this before were not logged)"]
    assert passed(1, 1) == ["bad x"]
    assert passed(2, 1) == ["bad x"]
