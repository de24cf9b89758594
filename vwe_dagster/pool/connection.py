"""How the pool speaks to one engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Protocol

from vwe_dagster.engine.client import EngineClient, run_job, run_survey
from vwe_dagster.engine.messages import Progress, SurveyExport, SurveyRequest, WorldExport, WorldRequest
from vwe_dagster.engine.protocol import Status
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.pool.launcher import Launched

ANSWER_TIMEOUT_S = 5.0
"""An engine that takes longer to answer a short question hangs."""


class Connection(Protocol):
    """One engine, as a holder sees it. What fails raises an EngineError as :class:`EngineClient` does."""

    def status(self) -> Status:
        """What the engine says of itself."""

    def claim(self, token: int) -> Status:
        """Takes the engine for the holder of a token."""

    def reset(self, token: int) -> Status:
        """Ends what the engine does and has it verify itself."""

    def generate(
        self,
        request: WorldRequest,
        *,
        token: int,
        job_id: str,
        deadline_s: float,
        progress: Progress,
        exporting: Callable[[], None],
    ) -> WorldExport:
        """Generates one world; see :func:`vwe_dagster.engine.client.run_job`."""

    def survey(
        self,
        request: SurveyRequest,
        *,
        token: int,
        job_id: str,
        deadline_s: float,
        progress: Progress,
        exporting: Callable[[], None],
    ) -> SurveyExport:
        """Compute the rows of a survey; see :func:`vwe_dagster.engine.client.run_survey`."""

    def location_table(self) -> LocationTableDocument:
        """Return the table that the engine places locations by."""

    def close(self) -> None:
        """Lets go of the engine's socket."""


Connect = Callable[[Launched], Connection]


class HttpConnection(EngineClient):
    """An engine over the engine protocol."""

    def __init__(self, launched: Launched) -> None:
        """Connects when first asked."""
        super().__init__(launched.address, bearer=launched.bearer, timeout_s=ANSWER_TIMEOUT_S)

    def generate(
        self,
        request: WorldRequest,
        *,
        token: int,
        job_id: str,
        deadline_s: float,
        progress: Progress,
        exporting: Callable[[], None],
    ) -> WorldExport:
        """Generates one world."""
        return run_job(
            self,
            request,
            token=token,
            job_id=job_id,
            deadline_s=deadline_s,
            progress=progress,
            exporting=exporting,
        )

    def survey(
        self,
        request: SurveyRequest,
        *,
        token: int,
        job_id: str,
        deadline_s: float,
        progress: Progress,
        exporting: Callable[[], None],
    ) -> SurveyExport:
        """Compute the rows of a survey."""
        return run_survey(
            self,
            request,
            token=token,
            job_id=job_id,
            deadline_s=deadline_s,
            progress=progress,
            exporting=exporting,
        )


class Connections:
    """The connections of this process, one for each engine, kept open between leases."""

    def __init__(self, connect: Connect) -> None:
        """Keeps what ``connect`` gives."""
        self._connect = connect
        self._guard = threading.Lock()
        self._open: dict[str, Connection] = {}
        self._process = os.getpid()

    def to(self, launched: Launched) -> Connection:
        """The connection to an engine."""
        with self._guard:
            if self._process != os.getpid():
                # Sockets of the parent process are not ours to speak through.
                self._open, self._process = {}, os.getpid()
            if launched.handle not in self._open:
                self._open[launched.handle] = self._connect(launched)
            return self._open[launched.handle]

    def drop(self, launched: Launched) -> None:
        """Closes the connection to an engine that is gone."""
        with self._guard:
            connection = self._open.pop(launched.handle, None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Closes them all."""
        with self._guard:
            connections, self._open = list(self._open.values()), {}
        for connection in connections:
            connection.close()
