"""Every private name of Dagster that the project imports; no other module imports one.

Dagster may move or change a private name in any release. The dependency is therefore capped below the next minor
release, and :data:`READ_IN` is the release whose source these names were checked against.

Dagster has no public equivalent:

- ``BulkActionsFilter``, ``BulkActionStatus``: the state of a backfill.
- ``CheckRunHealthResult``, ``WorkerStatus``, ``GRPC_INFO_TAG``: the health of a run's process, for a run launcher.
  ``LocalRunLauncher`` also reads ``_instance``, which its base class defines.
- ``WorkspaceProcessContext``, ``WorkspaceFileTarget``, ``ProxyServerManager``: the parts of ``dagster dev``, whose web
  server has no guard.
- ``LocalComputeLogManager``: the base of the log manager of several hosts, with ``CapturedLogContext``,
  ``ComputeIOType`` and ``redirect_to_file``.
- ``execute_run_command``: the command that executes a run in a process of its own.
- ``conversion_utils``, ``ConfigBoolInstance``, ``ConfigIntInstance``, ``ConfigStringInstance``: the types of fields of
  config classes.
- ``AssetCheckExecutionsTable``, ``SqlEventLogStorageTable``, ``SqlEventLogStorage``, ``SqliteEventLogStorage``: the
  events that Dagster keeps after a run is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster._config.config_type import ConfigBoolInstance, ConfigIntInstance, ConfigStringInstance
from dagster._config.pythonic_config import conversion_utils
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.compute_log_manager import CapturedLogContext, ComputeIOType
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

if TYPE_CHECKING:
    import click
    from dagster._cli.proxy_server_manager import ProxyServerManager

READ_IN = "1.13.27"
"""The release of Dagster that constraints.txt pins."""

__all__ = [
    "GRPC_INFO_TAG",
    "READ_IN",
    "AssetCheckExecutionsTable",
    "BulkActionStatus",
    "BulkActionsFilter",
    "CapturedLogContext",
    "CheckRunHealthResult",
    "ComputeIOType",
    "ConfigBoolInstance",
    "ConfigIntInstance",
    "ConfigStringInstance",
    "LocalComputeLogManager",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
    "SqliteEventLogStorage",
    "WorkerStatus",
    "WorkspaceFileTarget",
    "WorkspaceProcessContext",
    "conversion_utils",
    "load_execute_run_command",
    "load_proxy_server_manager",
    "redirect_to_file",
]


def load_proxy_server_manager() -> type[ProxyServerManager]:
    """Import ProxyServerManager, which takes 0.2 s: only the process of the UI needs it."""
    from dagster._cli.proxy_server_manager import ProxyServerManager  # noqa: PLC0415

    return ProxyServerManager


def load_execute_run_command() -> click.Command:
    """Import the command ``dagster api execute_run``, which only the process of a run needs."""
    from dagster._cli.api import execute_run_command  # noqa: PLC0415

    return execute_run_command
