"""Files are replaced atomically, and killed writers leave nothing for good."""

from __future__ import annotations

import os
import time
from pathlib import Path

from vwe_dagster.files.atomic import write_atomically

TWO_HOURS_S = 7200.0


def test_drafts_of_killed_writers_are_removed_and_those_of_other_writers_stay(tmp_path: Path) -> None:
    drafts = [tmp_path / f".notes[1].json.draft-{age}" for age in ("old", "new")]
    other = tmp_path / ".notes1.json.draft-old"
    for path in (*drafts, other):
        path.touch()
    for path in (drafts[0], other):
        os.utime(path, (time.time() - TWO_HOURS_S, time.time() - TWO_HOURS_S))
    write_atomically(tmp_path / "notes[1].json", b"{}")
    assert set(tmp_path.iterdir()) == {tmp_path / "notes[1].json", drafts[1], other}
