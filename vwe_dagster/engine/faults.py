"""Faults for tests: an engine that goes wrong on purpose, in the ways that engines do.

A fault is written ``NAME``, ``NAME=SECONDS`` for those that take time, and ends in ``@P`` to strike with a probability
only, as in ``crash_in_job@0.2``: once for each job, reset or layer.
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
from vwe_dagster.engine.layers import Made
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
    "hang": "a job never moves and cannot be cancelled",
    "crash_in_job": "the process dies in the middle of a job",
    "fail_job": "a job fails",
    "fail_reset": "a reset fails",
    "slow_boot": "the engine is ready SECONDS later",
    "oom": "a job takes memory until there is none",
    "half_export": "a layer ends early",
    "corrupt_layer": "a bit of a layer is another one than was hashed",
    "slow_job": "a job takes SECONDS longer, and its progress moves",
    "fail_start": "the process ends with exit code 3 instead of becoming ready",
}
"""Every fault and what it does."""

CRASHED, FAILED_START = 70, 3
_TIMED = {"slow_boot", "slow_job"}
_FAULT = re.compile(r"(?P<name>[a-z_]+)(=(?P<seconds>\d+(\.\d+)?))?(@(?P<probability>[01](\.\d+)?))?")
_LAYER = re.compile(r"/v1/jobs/[^/]+/layers/[^/]+")


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault, how long it takes where it takes time, and how probable it is."""

    seconds: float
    probability: float


@dataclasses.dataclass(frozen=True)
class Faults:
    """Everything that is to go wrong with one engine."""

    by_name: Mapping[str, Fault]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """Reads faults as they are written on the command line.

        Raises:
            EngineError: there is no such fault.
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
                    f"There is no fault {text!r}; write NAME, NAME=SECONDS for {' and '.join(sorted(_TIMED))}, "
                    f"each with or without @PROBABILITY. Names: {', '.join(FAULTS)}."
                )
            by_name[match["name"]] = Fault(float(match["seconds"] or 0), float(match["probability"] or 1))
        return cls(by_name)

    def strikes(self, name: str) -> bool:
        """Whether a fault strikes this time."""
        fault = self.by_name.get(name)
        return fault is not None and random.SystemRandom().random() < fault.probability

    def at_start(self) -> None:
        """Goes wrong while the engine starts."""
        if self.strikes("slow_boot"):
            time.sleep(self.by_name["slow_boot"].seconds)
        if self.strikes("fail_start"):
            os._exit(FAILED_START)

    def engine(self, engine: SurveyingEngine) -> SurveyingEngine:
        """The engine, or one in its place that goes wrong."""
        return FaultyEngine(engine, self) if self.by_name else engine

    def app(self, app: ASGIApp) -> ASGIApp:
        """The application, or one in its place whose layers go wrong."""
        return _FaultyApp(app, self) if self.by_name else app


class FaultyEngine:
    """An engine whose jobs and resets go wrong."""

    def __init__(self, engine: SurveyingEngine, faults: Faults) -> None:
        self._engine, self._faults = engine, faults

    @property
    def identity(self) -> EngineIdentity:
        """Who the engine in its place is."""
        return self._engine.identity

    @property
    def capabilities(self) -> Capabilities:
        """What the engine in its place can be asked for."""
        return self._engine.capabilities

    def generate(self, request: WorldRequest, progress: Progress, made: Made) -> WorldExport:
        """Generates one world, unless that goes wrong.

        Raises:
            EngineError: it went wrong.
        """
        return self._engine.generate(request, self._faulty(progress), made)

    def survey(self, request: SurveyRequest, progress: Progress) -> pa.Table:
        """Compute rows, unless that goes wrong.

        Raises:
            EngineError: it went wrong.
        """
        return self._engine.survey(request, self._faulty(progress))

    def verify(self) -> None:
        """Proves that the engine is well, unless it is to be found ill.

        Raises:
            EngineError: it is ill.
        """
        if self._faults.strikes("fail_reset"):
            raise EngineError("The known world came out wrong, as it was told to.")
        self._engine.verify()

    def _faulty(self, progress: Progress) -> Progress:
        """Do what goes wrong before a job, and return a ``progress`` that goes wrong in the middle of it."""
        faults = self._faults
        if faults.strikes("hang"):
            threading.Event().wait()
        if faults.strikes("slow_job"):
            _dawdle(faults.by_name["slow_job"].seconds, progress)
        if faults.strikes("oom"):
            _take_all_memory(progress)
        crashes, fails = faults.strikes("crash_in_job"), faults.strikes("fail_job")

        def in_the_middle(fraction: float, phase: str) -> None:
            progress(fraction, phase)
            if fraction > 0 and crashes:
                os._exit(CRASHED)
            if fraction > 0 and fails:
                raise EngineError("The terrain code failed, as it was told to.")

        return in_the_middle


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
        raise ConnectionAbortedError("The layer ends here, as it was told to.")

    return send_half


def _corrupt(send: Send) -> Send:
    async def send_corrupt(message: Message) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            body = bytearray(message["body"])
            body[len(body) // 2] ^= 1
            message = {**message, "body": bytes(body)}
        await send(message)

    return send_corrupt


def _dawdle(seconds: float, progress: Progress) -> None:
    begun = time.monotonic()
    while (gone := time.monotonic() - begun) < seconds:
        progress(0.5 * gone / seconds, "dawdling")
        time.sleep(min(0.02, seconds))
    progress(0.0, "dawdled")


def _take_all_memory(progress: Progress) -> None:
    taken = []
    while True:
        progress(0.0, "taking memory")
        taken.append(np.ones(2**23))
