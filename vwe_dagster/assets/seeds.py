"""What the assets are partitioned by: seeds, which people add while the pipeline lives."""

from __future__ import annotations

import dagster as dg

seeds = dg.DynamicPartitionsDefinition(name="seeds")
