"""A process that surveys invented rows: ``python -m vwe_dagster_tests.survey.surveyor DATA COUNT SECONDS``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.engine.messages import NATIVE, Progress, SurveyExport, SurveyRequest
from vwe_dagster.store import WorldStore
from vwe_dagster.survey.running import survey_more
from vwe_dagster_tests.survey.made_rows import invented_rows


def invented(request: SurveyRequest, progress: Progress) -> SurveyExport:
    """Return invented rows after half of the progress."""
    progress(0.5, "half of it")
    return SurveyExport(request, NATIVE, invented_rows(request.seeds, request.depth), {})


def main(data: str, count: str, seconds: str) -> None:
    """Survey ``COUNT`` seeds; each request takes ``SECONDS``."""

    def slowly(request: SurveyRequest, progress: Progress) -> SurveyExport:
        time.sleep(float(seconds))
        return invented(request, progress)

    outcome = survey_more(WorldStore(Path(data)), int(count), Depth.WORLD, slowly)
    sys.stdout.write(f"{outcome.added}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
