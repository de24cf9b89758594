"""Processes that start in milliseconds: a server that has loaded their modules forks them."""

from __future__ import annotations

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")

# A test process has one such server. Another list of modules would replace this one.
PROCESSES.set_forkserver_preload(
    [
        "vwe_dagster_tests.pool.holders",
        "vwe_dagster_tests.publishing.publisher",
        "vwe_dagster_tests.store.test_kills",
    ]
)
