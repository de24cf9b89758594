"""The generated tables and pictures of docs/reference/statistics.md."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from vwe_dagster.analysis.columns import COLUMNS, Depth, columns_of
from vwe_dagster.bench.distributions import BEGIN, END, distributions, write

DOCS = Path(__file__).parents[2] / "docs"


def documented() -> dict[str, list[float]]:
    """Return the percentiles of each column of the page."""
    tables = (DOCS / "reference" / "statistics.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    found = {}
    for line in re.findall(r"^\| `.*$", tables, re.MULTILINE):
        name, *percentiles = (cell.strip() for cell in line.strip("|").split("|")[:4])
        found[name.split("`")[1]] = [float(re.sub(r"[^\d.-]", "", text.split(" ")[0])) for text in percentiles]
    return found


def test_page_has_every_column_in_order() -> None:
    assert list(documented()) == list(COLUMNS)


@pytest.mark.parametrize("name", COLUMNS)
def test_column_differs_between_worlds(name: str) -> None:
    low, middle, high = documented()[name]
    assert low <= middle <= high
    assert high >= 1.1 * low
    assert high > 0


def test_rows_of_a_depth_count_for_its_columns_only(tmp_path: Path) -> None:
    names = [column.name for column in columns_of(Depth.WORLD)]
    rows: list[dict[str, float | None]] = [dict.fromkeys(names, float(number)) for number in range(1, 12)]
    rows[0]["swamp_near_m"] = None
    (tmp_path / "images").mkdir()
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "statistics.md").write_text(f"Above\n{BEGIN}\nformer\n{END}\nbelow\n", encoding="utf-8")
    write(tmp_path, rows)
    text = (tmp_path / "reference" / "statistics.md").read_text(encoding="utf-8")
    assert text.startswith("Above\n")
    assert text.endswith(f"{END}\nbelow\n")
    assert "former" not in text
    assert re.search(r"^\| `islands` \| 2 \| 6 \| 10 \|  \|", text, re.MULTILINE)
    assert re.search(r"^\| `swamp_near_m` \| .* \| 9% \|", text, re.MULTILINE)
    assert "over 11 seeds" in text
    assert {each.column.name for each in distributions(rows)} == set(names)
    for depth in Depth:
        ET.parse(tmp_path / "images" / f"statistics-{depth}.svg")  # noqa: S314
