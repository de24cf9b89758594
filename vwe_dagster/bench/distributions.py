"""The distributions of the columns over seeds, as tables and pictures of docs/reference/statistics.md.

``python -m vwe_dagster.bench.distributions survey 2000 world rows.jsonl`` writes rows of random seeds, and
``python -m vwe_dagster.bench.distributions write docs rows.jsonl`` the table and the pictures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.column_texts import text_of
from vwe_dagster.analysis.columns import COLUMNS, Column, ColumnType, Depth, columns_of
from vwe_dagster.analysis.row import seed_row

RANDOM_SEED = 2026
"""Seeds the random seeds, so that the survey can be repeated."""

BEGIN, END = "<!-- begin of the generated tables -->", "<!-- end of the generated tables -->"

_BINS = 24
_ACROSS, _WIDTH, _HEIGHT = 5, 176, 92
"""Plots in a row of a picture, and the size of a plot in pixels."""

Row = Mapping[str, float | None]


class Distribution(NamedTuple):
    """The values of a column over seeds.

    Attributes:
        column: the column.
        values: the values, ascending.
        missing: fraction of the rows without a value.
    """

    column: Column
    values: npt.NDArray[np.float64]
    missing: float

    @property
    def percentiles(self) -> tuple[float, float, float]:
        """The 10th, the 50th and the 90th percentile."""
        low, middle, high = np.percentile(self.values, (10, 50, 90)).tolist()
        return low, middle, high


def survey(count: int, depth: Depth) -> Iterator[Row]:
    """Yield the rows of random seeds, each with its ``number``."""
    for number in np.random.default_rng(RANDOM_SEED).integers(-(2**31), 2**31, count).tolist():
        yield {"number": number, **seed_row(number, depth)}


def distributions(rows: Sequence[Row]) -> list[Distribution]:
    """Return the distribution of each column that has values, over the rows of its depth or deeper."""
    found = []
    for column in COLUMNS.values():
        values = [row[column.name] for row in rows if column.name in row]
        known = np.sort(np.array([value for value in values if value is not None], np.float64))
        if known.size:
            found.append(Distribution(column, known, 1 - known.size / len(values)))
    return found


def table(given: Iterable[Distribution]) -> str:
    """Return the distributions as a table in Markdown."""
    lines = ["| column | 10 % | 50 % | 90 % | null | meaning |", "|---|--:|--:|--:|--:|---|"]
    for each in given:
        texts = (text_of(each.column, value) for value in each.percentiles)
        names = ", ".join(f"`{name}`" for name in (each.column.name, *each.column.short))
        missing = f"{each.missing:.0%}" if each.missing else ""
        lines.append(f"| {names} | {' | '.join(texts)} | {missing} | {each.column.meaning} |")
    return "\n".join(lines)


def picture(given: Sequence[Distribution]) -> str:
    """Return histograms of the distributions as one SVG picture."""
    rows = -(-len(given) // _ACROSS)
    width, height = _ACROSS * _WIDTH, rows * _HEIGHT
    plots = (
        _plot(each, (number % _ACROSS) * _WIDTH, (number // _ACROSS) * _HEIGHT) for number, each in enumerate(given)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="9" fill="#333"><rect width="{width}" height="{height}" fill="#fff"/>\n'
        + "\n".join(plots)
        + "\n</svg>\n"
    )


def _plot(given: Distribution, left: int, top: int) -> str:
    low, high = np.percentile(given.values, (0.5, 99.5)).tolist()
    if given.column.type is ColumnType.COUNT:
        step = max(1, -(-int(high - low + 1) // _BINS))
        edges = np.arange(low - 0.5, high + 0.5 + step, step)
    else:
        edges = np.linspace(low, max(high, low + 1e-9), _BINS + 1)
    counts, _ = np.histogram(given.values, edges)
    broad, tallest = (_WIDTH - 16) / counts.size, max(int(counts.max()), 1)
    bars = "".join(
        f"M{round(i * broad, 1):g} 0v{-round(44 * int(count) / tallest, 1):g}h{round(broad - 0.6, 1):g}V0z"
        for i, count in enumerate(counts)
        if count
    )
    ends = (
        f'<text x="{x}" y="70" text-anchor="{anchor}" fill="#777">{escape(text_of(given.column, value))}</text>'
        for x, anchor, value in ((0, "start", low), (_WIDTH - 16, "end", high))
    )
    return (
        f'<g transform="translate({left + 8} {top + 8})"><text y="8">{escape(given.column.name)}</text>'
        f'<path transform="translate(0 60)" fill="#5b7f95" d="{bars}"/>'
        f'<path d="M0 60.5H{_WIDTH - 16}" stroke="#999" fill="none"/>{"".join(ends)}</g>'
    )


def write(docs: Path, rows: Sequence[Row]) -> None:
    """Write the tables of ``reference/statistics.md`` and the pictures ``images/statistics-DEPTH.svg``."""
    found = distributions(rows)
    parts = []
    for depth in Depth:
        here = [each for each in found if each.column.depth is depth]
        seeds = sum(columns_of(depth)[-1].name in row for row in rows)
        (docs / "images" / f"statistics-{depth}.svg").write_text(picture(here), encoding="utf-8")
        parts.append(
            f"### Depth `{depth}`: {len(here)} columns, over {seeds:,} seeds\n\n"
            f"![Histograms of the columns of depth {depth}](../images/statistics-{depth}.svg)\n\n{table(here)}"
        )
    page = docs / "reference" / "statistics.md"
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Run ``survey COUNT DEPTH FILE`` or ``write DOCS FILE...``."""
    if arguments[0] == "survey":
        count, depth, file = arguments[1:]
        with Path(file).open("w", encoding="utf-8") as rows:
            for row in survey(int(count), Depth(depth)):
                rows.write(json.dumps(row) + "\n")
                rows.flush()
        return
    docs, *files = map(Path, arguments[1:])
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
    write(docs, [json.loads(line) for line in lines if line.endswith("}")])


if __name__ == "__main__":
    main(sys.argv[1:])
