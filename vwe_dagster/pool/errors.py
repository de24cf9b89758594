"""The errors of a pool."""

from __future__ import annotations

from pathlib import Path

from vwe_dagster.engine.messages import EngineError
from vwe_dagster.text.commands import vwe_command


class PoolError(EngineError):
    """The pool cannot fulfill a request. The message contains the cause and a remedy."""


class NoEngineError(PoolError):
    """No engine became free within the timeout. The message lists the holder of each slot."""


class EngineLostError(PoolError):
    """An engine died, hung or broke during a job. A retry on another engine may succeed."""


class FencedError(PoolError):
    """A holder missed its deadline and lost its slot to another. Its world must not be published."""


class DamagedLedgerError(PoolError):
    """The ledger of a pool is damaged or an old copy.

    Attributes:
        problem: the damage, without the remedy.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"The ledger of the pool, {path}, cannot be used: {problem}. No world is lost: the ledger contains only "
            f"the history of jobs and engines. To end the pool's engines and create a new ledger: "
            f"{vwe_command('pool', 'repair')} (add --pool NAME for a pool that is not the default)"
        )
        self.problem = problem
