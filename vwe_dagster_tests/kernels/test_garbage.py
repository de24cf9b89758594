"""Processes spend little time on collecting garbage."""

from __future__ import annotations

import subprocess
import sys

END = """
import atexit, gc
from vwe_dagster.kernels.garbage import collect_rarely
atexit.register(lambda: print(gc.get_freeze_count() > 0))
collect_rarely()
print(gc.get_freeze_count() > 0)
"""


def test_objects_that_are_left_at_the_end_of_a_process_are_not_collected() -> None:
    ended = subprocess.run([sys.executable, "-c", END], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\nTrue\n"


def test_end_of_a_process_with_a_database_prints_nothing() -> None:
    code = (
        "from vwe_dagster.kernels.garbage import collect_rarely\n"
        "collect_rarely()\n"
        "import duckdb\n"
        "duckdb.connect().execute('select 1').fetchall()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "")
