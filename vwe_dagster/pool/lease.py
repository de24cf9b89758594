"""A lease: the right of one holder to one engine, for as long as it holds the lock of the slot."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
from collections.abc import Callable
from typing import TypeVar

from vwe_dagster.engine.client import EngineRefusedError
from vwe_dagster.engine.messages import (
    EngineError,
    Progress,
    SurveyExport,
    SurveyRequest,
    WorldExport,
    WorldRequest,
    no_progress,
)
from vwe_dagster.engine.protocol import Status
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.pool.connection import Connection
from vwe_dagster.pool.errors import EngineLostError, FencedError
from vwe_dagster.pool.kinds import Reason, TransitionKind
from vwe_dagster.pool.ledger import SURVEY_SIZE, JobRecord
from vwe_dagster.pool.slot_locks import SlotLock
from vwe_dagster.pool.states import RecordedJobState, State
from vwe_dagster.pool.upkeep import Upkeep

_EXPORTED = Reason(TransitionKind.JOB, "the world is exported")
_JOB_FAILED = Reason(TransitionKind.JOB_FAILED, "the job failed")

_log = logging.getLogger(__name__)
_Export = TypeVar("_Export", WorldExport, SurveyExport)


class Lease:
    """An engine that is ours.

    Attributes:
        slot: the slot it is in.
        token: the fencing token; whoever takes the slot next has a higher one.
        engine: the engine's name.
    """

    def __init__(
        self, upkeep: Upkeep, lock: SlotLock, *, slot: int, token: int, engine: str, holder: str, wait_s: float
    ) -> None:
        """Made by the pool, which has taken the slot and its lock."""
        self.slot = slot
        self.token = token
        self.engine = engine
        self._upkeep = upkeep
        self._lock = lock
        self._holder = holder
        self._wait_s = wait_s
        self._numbers = itertools.count(1)
        self._watched = upkeep.watch.begin(slot, token, holder, upkeep.lease_s)

    def check(self) -> None:
        """Makes sure that the engine is still ours.

        Raises:
            FencedError: it was taken from us, for we did not come back in time.
        """
        self._upkeep.ledger.check(self.slot, self.token)

    def status(self) -> Status:
        """What the engine says of itself.

        Raises:
            EngineError: it does not answer.
        """
        return self._connection().status()

    def location_table(self) -> LocationTableDocument:
        """Return the table that the engine places locations by.

        Raises:
            EngineError: the engine does not answer, or does not report its table.
        """
        return self._connection().location_table()

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        """Generates one world.

        Raises:
            EngineError: the engine refused the request, or failed at it.
            EngineLostError: the engine died, hung or broke; another may do it.
            FencedError: the engine was taken from us.
        """

        def run(job_id: str) -> WorldExport:
            return self._connection().generate(
                request,
                token=self.token,
                job_id=job_id,
                deadline_s=self._upkeep.settings.world_gen_timeout,
                progress=progress,
                exporting=self._exporting,
            )

        return self._run_job(request.seed, request.grid.size, run)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> SurveyExport:
        """Compute the rows of a survey.

        Raises:
            EngineError: the engine refused the request, failed at it, or computes no surveys.
            EngineLostError: the engine died, hung or broke; another may do it.
            FencedError: the engine was taken from this holder.
        """

        def run(job_id: str) -> SurveyExport:
            return self._connection().survey(
                request,
                token=self.token,
                job_id=job_id,
                deadline_s=self._upkeep.settings.world_gen_timeout,
                progress=progress,
                exporting=self._exporting,
            )

        return self._run_job(request.seeds[0], SURVEY_SIZE, run)

    def _run_job(self, seed: int, size: int, run: Callable[[str], _Export]) -> _Export:
        self._make_ready()
        ledger, clock = self._upkeep.ledger, self._upkeep.clock
        job = JobRecord(
            job_id=f"{self.engine}-{self.token}-{next(self._numbers)}",
            at="",
            slot=self.slot,
            engine=self.engine,
            token=self.token,
            holder=self._holder,
            seed=seed,
            size=size,
            state=RecordedJobState.RUNNING,
            wait_s=self._wait_s,
            duration_s=None,
            error=None,
        )
        # The note comes first: else another process could fence this one by the deadline of the lease during the job.
        self._lock.extend(self._upkeep.lease_s, self.token)
        self._upkeep.watch.extend(self._watched, self._upkeep.lease_s)
        ledger.begin_job(self.slot, self.token, job, deadline=self._upkeep.deadline())
        began = clock.now()
        try:
            export = self._fenced(functools.partial(run, job.job_id))
        except FencedError:
            raise
        except BaseException as error:
            sentence = str(error) or type(error).__name__
            ledger.end_job(
                self.slot,
                self.token,
                job.job_id,
                RecordedJobState.FAILED,
                duration_s=clock.now() - began,
                error=sentence,
            )
            if isinstance(error, EngineError):
                self._check_survival(error)
            raise
        ledger.end_job(
            self.slot, self.token, job.job_id, RecordedJobState.EXPORTED, duration_s=clock.now() - began, error=None
        )
        return dataclasses.replace(export, confirm=lambda: self._confirm(job.job_id))

    def give_back(self) -> None:
        """Gives the engine back, reset and verified; one that was fenced is no longer ours to touch."""
        try:
            self._lock.extend(self._upkeep.upkeep_s, self.token)
            self._tidy()
        except FencedError:
            _log.warning("Slot %d was taken from this holder because it did not come back in time.", self.slot)
        except EngineError as error:
            # Whoever takes the slot next finds it without a living holder and puts it right.
            _log.warning("Slot %d could not be put in order when it was given back: %s", self.slot, error)
        finally:
            self._upkeep.watch.end(self._watched)
            self._lock.release()

    def _connection(self) -> Connection:
        return self._upkeep.connection(self._upkeep.ledger.slot(self.slot))

    def _exporting(self) -> None:
        reason = Reason(TransitionKind.JOB, "the terrain is done")
        self._upkeep.ledger.step(self.slot, self.token, State.EXPORTING, reason)

    def _fenced(self, run: Callable[[], _Export]) -> _Export:
        try:
            return run()
        except EngineRefusedError as error:
            if error.code == "fenced":
                raise FencedError(
                    f"The engine {self.engine} was given to another holder; what this one made is not used."
                ) from error
            raise

    def _make_ready(self) -> None:
        """Has the engine be READY, whatever an earlier job of this lease left it in."""
        row = self._upkeep.ledger.slot(self.slot)
        if row.token == self.token and row.state in {State.GENERATING, State.EXPORTING}:
            reason = Reason(TransitionKind.JOB, "the next job of the same holder")
            self._upkeep.reset(self.slot, self.token, reason)
            row = self._upkeep.ledger.slot(self.slot)
        if row.token != self.token:
            self.check()
        if row.state is not State.READY:
            raise EngineLostError(f"The engine {self.engine} has ended; lease another one.")

    def _check_survival(self, error: EngineError) -> None:
        """After a failed job: raises EngineLostError if the engine did not survive it."""
        reason = self._upkeep.examine(self.slot, self.token)
        if reason is not None:
            raise EngineLostError(
                f"The engine {self.engine} was lost in the middle of a world: {reason.detail}. Run it again."
            ) from error

    def _confirm(self, job_id: str) -> None:
        if self._upkeep.ledger.job_state(job_id) is not RecordedJobState.EXPORTED:
            raise FencedError(f"The job {job_id} was taken from its holder; what it made is not used. Run it again.")

    def _tidy(self) -> None:
        upkeep = self._upkeep
        row = upkeep.ledger.slot(self.slot)
        if row.token != self.token:
            self.check()
        if row.state is State.GENERATING or (row.state is State.EXPORTING and upkeep.settings.auto_reset_after_job):
            upkeep.reset(self.slot, self.token, _EXPORTED if row.state is State.EXPORTING else _JOB_FAILED)
            row = upkeep.ledger.slot(self.slot)
        if row.state is State.READY:
            reason = upkeep.retirement(row)
            if reason is not None:
                upkeep.retire(row, reason)
                if not row.retiring and row.slot < upkeep.settings.max_warm_containers:
                    why = f"in place of {self.engine}, for {reason.detail}"
                    upkeep.start(self.slot, reason=Reason(TransitionKind.REPLACED, why))
                return
        if row.state is not State.EMPTY:
            upkeep.ledger.note(self.slot, self.token, holder=None, deadline_s=None, used_s=upkeep.clock.now())
