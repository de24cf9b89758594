"""What happened in a pool, in numbers: its ledger's counts and present state, as one transaction sees them.

Reading them takes no longer when more has been recorded: the ledger counts as it records.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping

from vwe_dagster.pool.circuit import Circuit, CircuitStatus
from vwe_dagster.pool.clock import Clock
from vwe_dagster.pool.database import BOUNDS_S
from vwe_dagster.pool.kinds import TransitionKind
from vwe_dagster.pool.ledger import SIZE, Ledger, Slot
from vwe_dagster.pool.reaper import PASSES, REAPED
from vwe_dagster.pool.states import State
from vwe_dagster.pool.upkeep import FAILED_STARTS


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Times, counted by bounds.

    Attributes:
        at_most: how many times did not exceed each bound, by the bound in seconds, rising; the last one is infinite.
        total_s: the sum of all.
    """

    at_most: Mapping[float, int]
    total_s: float


@dataclasses.dataclass(frozen=True)
class PoolCounts:
    """A pool in numbers. Counters never fall, not even when records are pruned.

    Attributes:
        size: the most engines there may be.
        slots: how many slots are in each state; those beyond ``size`` only while they have an engine.
        free: engines that can be leased now; see :attr:`Slot.is_free`.
        waiting: callers that wait for an engine.
        steps: transitions by state before, state after, and kind.
        jobs: worlds asked for that have ended, by outcome.
        waits: how long those who asked for them waited for an engine.
        durations: how long the worlds took, those that failed too.
    """

    size: int
    slots: Mapping[State, int]
    free: int
    waiting: int
    circuit: CircuitStatus
    steps: Mapping[tuple[str, str, str], int]
    jobs: Mapping[str, int]
    waits: Histogram
    durations: Histogram
    failed_starts: int
    reaper_passes: int
    reaped: int

    @property
    def cold_starts(self) -> int:
        """Engines that were started."""
        return sum(count for (_, after, _), count in self.steps.items() if after == State.STARTING)

    @property
    def out_of_memory_kills(self) -> int:
        """Engines that ended because their memory was used up."""
        return sum(count for (_, _, kind), count in self.steps.items() if kind == TransitionKind.OUT_OF_MEMORY)


def read_counts(ledger: Ledger, clock: Clock) -> PoolCounts:
    """Reads the counts of a pool.

    Raises:
        PoolError: the ledger cannot be used.
    """
    with ledger.database.connected() as db:
        # One snapshot: a histogram's sum is of the times that it counts.
        db.execute("BEGIN")
        try:
            metadata = dict(db.execute("SELECT name, value FROM metadata").fetchall())
            slots = [Slot.of_row(row) for row in db.execute("SELECT * FROM slots")]
            waiting = db.execute("SELECT count(*) FROM tickets").fetchone()[0]
            steps = db.execute("SELECT before, after, kind, steps FROM step_counts").fetchall()
            jobs = dict(db.execute("SELECT outcome, jobs FROM job_counts").fetchall())
            times = db.execute("SELECT what, at_most_s, times, total_s FROM time_counts").fetchall()
            circuit = Circuit(ledger, clock).status_in(db)
        finally:
            db.execute("ROLLBACK")
    size = metadata.get(SIZE, len(slots))
    present = [slot for slot in slots if slot.slot < size or slot.state is not State.EMPTY]
    states = collections.Counter(slot.state for slot in present)
    return PoolCounts(
        size=size,
        slots={state: states[state] for state in State},
        free=sum(slot.is_free for slot in present),
        waiting=waiting,
        circuit=circuit,
        steps={(row["before"], row["after"], row["kind"]): row["steps"] for row in steps},
        jobs=jobs,
        waits=_histogram([row[1:] for row in times if row["what"] == "wait"]),
        durations=_histogram([row[1:] for row in times if row["what"] == "duration"]),
        failed_starts=metadata.get(FAILED_STARTS, 0),
        reaper_passes=metadata.get(PASSES, 0),
        reaped=metadata.get(REAPED, 0),
    )


def _histogram(rows: list[tuple[float, int, float]]) -> Histogram:
    counted = {bound: times for bound, times, _ in rows}
    at_most, so_far = {}, 0
    for bound in BOUNDS_S:
        so_far += counted.get(bound, 0)
        at_most[bound] = so_far
    return Histogram(at_most, sum(total for _, _, total in rows))
