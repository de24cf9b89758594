"""A lease: the exclusive right of one holder to one engine while it holds the slot's lock."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
from collections.abc import Callable
from typing import TypeVar

from vwe_dagster.engine.client import EngineRefusedError, JobTerms
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
    """A lease of one engine.

    Attributes:
        slot: the number of the engine's slot.
        token: the fencing token; the next holder of the slot has a higher token.
        engine: the name of the engine.
    """

    def __init__(
        self, upkeep: Upkeep, lock: SlotLock, *, slot: int, token: int, engine: str, holder: str, wait_s: float
    ) -> None:
        """Wrap a slot that the pool has already taken and locked; use :meth:`EnginePool.lease` instead."""
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
        """Check that this holder still has the engine.

        Raises:
            FencedError: the holder missed its deadline and lost the engine.
        """
        self._upkeep.ledger.check(self.slot, self.token)

    def status(self) -> Status:
        """Return the status that the engine reports.

        Raises:
            EngineError: the engine does not answer.
        """
        return self._connection().status()

    def location_table(self) -> LocationTableDocument:
        """Return the table of location types that the engine uses to place locations.

        Raises:
            EngineError: the engine does not answer, or does not report its table.
        """
        return self._connection().location_table()

    def generate(self, request: WorldRequest, progress: Progress = no_progress) -> WorldExport:
        """Generate one world.

        Raises:
            EngineError: the engine rejected the request or failed.
            EngineLostError: the engine died, hung or broke; a retry on another engine may succeed.
            FencedError: another holder took the engine.
        """

        def run(terms: JobTerms) -> WorldExport:
            return self._connection().generate(request, terms)

        return self._run_job(request.seed, request.grid.size, progress, run)

    def survey(self, request: SurveyRequest, progress: Progress = no_progress) -> SurveyExport:
        """Compute the rows of a survey.

        Raises:
            EngineError: the engine rejected the request, failed, or does not support surveys.
            EngineLostError: the engine died, hung or broke; a retry on another engine may succeed.
            FencedError: another holder took the engine.
        """

        def run(terms: JobTerms) -> SurveyExport:
            return self._connection().survey(request, terms)

        return self._run_job(request.seeds[0], SURVEY_SIZE, progress, run)

    def _run_job(self, seed: int, size: int, progress: Progress, run: Callable[[JobTerms], _Export]) -> _Export:
        self._reset_if_used()
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
        # The note comes first, or another process could fence this one during the job by the deadline of the lease.
        self._extend(self._upkeep.lease_s)
        ledger.begin_job(self.slot, self.token, job, deadline=self._upkeep.deadline())
        terms = JobTerms(
            token=self.token,
            job_id=job.job_id,
            deadline_s=self._upkeep.settings.world_gen_timeout,
            progress=progress,
            exporting=self._exporting,
        )
        began = clock.now()
        try:
            export = self._fenced(functools.partial(run, terms))
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
                # The deadline of the job may have passed, and an engine that does not respond must still be ended.
                self._extend(self._upkeep.upkeep_s)
                self._check_survival(error)
            raise
        ledger.end_job(
            self.slot, self.token, job.job_id, RecordedJobState.EXPORTED, duration_s=clock.now() - began, error=None
        )
        return dataclasses.replace(export, confirm=lambda: self._confirm(job.job_id))

    def return_engine(self) -> None:
        """Reset and verify the engine, and return it to the pool; do nothing to it if this holder was fenced."""
        try:
            self._extend(self._upkeep.upkeep_s)
            self._reset_and_free()
        except FencedError:
            _log.warning("Slot %d was taken from this holder because it missed its deadline.", self.slot)
        except EngineError as error:
            # The next process that takes the slot finds it without a live holder and recovers it.
            _log.warning(
                "Slot %d could not be reset when its engine was returned; the next use of the pool recovers it: %s",
                self.slot,
                error,
            )
        finally:
            self._upkeep.watch.end(self._watched)
            self._lock.release()

    def _extend(self, seconds: float) -> None:
        """Move the deadline of this holder to ``seconds`` from now."""
        self._lock.extend(seconds, self.token)
        self._upkeep.watch.extend(self._watched, seconds)

    def _connection(self) -> Connection:
        return self._upkeep.connection(self._upkeep.ledger.slot(self.slot))

    def _exporting(self) -> None:
        reason = Reason(TransitionKind.JOB, "the terrain is done")
        self._upkeep.ledger.change_state(self.slot, self.token, State.EXPORTING, reason)

    def _fenced(self, run: Callable[[], _Export]) -> _Export:
        try:
            return run()
        except EngineRefusedError as error:
            if error.code == "fenced":
                raise FencedError(
                    f"The engine {self.engine} was assigned to another holder; this world is discarded. "
                    f"Generate it again."
                ) from error
            raise

    def _reset_if_used(self) -> None:
        """Reset the engine if an earlier job of this lease has left it in another state than READY."""
        row = self._upkeep.ledger.slot(self.slot)
        if row.token == self.token and row.state in {State.GENERATING, State.EXPORTING}:
            reason = Reason(TransitionKind.JOB, "the next job of the same holder")
            self._upkeep.reset(self.slot, self.token, reason)
            row = self._upkeep.ledger.slot(self.slot)
        if row.token != self.token:
            self.check()
        if row.state is not State.READY:
            raise EngineLostError(f"The engine {self.engine} has ended; lease another engine.")

    def _check_survival(self, error: EngineError) -> None:
        """Raise EngineLostError if the engine did not survive a failed job."""
        reason = self._upkeep.examine(self.slot, self.token)
        if reason is not None:
            raise EngineLostError(
                f"The engine {self.engine} was lost during a job: {reason.detail}. Generate the world again."
            ) from error

    def _confirm(self, job_id: str) -> None:
        if self._upkeep.ledger.job_state(job_id) is not RecordedJobState.EXPORTED:
            raise FencedError(f"The holder of the job {job_id} was fenced; its world is discarded. Generate it again.")

    def _reset_and_free(self) -> None:
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
                    why = f"in place of {self.engine}: {reason.detail}"
                    upkeep.start(self.slot, reason=Reason(TransitionKind.REPLACED, why))
                return
        if row.state is not State.EMPTY:
            upkeep.ledger.update(self.slot, self.token, holder=None, deadline_s=None, used_s=upkeep.clock.now())
