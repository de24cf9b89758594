"""Fault injection for tests: an engine that fails on purpose.

A fault is written ``NAME``, or ``NAME=SECONDS`` for a delay. A suffix ``@P`` sets the probability with which it occurs
in each job, reset or layer, as in ``crash_in_job@0.2``.
"""

from __future__ import annotations

import dataclasses
import os
import random
import re
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Self

import numpy as np
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vwe_dagster.engine.job import SurveyingEngine
from vwe_dagster.engine.layers import OnLayer
from vwe_dagster.engine.messages import (
    EngineError,
    EngineIdentity,
    Progress,
    SurveyRequest,
    WorldExport,
    WorldRequest,
)
from vwe_dagster.engine.protocol import Capabilities

if TYPE_CHECKING:
    import pyarrow as pa

FAULTS = {
    "hang": "a job makes no progress and cannot be canceled",
    "crash_in_job": "the process exits during a job",
    "fail_job": "a job fails",
    "fail_reset": "a reset fails",
    "slow_boot": "the engine is ready SECONDS later",
    "oom": "a job allocates memory until none is left",
    "half_export": "a layer ends early",
    "corrupt_layer": "one bit of a layer differs from the hashed bytes",
    "slow_job": "a job takes SECONDS longer and reports progress",
    "fail_start": "the process exits with code 3 before it is ready",
}
"""Description of each fault, by name."""

CRASHED, FAILED_START = 70, 3
_TIMED = {"slow_boot", "slow_job"}
_FAULT = re.compile(r"(?P<name>[a-z_]+)(=(?P<seconds>\d+(\.\d+)?))?(@(?P<probability>[01](\.\d+)?))?")
_LAYER = re.compile(r"/v1/jobs/[^/]+/layers/[^/]+")


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault: its delay in seconds, 0 for none, and its probability."""

    seconds: float
    probability: float


@dataclasses.dataclass(frozen=True)
class Faults:
    """The faults of one engine, by name."""

    by_name: Mapping[str, Fault]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """Parse faults in the form of the command line.

        Raises:
            EngineError: a fault is unknown or malformed.
        """
        by_name = {}
        for text in texts:
            match = _FAULT.fullmatch(text)
            if (
                match is None
                or match["name"] not in FAULTS
                or (match["name"] in _TIMED) != (match["seconds"] is not None)
            ):
                raise EngineError(
                    f"Invalid fault {text!r}; write NAME, NAME=SECONDS for {' and '.join(sorted(_TIMED))}, "
                    f"each with or without @PROBABILITY. Names: {', '.join(FAULTS)}."
                )
            by_name[match["name"]] = Fault(float(match["seconds"] or 0), float(match["probability"] or 1))
        return cls(by_name)

    def strikes(self, name: str) -> bool:
        """Return True if a fault occurs this time."""
        fault = self.by_name.get(name)
        return fault is not None and random.SystemRandom().random() < fault.probability

    def at_start(self) -> None:
        """Apply the faults of the engine's start."""
        if self.strikes("slow_boot"):
            time.sleep(self.by_name["slow_boot"].seconds)
        if self.strikes("fail_start"):
            os._exit(FAILED_START)

    def engine(self, engine: SurveyingEngine) -> SurveyingEngine:
        """Return the engine, wrapped if there are faults."""
        return FaultyEngine(engine, self) if self.by_name else engine

    def app(self, app: ASGIApp) -> ASGIApp:
        """Return the ASGI application, wrapped if there are faults."""
        return _FaultyApp(app, self) if self.by_name else app


class FaultyEngine:
    """Wrapper of an engine whose jobs and resets fail."""

    def __init__(self, engine: SurveyingEngine, faults: Faults) -> None:
        self._engine, self._faults = engine, faults

    @property
    def identity(self) -> EngineIdentity:
        """Identity of the wrapped engine."""
        return self._engine.identity

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities of the wrapped engine."""
        return self._engine.capabilities

    def generate(self, request: WorldRequest, progress: Progress, on_layer: OnLayer) -> WorldExport:
        """Generate one world with the faults of jobs.

        Raises:
            EngineError: a fault occurred, or the wrapped engine failed.
        """
        return self._engine.generate(request, self._faulty(progress), on_layer)

    def survey(self, request: SurveyRequest, progress: Progress) -> pa.Table:
        """Compute the rows of a survey with the faults of jobs.

        Raises:
            EngineError: a fault occurred, or the wrapped engine failed.
        """
        return self._engine.survey(request, self._faulty(progress))

    def verify(self) -> None:
        """Verify the wrapped engine, unless the fault ``fail_reset`` occurs.

        Raises:
            EngineError: the fault occurred, or the engine is broken.
        """
        if self._faults.strikes("fail_reset"):
            raise EngineError("The reference world differs: injected fault fail_reset.")
        self._engine.verify()

    def _faulty(self, progress: Progress) -> Progress:
        """Apply the faults before a job, and return a ``progress`` that fails during the job."""
        faults = self._faults
        if faults.strikes("hang"):
            threading.Event().wait()
        if faults.strikes("slow_job"):
            _delay(faults.by_name["slow_job"].seconds, progress)
        if faults.strikes("oom"):
            _exhaust_memory(progress)
        crashes, fails = faults.strikes("crash_in_job"), faults.strikes("fail_job")

        def failing_progress(fraction: float, phase: str) -> None:
            progress(fraction, phase)
            if fraction > 0 and crashes:
                os._exit(CRASHED)
            if fraction > 0 and fails:
                raise EngineError("The terrain code failed: injected fault fail_job.")

        return failing_progress


class _FaultyApp:
    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self._app, self._faults = app, faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_layer = scope["type"] == "http" and _LAYER.fullmatch(scope["path"])
        if is_layer and self._faults.strikes("half_export"):
            await self._app(scope, receive, _half(send))
        elif is_layer and self._faults.strikes("corrupt_layer"):
            await self._app(scope, receive, _corrupt(send))
        else:
            await self._app(scope, receive, send)


def _half(send: Send) -> Send:
    async def send_half(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        body = bytes(message["body"])
        await send({**message, "body": body[: len(body) // 2], "more_body": True})
        raise ConnectionAbortedError("The layer ends here: injected fault half_export.")

    return send_half


def _corrupt(send: Send) -> Send:
    async def send_corrupt(message: Message) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            body = bytearray(message["body"])
            body[len(body) // 2] ^= 1
            message = {**message, "body": bytes(body)}
        await send(message)

    return send_corrupt


def _delay(seconds: float, progress: Progress) -> None:
    begun = time.monotonic()
    while (elapsed := time.monotonic() - begun) < seconds:
        progress(0.5 * elapsed / seconds, "delayed")
        time.sleep(min(0.02, seconds))
    progress(0.0, "delay is over")


def _exhaust_memory(progress: Progress) -> None:
    blocks = []
    while True:
        progress(0.0, "allocating memory")
        blocks.append(np.ones(2**23))
