"""Connections of the pool to its engines."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Protocol

from vwe_dagster.engine.client import EngineClient, JobTerms, run_job, run_survey
from vwe_dagster.engine.messages import SurveyExport, SurveyRequest, WorldExport, WorldRequest
from vwe_dagster.engine.protocol import Status
from vwe_dagster.locations.table_json import LocationTableDocument
from vwe_dagster.pool.launcher import LaunchedEngine

ANSWER_TIMEOUT_S = 5.0
"""Seconds after which an engine that has not answered a short request counts as hung."""


class Connection(Protocol):
    """A connection to one engine. Its methods raise the same EngineErrors as :class:`EngineClient`."""

    def status(self) -> Status:
        """Return the status that the engine reports."""

    def claim(self, token: int) -> Status:
        """Register the holder of ``token`` with the engine, which then rejects lower tokens."""

    def reset(self, token: int) -> Status:
        """Cancel the engine's job and let it verify itself."""

    def generate(self, request: WorldRequest, terms: JobTerms) -> WorldExport:
        """Generate one world; see :func:`vwe_dagster.engine.client.run_job`."""

    def survey(self, request: SurveyRequest, terms: JobTerms) -> SurveyExport:
        """Compute the rows of a survey; see :func:`vwe_dagster.engine.client.run_survey`."""

    def location_table(self) -> LocationTableDocument:
        """Return the table that the engine places locations by."""

    def close(self) -> None:
        """Close the socket."""


Connect = Callable[[LaunchedEngine], Connection]


class HttpConnection(EngineClient):
    """A connection over the engine protocol."""

    def __init__(self, launched: LaunchedEngine) -> None:
        """Set the address; connect at the first request."""
        super().__init__(launched.address, bearer=launched.bearer, timeout_s=ANSWER_TIMEOUT_S)

    def generate(self, request: WorldRequest, terms: JobTerms) -> WorldExport:
        """Generate one world."""
        return run_job(self, request, terms)

    def survey(self, request: SurveyRequest, terms: JobTerms) -> SurveyExport:
        """Compute the rows of a survey."""
        return run_survey(self, request, terms)


class Connections:
    """The connections of this process, one per engine, kept open between leases."""

    def __init__(self, connect: Connect) -> None:
        """Set the function that opens a connection."""
        self._connect = connect
        self._guard = threading.Lock()
        self._open: dict[str, Connection] = {}
        self._process = os.getpid()

    def to(self, launched: LaunchedEngine) -> Connection:
        """Return the connection to an engine; open it if necessary."""
        with self._guard:
            if self._process != os.getpid():
                # A forked process must not use the sockets of its parent.
                self._open, self._process = {}, os.getpid()
            if launched.handle not in self._open:
                self._open[launched.handle] = self._connect(launched)
            return self._open[launched.handle]

    def drop(self, launched: LaunchedEngine) -> None:
        """Close the connection to an engine that no longer exists."""
        with self._guard:
            connection = self._open.pop(launched.handle, None)
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Close all connections."""
        with self._guard:
            connections, self._open = list(self._open.values()), {}
        for connection in connections:
            connection.close()
