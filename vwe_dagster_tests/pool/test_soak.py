"""A short soak: holders and engines are killed and stopped at random, and no invariant is violated.

``VWE_SOAK_S`` is the number of seconds, ``VWE_SOAK_SEED`` chooses the faults; a failure shows its seed.
"""

from __future__ import annotations

import logging
import os
import random
from pathlib import Path

import pytest

from vwe_dagster_tests.pool.soak import SLOTS, soak

pytestmark = pytest.mark.slow

SOAK_S = float(os.environ.get("VWE_SOAK_S", "8"))

_log = logging.getLogger(__name__)


def test_no_engine_is_held_twice_lost_or_left_behind_under_random_faults(tmp_path: Path) -> None:
    seed = int(os.environ.get("VWE_SOAK_SEED") or random.SystemRandom().randrange(2**32))
    _log.warning("VWE_SOAK_SEED=%d", seed)
    figures = soak(tmp_path, SOAK_S, seed)
    _log.warning("%s; %s; %s", figures.line(), figures.faults, figures.jobs)
    assert figures.broken == {}
    assert sum(figures.faults.values()) > 0
    assert figures.leases > 0
    assert figures.published > 0
    assert 0 < figures.most_engines <= SLOTS
