"""The size of the data folder."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.metrics.data_folder import DataFolder
from vwe_dagster.store.leftovers import bytes_in


def test_file_that_two_stages_share_counts_once(tmp_path: Path) -> None:
    seed = tmp_path / "seeds" / "seed"
    for stage in ("raw", "extracted"):
        (seed / stage).mkdir(parents=True)
        (seed / stage / "own").write_bytes(bytes(10))
    (seed / "raw" / "height").write_bytes(bytes(1000))
    (seed / "extracted" / "height").hardlink_to(seed / "raw" / "height")
    size = DataFolder(tmp_path).measure()
    assert size is not None
    assert (size.stage_bytes["raw"], size.stage_bytes["extracted"]) == (1010, 10)
    assert bytes_in(seed) == 1020
