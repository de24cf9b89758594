"""Open a pool: combine its settings, its folder and a launcher."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vwe_dagster.pool.clock import SystemClock
from vwe_dagster.pool.connection import Connections, HttpConnection
from vwe_dagster.pool.launcher import Launcher
from vwe_dagster.pool.launchers.process import ProcessLauncher
from vwe_dagster.pool.ledger import Ledger
from vwe_dagster.pool.pool import EnginePool
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.upkeep import Upkeep

LOCKS = "locks"
"""The subfolder of the locks within the state folder of a pool."""


def open_pool(
    settings: PoolSettings, folder: Path, *, data: Path | None = None, launcher: Launcher | None = None
) -> EnginePool:
    """Open a pool without starting an engine, writing a file or connecting to Docker.

    Args:
        settings: the settings of the pool.
        folder: the folder of its ledger, locks and logs, shared by all processes of this machine.
        data: the folder of the worlds; a lease requires free space on its disk. None for ``folder``.
        launcher: starts the engines; None for the launcher that the settings name.
    """
    folder = folder.resolve()
    pool_id = pool_id_of(folder)
    return EnginePool(
        Upkeep(
            settings=settings,
            ledger=Ledger(state_folder(folder)),
            launcher=launcher or _launcher(settings, folder, pool_id),
            connections=Connections(HttpConnection),
            clock=SystemClock(),
            pool_id=pool_id,
            locks=state_folder(folder) / LOCKS,
        ),
        data=data or folder,
    )


def pool_id_of(folder: Path) -> str:
    """Return the id that distinguishes this pool's engines from those of other pools on the machine: 10 hex digits."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:10]


def state_folder(folder: Path) -> Path:
    """Return the folder of a pool's ledger and locks.

    Its name is derived from the path. A copied folder is therefore another pool and does not claim the engines of the
    first one.
    """
    return folder.resolve() / pool_id_of(folder)


def _launcher(settings: PoolSettings, folder: Path, pool_id: str) -> Launcher:
    if settings.launcher == "process":
        return ProcessLauncher(settings, folder=folder, pool_id=pool_id)
    # The Docker SDK is slow to import, and most pools do not use it.
    from vwe_dagster.pool.launchers.docker import DockerLauncher  # noqa: PLC0415

    return DockerLauncher(settings, folder=folder, pool_id=pool_id)
