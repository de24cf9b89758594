"""The logs of runs in the data folder, where every host can read them."""

from __future__ import annotations

from typing import Any

from vwe_dagster.config.home import find_home
from vwe_dagster.defs.dagster_private import LocalComputeLogManager

FOLDER = ".logs"
"""The folder of the logs within the data folder."""


class SharedComputeLogManager(LocalComputeLogManager):
    """Dagster's log manager for a local disk, with its folder in the data folder of this host's home."""

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration, which is empty."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> SharedComputeLogManager:  # noqa: ARG003
        """Return the log manager of this host."""
        return cls(str(find_home().data / FOLDER), inst_data=inst_data)
