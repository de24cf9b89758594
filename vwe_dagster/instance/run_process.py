"""The process of a run on a worker: ``python -m`` of this module executes the run and renews its lease."""

from __future__ import annotations

import argparse
import os

from vwe_dagster.config.broker import required_broker
from vwe_dagster.config.home import find_home
from vwe_dagster.hosts.heartbeat import end_with_parent, end_without_data, start_heartbeat
from vwe_dagster.hosts.redis_connection import connect
from vwe_dagster.hosts.run_leases import RunLeases
from vwe_dagster.hosts.shared_data import DataWatch


def main() -> None:
    """Execute a run with Dagster's own command, as every launcher of Dagster does."""
    parser = argparse.ArgumentParser(prog="python -m vwe_dagster.instance.run_process", allow_abbrev=False)
    parser.add_argument("--run", required=True, help="the id of the run")
    parser.add_argument("--host", required=True, help="the name of this host")
    parser.add_argument("--parent", type=int, required=True, help="the process id of the worker")
    parser.add_argument("--center", required=True, help="the id of the center in its data folder")
    parser.add_argument("arguments", help="Dagster's ExecuteRunArgs as JSON")
    given = parser.parse_args()
    end_with_parent(given.parent)
    end_without_data(DataWatch(find_home().data, given.center))
    start_heartbeat(RunLeases(connect(required_broker())), given.run, given.host)
    # Imported after the first renewal of the lease, because loading Dagster takes seconds.
    from vwe_dagster.defs.dagster_private import load_execute_run_command  # noqa: PLC0415

    load_execute_run_command().main(args=[given.arguments], prog_name=f"run {given.run}, pid {os.getpid()}")


if __name__ == "__main__":
    main()
