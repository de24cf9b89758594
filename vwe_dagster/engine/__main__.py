"""``python -m vwe_dagster.engine``: the process that launchers start."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.serving import serve
from vwe_dagster.kernels.garbage import collect_rarely


def main() -> None:
    """Serves the native engine; exit code 0 when it ended by itself, 2 when it could not be served."""
    collect_rarely()
    parser = argparse.ArgumentParser(
        prog="python -m vwe_dagster.engine", description="Serves the native engine.", allow_abbrev=False
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--socket", type=Path, metavar="PATH", help="listen at a unix socket")
    where.add_argument("--tcp", metavar="HOST:PORT", help="listen at a TCP address; needs --token-file")
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="the file with the token callers must send")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a name by which callers reach the address"
    )
    parser.add_argument("--name", default="", help="what the engine is called in its status")
    parser.add_argument("--idle-exit-minutes", type=float, metavar="M", help="end when nobody has used it for so long")
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
        sys.exit(_said(error))


def _said(error: EngineError) -> int:
    sys.stderr.write(f"{error}\n")
    return 2


if __name__ == "__main__":
    main()
