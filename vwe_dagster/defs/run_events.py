"""Run events: turns the log and events of a run in this process into notices for a listener."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from typing import Literal

import dagster as dg

from vwe_dagster.defs.check_names import is_check

LISTENER = "listener"
"""Name of the logger that a run's configuration selects to send its events to a listener."""

_LOGGER = logging.getLogger(__name__)
_LOGGER.setLevel(logging.DEBUG)
_LOGGER.propagate = False


@dataclasses.dataclass(frozen=True)
class Notice:
    """An event of a run.

    Attributes:
        stage: the asset it happened to.
        kind: the asset ``started``, is in a ``phase``, logged a ``warning``, was ``kept`` or ``made``, or ``failed``.
        text: the phase, the warning or why it failed; empty for the others.
    """

    stage: str
    kind: Literal["started", "phase", "warning", "kept", "made", "failed"]
    text: str = ""


Listener = Callable[[Notice], None]


listener_logger = dg.LoggerDefinition(
    lambda _: _LOGGER, description="Tells the process that a run is in what happens in it; for the command line."
)
"""The logger of the runs that :func:`listening` listens to."""


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Tells ``listener`` what happens in the runs of this process that have chosen the logger :data:`LISTENER`."""
    handler = RunEventHandler(listener)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


class RunEventHandler(logging.Handler):
    """Turns the log records of a run into notices."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self._started: set[str] = set()
        self._made: set[str] = set()
        self._kept: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Send the notice of a record, if there is one."""
        meta = record.__dict__["dagster_meta"]
        stage, event = meta["step_key"], meta["dagster_event"]
        if stage is not None and is_check(stage):
            self._tell_check(event)
            return
        if event is not None and event.event_type is dg.DagsterEventType.STEP_START:
            self._started.add(stage)
        # Dagster logs of each asset downstream of a failure that it is not executed.
        if stage not in self._started:
            return
        if event is None:
            kind: Literal["warning", "phase"] = "warning" if record.levelno >= logging.WARNING else "phase"
            self._listener(Notice(stage, kind, meta["orig_message"]))
        else:
            self._tell(stage, event)

    def _tell(self, stage: str, event: dg.DagsterEvent) -> None:
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                self._listener(Notice(stage, "started"))
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                was_kept = event.step_materialization_data.materialization.metadata["cached"].value
                (self._kept if was_kept else self._made).add(stage)
            case dg.DagsterEventType.STEP_SUCCESS:
                self._listener(Notice(stage, "kept" if stage in self._kept - self._made else "made"))
            case dg.DagsterEventType.STEP_FAILURE:
                self._listener(Notice(stage, "failed", reason(event)))

    def _tell_check(self, event: dg.DagsterEvent | None) -> None:
        """Tells of checks that did not hold, as failures of the asset that was checked."""
        if event is None:
            return
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.partition is not None:
                text = f"{check.partition}: {check.description} (the check {check.check_name})"
                self._listener(Notice(check.asset_key.to_user_string(), "failed", text))
        elif event.is_step_failure and not is_check_failure(event):
            self._listener(Notice(str(event.step_key), "failed", reason(event)))


def is_check_failure(failure: dg.DagsterEvent) -> bool:
    """Whether a step failed only because a check in it did not hold."""
    error = failure.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def reason(event: dg.DagsterEvent) -> str:
    """Why a step failed: the sentence it failed with, or the error that nobody foresaw."""
    failure = event.step_failure_data
    if failure.user_failure_data is not None and failure.user_failure_data.description:
        return failure.user_failure_data.description
    if was_interrupted(event):
        return "It was interrupted."
    error = failure.error
    while error is not None and error.cause is not None:
        error = error.cause
    return "It failed for an unknown reason." if error is None else f"It failed unexpectedly: {error.message.strip()}"


def was_interrupted(event: dg.DagsterEvent) -> bool:
    """Whether a step failed because a person or the system told the process to end."""
    error = event.step_failure_data.error
    return error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__
