"""Convert log records and events of runs in this process into notices for a listener."""

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

NoticeKind = Literal["started", "phase", "warning", "kept", "built", "failed"]

_LOGGER = logging.getLogger(__name__)
_LOGGER.setLevel(logging.DEBUG)
_LOGGER.propagate = False


@dataclasses.dataclass(frozen=True)
class Notice:
    """An event of a run.

    Attributes:
        stage: name of the asset.
        kind: the asset ``started``, is in a ``phase``, logged a ``warning``, was ``kept`` or ``built``, or ``failed``.
        text: the phase, the warning or the cause of the failure; else empty.
        run_id: the id of the run.
    """

    stage: str
    kind: NoticeKind
    text: str = ""
    run_id: str = ""


Listener = Callable[[Notice], None]


listener_logger = dg.LoggerDefinition(
    lambda _: _LOGGER, description="Reports the events of a run to its own process; used by the command line."
)
"""The logger of the runs that :func:`listening` listens to."""


@contextlib.contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Call ``listener`` with the notices of runs in this process that use the logger :data:`LISTENER`."""
    handler = RunEventHandler(listener)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


class RunEventHandler(logging.Handler):
    """Logging handler that converts the records of a run into notices."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self._started: set[str] = set()
        self._built: set[str] = set()
        self._kept: set[str] = set()
        self._run_id = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Send the notice of a record, if there is one."""
        meta = record.__dict__["dagster_meta"]
        stage, event, self._run_id = meta["step_key"], meta["dagster_event"], meta["run_id"]
        if stage is not None and is_check(stage):
            self._notify_check(event)
            return
        if event is not None and event.event_type is dg.DagsterEventType.STEP_START:
            self._started.add(stage)
        # For each asset downstream of a failure, Dagster logs that it is skipped; those records are ignored.
        if stage not in self._started:
            return
        if event is None:
            kind: NoticeKind = "warning" if record.levelno >= logging.WARNING else "phase"
            self._notice(stage, kind, meta["orig_message"])
        else:
            self._notify(stage, event)

    def _notify(self, stage: str, event: dg.DagsterEvent) -> None:
        match event.event_type:
            case dg.DagsterEventType.STEP_START:
                self._notice(stage, "started")
            case dg.DagsterEventType.ASSET_MATERIALIZATION:
                was_kept = event.step_materialization_data.materialization.metadata["cached"].value
                (self._kept if was_kept else self._built).add(stage)
            case dg.DagsterEventType.STEP_SUCCESS:
                self._notice(stage, "kept" if stage in self._kept - self._built else "built")
            case dg.DagsterEventType.STEP_FAILURE:
                self._notice(stage, "failed", reason(event))

    def _notify_check(self, event: dg.DagsterEvent | None) -> None:
        """Report failed checks as failures of the checked asset."""
        if event is None:
            return
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.asset_check_evaluation_data
            if not check.passed and check.partition is not None:
                text = f"{check.partition}: {check.description} (the check {check.check_name})"
                self._notice(check.asset_key.to_user_string(), "failed", text)
        elif event.is_step_failure and not is_check_failure(event):
            self._notice(str(event.step_key), "failed", reason(event))

    def _notice(self, stage: str, kind: NoticeKind, text: str = "") -> None:
        self._listener(Notice(stage, kind, text, self._run_id))


def is_check_failure(failure: dg.DagsterEvent) -> bool:
    """Return True if a step failed only because of a failed check."""
    error = failure.step_failure_data.error
    return error is not None and error.cls_name == "DagsterAssetCheckFailedError"


def reason(event: dg.DagsterEvent) -> str:
    """Return the cause of a failed step: its message, or the unexpected error."""
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
    """Return True if a step failed because a signal interrupted the process."""
    error = event.step_failure_data.error
    return error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__
