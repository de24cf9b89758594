"""The program that ``vwe serve`` starts for *Keep* on a page: ``python -m vwe_dagster.cli.kept_world SEED``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from vwe_dagster.cli.app import BAD_INPUT_ERRORS, FAILURES
from vwe_dagster.cli.commands.building import build_worlds, world_config
from vwe_dagster.config.home import find_home
from vwe_dagster.kernels.garbage import collect_rarely
from vwe_dagster.seeds.seed import parse_seed
from vwe_dagster.site.builds import BuildFailure

if TYPE_CHECKING:
    from vwe_dagster.defs.run_events import Notice


def main() -> None:
    """Build the world like ``vwe world``; if that fails, print the cause for the server and exit with code 1."""
    collect_rarely()
    failure = _failure_of(sys.argv[1])
    if failure is not None:
        print(failure.to_line())  # noqa: T201  the server reads it
        sys.exit(1)


def _failure_of(key: str) -> BuildFailure | None:
    failed: list[Notice] = []

    def listen(notice: Notice) -> None:
        if notice.kind == "failed":
            failed.append(notice)

    try:
        if not build_worlds(find_home(), [([parse_seed(key)], world_config())], listener=listen):
            return None
    except (*BAD_INPUT_ERRORS, *FAILURES) as error:
        return BuildFailure(str(error))
    return BuildFailure(failed[0].text, failed[0].run_id) if failed else BuildFailure()


if __name__ == "__main__":
    main()
