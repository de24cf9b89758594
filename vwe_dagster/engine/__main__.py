"""Command line of the engine process that launchers start: ``python -m vwe_dagster.engine``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.serving import serve
from vwe_dagster.kernels.garbage import collect_rarely


def main() -> None:
    """Serve the native engine; exit with 0 after a drain or idle exit, with 2 if it cannot be served."""
    collect_rarely()
    parser = argparse.ArgumentParser(
        prog="python -m vwe_dagster.engine", description="Serve the native engine.", allow_abbrev=False
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path, metavar="PATH", help="listen on a unix socket")
    where.add_argument("--tcp", metavar="HOST:PORT", help="listen on a TCP address; needs --token-file")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token that callers must send")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="additional host name of the engine"
    )
    parser.add_argument("--name", default="", help="name in the engine's status")
    parser.add_argument("--idle-exit-minutes", type=float, metavar="M", help="exit after M minutes without use")
    parser.add_argument("--fault", action="append", default=[], help=argparse.SUPPRESS)
    given = parser.parse_args()
    try:
        serve(
            socket_path=given.socket,
            tcp=given.tcp,
            token_file=given.token_file,
            allowed_hosts=given.allow_host,
            name=given.name,
            idle_exit_minutes=given.idle_exit_minutes,
            faults=given.fault,
        )
    except EngineError as error:
        sys.exit(_report(error))


def _report(error: EngineError) -> int:
    sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    main()
