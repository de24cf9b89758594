"""A summary of the survey: rows, blocks and files per depth."""

from __future__ import annotations

import dataclasses

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.store import WorldStore
from vwe_dagster.store.errors import disk_errors_explained
from vwe_dagster.survey.files import FileState, SurveyFiles
from vwe_dagster.survey.seed_sets import BLOCK_SEEDS, block_number


@dataclasses.dataclass(frozen=True)
class DepthSummary:
    """The files of one depth.

    Attributes:
        depth: the depth.
        rows: rows in current files.
        whole_blocks: current blocks that have all their rows.
        unfinished_blocks: current blocks that have some of their rows.
        sets: current files of other sets of seeds.
        stale_rows: rows of another version.
        damaged: paths of damaged files.
        bytes: length of all files.
    """

    depth: Depth
    rows: int
    whole_blocks: int
    unfinished_blocks: int
    sets: int
    stale_rows: int
    damaged: tuple[str, ...]
    bytes: int

    def as_dict(self) -> dict[str, object]:
        """Return the summary for JSON."""
        return {**dataclasses.asdict(self), "depth": self.depth.value, "damaged": list(self.damaged)}


def summary_of(store: WorldStore, files: SurveyFiles) -> list[DepthSummary]:
    """Summarize the files of a data folder, one item per depth.

    Raises:
        StoreError: a file cannot be read.
    """
    with disk_errors_explained(store.root):
        return [_summary(files, depth) for depth in Depth]


def _summary(files: SurveyFiles, depth: Depth) -> DepthSummary:
    blocks = [file.rows for file in files.current(depth) if block_number(file.name) is not None]
    whole = sum(rows == BLOCK_SEEDS for rows in blocks)
    return DepthSummary(
        depth=depth,
        rows=files.rows(depth),
        whole_blocks=whole,
        unfinished_blocks=len(blocks) - whole,
        sets=len(files.current(depth)) - len(blocks),
        stale_rows=files.stale_rows(depth),
        damaged=tuple(str(file.path) for file in files.files[depth] if file.state is FileState.DAMAGED),
        bytes=sum(file.path.stat().st_size for file in files.files[depth] if file.path.exists()),
    )
