"""Opening a pool: its settings, its folder and the launcher they call for."""

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
"""Where the locks of a pool are, in its state folder."""


def open_pool(
    settings: PoolSettings, folder: Path, *, data: Path | None = None, launcher: Launcher | None = None
) -> EnginePool:
    """Opens a pool. Nothing is started, written or asked by it.

    Args:
        settings: the pool's.
        folder: where its ledger, locks and logs are, for every process of this machine that shares the pool.
        data: the folder that worlds are written to, whose disk must have room; None for ``folder``.
        launcher: starts the engines, in place of the one the settings name.
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
    """What tells the engines of one pool from those of all others on this machine."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:10]


def state_folder(folder: Path) -> Path:
    """Where the ledger and the locks of a pool are.

    It is named after the path: a copied folder is another pool, and does not take the engines of the first for its own.
    """
    return folder.resolve() / pool_id_of(folder)


def _launcher(settings: PoolSettings, folder: Path, pool_id: str) -> Launcher:
    if settings.launcher == "process":
        return ProcessLauncher(settings, folder=folder, pool_id=pool_id)
    # The Docker SDK takes a while to load, and most pools have no use for it.
    from vwe_dagster.pool.launchers.docker import DockerLauncher  # noqa: PLC0415

    return DockerLauncher(settings, folder=folder, pool_id=pool_id)
