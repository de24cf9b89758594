"""What goes wrong in a pool."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.text.commands import vwe_command


class PoolError(EngineError):
    """The pool cannot do what it was asked for; the message says why and what to do."""


class NoEngineError(PoolError):
    """No engine became free in time; the message says who holds what since when."""


class EngineLostError(PoolError):
    """An engine died, hung or broke in the middle of a job; another one may do it."""


class FencedError(PoolError):
    """A holder lost its slot to another because it did not come back in time; its work must not be published."""


class DamagedLedgerError(PoolError):
    """The ledger of a pool is damaged, or an old copy of it.

    Attributes:
        problem: what is wrong, without the remedy.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"The ledger of the pool, {path}, cannot be used: {problem}. No world is lost: the ledger has only the "
            f"history of jobs and engines. To end the pool's engines and begin a new ledger: "
            f"{vwe_command('pool', 'repair')} (for a pool with a name: with --pool NAME)"
        )
        self.problem = problem
