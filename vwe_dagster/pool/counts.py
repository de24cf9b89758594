"""The counters and gauges of a pool, read from its ledger in one transaction.

The ledger updates the counts with each record, so the time to read them does not grow with the number of records.
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
    """A cumulative histogram of durations.

    Attributes:
        at_most: for each bound in seconds, ascending, the number of durations up to it; the last bound is infinite.
        total_s: the sum of all durations in seconds.
    """

    at_most: Mapping[float, int]
    total_s: float


@dataclasses.dataclass(frozen=True)
class PoolCounts:
    """The counts of a pool. Counters never decrease, not even when records are pruned.

    Attributes:
        size: the maximum number of engines.
        slots: the number of slots in each state; slots beyond ``size`` count only while they have an engine.
        free: the number of engines that can be leased now; see :attr:`Slot.is_free`.
        waiting: the number of callers in the queue.
        steps: the number of transitions by state before, state after, and kind.
        jobs: the number of ended jobs by outcome.
        waits: times that jobs waited for an engine.
        durations: durations of jobs, including failed ones.
        failed_starts: the number of engines that did not become ready.
        reaper_passes: the number of reaper passes.
        reaped: the number of slots and engines that the reaper repaired.
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
        """The number of engines that were started."""
        return sum(count for (_, after, _), count in self.steps.items() if after == State.STARTING)

    @property
    def out_of_memory_kills(self) -> int:
        """The number of engines that ended because they exhausted their memory."""
        return sum(count for (_, _, kind), count in self.steps.items() if kind == TransitionKind.OUT_OF_MEMORY)


def read_counts(ledger: Ledger, clock: Clock) -> PoolCounts:
    """Read the counts of a pool in one transaction.

    Raises:
        PoolError: the ledger cannot be used.
    """
    with ledger.database.connected() as db:
        # One snapshot, so that the sum and the counts of a histogram agree.
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
