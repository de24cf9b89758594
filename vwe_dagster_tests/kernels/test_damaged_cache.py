"""Damaged files in the cache of machine code are detected and replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

MODULE = """
from vwe_dagster.kernels.compiling import kernel

@kernel
def double(number):
    return 2 * number

print(double(21))
"""


def flipped(content: bytes) -> bytes:
    """Return the content with a flipped bit in the middle, within the machine code."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


def run(folder: Path) -> tuple[str, list[str]]:
    """Run the module in a folder with the cache in it; return its output and the lines of its messages."""
    ended = subprocess.run(
        [sys.executable, folder / "doubling.py"],
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout, ended.stderr.splitlines()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a module and the machine code of its kernel."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "doubling.py").write_text(MODULE)
    assert run(folder) == ("42\n", [])
    return folder


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [("nbi", flipped), ("nbc", lambda _: b"")],
    ids=["flipped-index", "empty-code"],
)
def test_damaged_machine_code_is_compiled_again(
    compiled: Path, tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]
) -> None:
    folder = shutil.copytree(compiled, tmp_path / "damaged")
    damaged = list(folder.rglob(f"*.{suffix}"))
    assert damaged
    for path in damaged:
        path.write_bytes(damage(path.read_bytes()))
    output, messages = run(folder)
    assert output == "42\n"
    assert messages
    assert set(messages) <= {f"The compiled kernel {path} is damaged; it is compiled again." for path in damaged}
    assert run(folder) == ("42\n", [])


def test_kernel_from_the_cache_loads_no_linear_algebra(compiled: Path) -> None:
    code = "import sys, doubling; print('scipy.linalg' in sys.modules)"
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(compiled)}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, env=environment, cwd=compiled, capture_output=True, text=True, check=True)
    assert ended.stdout == "42\nFalse\n"
