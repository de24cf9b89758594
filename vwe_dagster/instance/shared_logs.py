"""The logs of runs in the data folder, where every host can read them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vwe_dagster.config.home import find_home
from vwe_dagster.defs.dagster_private import CapturedLogContext, ComputeIOType, LocalComputeLogManager, redirect_to_file

FOLDER = ".logs"
"""The folder of the logs within the data folder."""

_EXTENSIONS = {ComputeIOType.STDOUT: "out", ComputeIOType.STDERR: "err"}
_COMPLETE = "complete"


class SharedComputeLogManager(LocalComputeLogManager):
    """Dagster's log manager for a local disk, with its folder in the data folder of this host's home.

    The output of a step does not appear in that of the worker. Dagster would copy it with two processes per stream, and
    a ``tail`` can outlive a run that is killed.
    """

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the schema of the configuration, which is empty."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> SharedComputeLogManager:  # noqa: ARG003
        """Return the log manager of this host."""
        return cls(str(find_home().data / FOLDER), inst_data=inst_data)

    @contextmanager
    def capture_logs(self, log_key: Sequence[str]) -> Iterator[CapturedLogContext]:
        """Write the output of this process into the files of a step during the block."""
        paths = [Path(self.get_captured_local_path(log_key, _EXTENSIONS[kind])) for kind in _EXTENSIONS]
        paths[0].parent.mkdir(parents=True, exist_ok=True)
        with redirect_to_file(sys.stdout, str(paths[0])), redirect_to_file(sys.stderr, str(paths[1])):
            yield CapturedLogContext(log_key)
        Path(self.get_captured_local_path(log_key, _COMPLETE)).touch()
