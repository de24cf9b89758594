"""Damaged files in the cache of machine code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = "from vwe_dagster.worldgen.unity_random import init_state; print(*init_state(5))"


@pytest.mark.parametrize("content", [b"", b"no pickle at all"], ids=["empty", "junk"])
@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
def test_damaged_machine_code_is_compiled_again(tmp_path: Path, suffix: str, content: bytes) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> str:
        ended = subprocess.run(
            [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
        )
        return ended.stdout

    right = run()
    damaged = list(tmp_path.rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        path.write_bytes(content)
    assert run() == right
    assert run() == right
    assert all(path.stat().st_size > len(content) for path in tmp_path.rglob("*.nbi"))
