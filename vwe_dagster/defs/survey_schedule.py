"""The job ``survey_block`` and the schedule that adds blocks of seeds at night."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping

import dagster as dg

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.defs.in_flight import keys_in_backfills, keys_in_runs
from vwe_dagster.defs.partitions import survey_blocks
from vwe_dagster.defs.schedules import ScheduleSettingsError
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.files import survey_files
from vwe_dagster.survey.running import unfinished_blocks
from vwe_dagster.survey.seed_sets import block_key

BLOCKS_VARIABLE = "VWE_SURVEY_BLOCKS"
"""Environment variable with the number of blocks per night."""

IDLE = "30 1 * * *"
"""Time of the schedule, in UTC."""

MAX_BLOCKS = 1000

_DEFAULT_BLOCKS = 25

survey_job = dg.define_asset_job(
    "survey_block",
    selection=dg.AssetSelection.groups("survey"),
    description="Surveys a block of 4096 seeds at the depth in its partition key.",
)


@dg.schedule(
    job=survey_job,
    cron_schedule=IDLE,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description=f"Surveys blocks of seeds at depth world each night: {BLOCKS_VARIABLE}, by default {_DEFAULT_BLOCKS}. "
    "Stopped by default.",
)
def survey_idle(context: dg.ScheduleEvaluationContext, store: dg.ResourceParam[WorldStore]) -> Iterator[dg.RunRequest]:
    """Request a run for each block of the night."""
    count = blocks_a_night()
    instance = context.instance
    registered = instance.get_dynamic_partitions(str(survey_blocks.name))
    in_flight = {**keys_in_runs(instance, registered), **keys_in_backfills(instance)}
    unfinished = (block_key(Depth.WORLD, number) for number in unfinished_blocks(survey_files(store), Depth.WORLD))
    # Blocks that still wait from the night before count, so that nights do not pile up.
    keys = [key for key in itertools.islice(unfinished, count) if key not in in_flight]
    instance.add_dynamic_partitions(str(survey_blocks.name), keys)
    for key in keys:
        yield dg.RunRequest(partition_key=key)


def blocks_a_night(environ: Mapping[str, str] = os.environ) -> int:
    """Return the number of blocks per night.

    Raises:
        ScheduleSettingsError: the environment variable is not a number in range.
    """
    text = environ.get(BLOCKS_VARIABLE) or str(_DEFAULT_BLOCKS)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_BLOCKS)) and 1 <= int(text) <= MAX_BLOCKS):
        raise ScheduleSettingsError(f"{BLOCKS_VARIABLE} is {text!r}; write a whole number from 1 to {MAX_BLOCKS}.")
    return int(text)
