"""The number of usable cores, also with a limit for one thread."""

from __future__ import annotations

import threading

from vwe_dagster.kernels.cores import limited_cores, usable_cores


def test_limit_holds_in_its_thread_until_the_block_ends() -> None:
    cores, beside = usable_cores(), []
    with limited_cores(1):
        other = threading.Thread(target=lambda: beside.append(usable_cores()))
        other.start()
        other.join()
        assert usable_cores() == 1
    assert beside == [cores]
    assert usable_cores() == cores


def test_limit_never_adds_cores() -> None:
    cores = usable_cores()
    with limited_cores(10 * cores):
        assert usable_cores() == cores
