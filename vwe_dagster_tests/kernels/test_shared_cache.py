"""Processes that share the cache of machine code get the code of their own types and settings, or compile it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba.core.config
import numpy as np
import pytest

from vwe_dagster.kernels.cache import cache_folder, folder_name
from vwe_dagster.kernels.checked_cache import CheckedCache
from vwe_dagster.kernels.compiling import kernel


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """The cache folder of this module."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    cache_folder.cache_clear()
    folder = cache_folder(Path(__file__).resolve())
    assert folder is not None
    yield folder
    cache_folder.cache_clear()


def last(numbers: Any) -> Any:
    return numbers[-1]


def test_code_for_other_types_is_not_run_after_a_lost_update_of_the_index(folder: Path) -> None:
    """Two processes read the index before either writes it, so the second write drops the entry of the first."""
    integers, floats = np.arange(3), np.arange(3.0)
    assert kernel(last)(integers) == 2
    [index] = folder.glob("*.nbi")
    of_the_slow_process = index.read_bytes()
    index.unlink()
    assert kernel(last)(floats) == 2.0
    index.write_bytes(of_the_slow_process)
    assert kernel(last)(integers) == 2
    assert kernel(last)(floats) == 2.0


def test_numba_locators_of_the_environment_do_not_move_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = CheckedCache(last)
    assert Path(usual.cache_path) == folder
    monkeypatch.setattr(numba.core.config, "CACHE_LOCATOR_CLASSES", "UserWideCacheLocator")
    assert kernel(last)(np.arange(3)) == 2
    assert list(folder.glob("*.nbc"))
    assert CheckedCache(last).cache_path == usual.cache_path


def test_kernel_runs_although_its_machine_code_can_be_neither_read_nor_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled = kernel(last)
    folder.rmdir()
    folder.touch()
    assert compiled(np.arange(3)) == 2
    assert f"cannot be cached in {folder.parent} (Not a directory)" in capsys.readouterr().err


def test_settings_of_numba_that_change_code_have_folders_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = folder_name(Path(__file__))
    for setting in ("BOUNDSCHECK", "OPT"):
        with monkeypatch.context() as patch:
            patch.setattr(numba.core.config, setting, 1)
            assert folder_name(Path(__file__)) != usual
    assert folder_name(Path(__file__)) == usual
