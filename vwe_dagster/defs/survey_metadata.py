"""Build the metadata of a survey block: histograms of some columns, and the seeds with extreme values."""

from __future__ import annotations

from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image, ImageDraw

from vwe_dagster.defs.metadata import rows_table, thumbnail
from vwe_dagster.survey.files import SurveyFile
from vwe_dagster.survey.striking import Distribution, distributions

SHOWN = 6
"""Number of shown columns."""

_BINS, _BAR, _HIGH, _LABEL, _GAP = 24, 10, 24, 12, 5
_INK, _PAPER, _FILL = "#22282d", "#ffffff", "#4f7ca8"


def block_metadata(file: SurveyFile, table: pa.Table, *, added: int) -> dict[str, dg.MetadataValue[Any]]:
    """Return the metadata of a block.

    Args:
        file: file of the block.
        table: rows of the block.
        added: number of rows that this run computed; the others existed before.
    """
    shown = distributions(table, SHOWN)
    return {
        "rows": dg.MetadataValue.int(table.num_rows),
        "computed by this run": dg.MetadataValue.int(added),
        "cached": dg.MetadataValue.bool(added == 0),
        **({"histograms": dg.MetadataValue.md(thumbnail(histograms(shown)))} if shown else {}),
        "best rows": rows_table(pd.DataFrame([_ends(each) for each in shown])),
        "file": dg.MetadataValue.path(file.path),
        "bytes": dg.MetadataValue.int(file.path.stat().st_size),
        "versions": dg.MetadataValue.json(
            {name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items()}
        ),
    }


def histograms(shown: list[Distribution]) -> Image.Image:
    """Draw one histogram per column from top to bottom, each with its smallest and greatest value."""
    height = len(shown) * (_HIGH + _LABEL + _GAP)
    picture = Image.new("RGB", (_BINS * _BAR, max(height, 1)), _PAPER)
    draw = ImageDraw.Draw(picture)
    for row, each in enumerate(shown):
        top = row * (_HIGH + _LABEL + _GAP)
        counts, edges = np.histogram(each.samples, _BINS)
        draw.text((0, top), f"{each.name}: {edges[0]:,.4g} to {edges[-1]:,.4g}", fill=_INK)
        bottom = top + _LABEL + _HIGH
        for place, count in enumerate(counts):
            bar = round(float(_HIGH * count / counts.max()))
            if bar:
                draw.rectangle((place * _BAR, bottom - bar, (place + 1) * _BAR - 2, bottom - 1), fill=_FILL)
    return picture


def _ends(each: Distribution) -> dict[str, str]:
    return {
        "column": each.name,
        "least": f"{each.samples.min():,.4g}",
        "seed of the least": f"@{each.least_seed}",
        "median": f"{np.median(each.samples):,.4g}",
        "greatest": f"{each.samples.max():,.4g}",
        "seed of the greatest": f"@{each.greatest_seed}",
    }
