"""Tables on terminals of any width."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console

from vwe_dagster.cli.console import say, show_table

CELLS = st.text("abc XYZ019.,-", max_size=14)


def printed(width: int, headings: list[str], rows: list[list[object]]) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    show_table(console, "", headings, rows)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_control_characters_are_escaped() -> None:
    file = io.StringIO()
    say(Console(file=file, width=80), "evil \x1b[2J\x07 seed\nnext line")
    assert file.getvalue() == "evil \\x1b[2J\\x07 seed\nnext line\n"
    assert "\\x1b[31m" in printed(80, ["seed"], [["\x1b[31mred"]])


@pytest.mark.parametrize("width", [30, 45, 60, 80])
def test_narrow_terminal_drops_whole_columns_and_names_them(width: int) -> None:
    rows: list[list[object]] = [["HHcLC5acQt", -1772362158, "1,234,567.8", "BlackForest", "raw extracted processed"]]
    headings = ["seed", "integer", "area_km2", "biome", "made"]
    shown = printed(width, headings, rows)
    assert "HHcLC5acQt" in shown
    for heading, cell in zip(headings, rows[0], strict=True):
        words = set(str(cell).split())
        hidden = re.search(rf"Not shown in {width} columns: .*{heading}", " ".join(shown.split()))
        assert bool(hidden) != (words <= set(shown.split()))
    assert max(map(len, shown.splitlines())) <= width


@given(
    st.integers(16, 100),
    st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=4),
)
@example(35, [["", "", "0000"], [" 000000000000", "00000000000", ""]])
def test_no_word_is_broken(width: int, rows: list[list[str]]) -> None:
    shown = printed(width, ["a", "b", "c"], [list(row) for row in rows])
    words = shown.split()
    for row in rows:
        assert all(word in words for word in row[0].split())
