"""Damaged files in the cache of machine code are detected and replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CODE = "from vwe_dagster.worldgen.unity_random import init_state; print(*init_state(5))"


def flipped(content: bytes) -> bytes:
    """Return the content with a flipped bit in the middle, within the machine code."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [("nbi", flipped), ("nbc", flipped), ("nbc", lambda _: b"")],
    ids=["flipped-index", "flipped-code", "empty-code"],
)
def test_damaged_machine_code_is_compiled_again(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> tuple[str, list[str]]:
        ended = subprocess.run(
            [sys.executable, "-c", CODE], env=environment, capture_output=True, text=True, check=True
        )
        return ended.stdout, ended.stderr.splitlines()

    right = run()
    assert right[1] == []
    damaged = list(tmp_path.rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        path.write_bytes(damage(path.read_bytes()))
    output, messages = run()
    assert output == right[0]
    assert set(messages) <= {f"The compiled kernel {path} is damaged; it is compiled again." for path in damaged}
    assert messages
    assert run() == right
