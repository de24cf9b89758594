"""Overviews of several hosts, from the reports of their workers."""

from __future__ import annotations

from vwe_dagster.hosts.host_reports import HostReport, HostState, PoolReport
from vwe_dagster.hosts.overview import Overview
from vwe_dagster.hosts.run_leases import LeaseState, RunLease

ATTIC = HostReport(
    name="attic",
    machine="attic.example",
    process=7,
    slots=2,
    version="0.1.0",
    state=HostState.WORKING,
    seen_s=3.0,
    pools=(PoolReport("default", 3, 1, {"READY": 1, "GENERATING": 1, "EMPTY": 1}, 0),),
    free_disk_bytes=10**9,
)

CELLAR = HostReport("cellar", "cellar.example", 8, 1, "0.1.0", HostState.LOST, 90.0, (), 10**9)

RUNNING = RunLease(
    "4d2a5e9c-0001",
    LeaseState.RUNNING,
    "world",
    "one to ten",
    "vwe",
    "attic",
    70,
    age_s=40.0,
    silent_s=1.5,
    exit_code=None,
)
WAITING = RunLease(
    "4d2a5e9c-0002", LeaseState.QUEUED, "survey", "start:0000001", "vwe.cellar", None, None, 60.0, 60.0, None
)

OVERVIEW = Overview([ATTIC, CELLAR], [WAITING, RUNNING], {"vwe": 0, "vwe.attic": 0, "vwe.cellar": 1})
"""A host that executes a run, and a lost host in whose queue another run waits."""
