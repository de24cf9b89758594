"""``python -m vwe_dagster.cli`` is ``vwe``."""

from vwe_dagster.cli.entry import main

main()
