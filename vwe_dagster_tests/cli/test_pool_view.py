"""The tables of a pool in a terminal."""

from __future__ import annotations

import dataclasses

import pytest
from rich.console import Console

from vwe_dagster.cli.pool_view import history_view, pool_view, span, step_line
from vwe_dagster.pool.circuit import CircuitStatus
from vwe_dagster.pool.kinds import TransitionKind
from vwe_dagster.pool.last_verification import LastVerification
from vwe_dagster.pool.ledger import JobRecord, Transition
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import CircuitState, RecordedJobState
from vwe_dagster.pool.status import PoolStatus, SlotStatus

BUSY = SlotStatus(
    slot=12,
    state="GENERATING",
    engine="c9fde89b7d-12-1234",
    name="big one",
    address="unix:/tmp/engine.sock",
    holder="pid 24723 on vm: world of 298112588",
    held_s=6.5,
    token=12345,
    jobs=10,
    age_s=3000.0,
    expires_in_s=40_000.0,
    seed=298112588,
    progress=0.4875,
    phase="sampling the terrain",
    memory_bytes=4_294_967_296,
    last_error="it was killed by signal 9",
)
EMPTY = SlotStatus(0, "EMPTY", None, None, None, None, None, 0, 0, None, None, None, None, None, None, None)

CLOSED = CircuitStatus(CircuitState.CLOSED, 2, 0.0, 0, 0, "it was not ready within 120 s")
OPEN = CircuitStatus(CircuitState.OPEN, 3, 29.6, 1, 2, "it could not be started: There is no such image.")


def shown(view: object, width: int = 80) -> str:
    console = Console(width=width, highlight=False, color_system=None)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


def test_engines_that_were_killed_while_starting_are_shown() -> None:
    circuit = CircuitStatus(CircuitState.CLOSED, 0, 0.0, 0, 1, "it ended while starting (killed by signal 9)", 2)
    status = PoolStatus("default", "process", 1, 0, 0, 0, 0, circuit, None, [EMPTY])
    assert (
        "2 engines were killed or lost while starting since the last good start, the last one in slot 1: "
        "it ended while starting (killed by signal 9)."
    ) in " ".join(shown(pool_view(status, PoolSettings())).split())


def test_dead_holder_is_shown_as_dead() -> None:
    slot = dataclasses.replace(BUSY, holder_is_dead=True)
    status = PoolStatus("default", "process", 13, 0, 0, 0, 0, CLOSED, None, [slot])
    assert "for 6.5 s; that process is dead, and the next use of the pool recovers the slot" in " ".join(
        shown(pool_view(status, PoolSettings())).split()
    )


def test_a_busy_slot_fits_a_terminal_of_80_columns() -> None:
    status = PoolStatus("default", "process", 13, 0, 1, 0, 2, CLOSED, None, [EMPTY, BUSY])
    lines = [line.rstrip() for line in shown(pool_view(status, PoolSettings())).splitlines()]
    assert lines[0] == "Pool default, at most 13 processes: 0 free, 1 in use, 0 starting; 2 waiting"
    (row,) = [line.split() for line in lines if "GENERATING" in line]
    assert row == ["12", "GENERATING", "c9fde89b7d-12-1234", "12345", "10/10", "50", "min", "11", "h", "4295", "MB"]
    assert lines[-4:] == [
        "slot 12  is named big one",
        "slot 12  held by pid 24723 on vm: world of 298112588, for 6.5 s",
        "slot 12  generates world 298112588: 49%, sampling the terrain",
        "slot 12  last error: it was killed by signal 9",
    ]


def test_an_open_circuit_is_shown_with_the_command_that_retries() -> None:
    status = PoolStatus("default", "docker", 3, 0, 0, 0, 0, OPEN, None, [EMPTY])
    text = " ".join(shown(pool_view(status, PoolSettings(launcher="docker"))).split())
    assert "3 failed in a row; another start is tried in 30 s, or immediately with: vwe pool warm 1." in text
    assert "vwe pool logs 2, and check that the image vwe-engine exists" in text


def test_the_commands_that_are_advised_are_for_the_pool_in_question() -> None:
    status = PoolStatus("valheim", "docker", 1, 0, 0, 0, 0, OPEN, None, [EMPTY])
    text = " ".join(shown(pool_view(status, PoolSettings(name="valheim", launcher="docker"))).split())
    assert "or immediately with: vwe pool warm 1 --pool valheim." in text
    assert "To find the cause: vwe pool logs 2 --pool valheim, and" in text


def test_last_verification_is_shown() -> None:
    verified = LastVerification(
        "2026-11-24T00:17:03+00:00", True, "The engine passed.", "/pool/verification/report.json"
    )
    status = PoolStatus("default", "process", 3, 0, 0, 0, 0, CLOSED, verified, [EMPTY])
    assert "Verified 11-24 00:17:03: The engine passed." in shown(pool_view(status, PoolSettings()))


def test_error_of_a_failed_world_is_below_the_table() -> None:
    job = JobRecord(
        "a-1", "2026-11-24T00:17:03.995Z", 0, "a", 1, "me", 7, 2048, RecordedJobState.FAILED, 0.0028, 16.2, "no memory"
    )
    text = shown(history_view([job]))
    (row,) = [line.split() for line in text.splitlines() if "failed" in line]
    assert row == ["11-24", "00:17:03", "0", "7", "2048", "failed", "3", "ms", "16", "s"]
    assert "11-24 00:17:03, world 7: no memory" in text


def test_a_step_names_its_holder_once() -> None:
    step = Transition(
        1, "2026-11-24T00:17:03.995Z", 0, "a", "READY", "GENERATING", TransitionKind.JOB, "world of 7", "pid 1 on vm", 3
    )
    assert step_line(step) == "11-24 00:17:03  slot 0  READY -> GENERATING  world of 7 (pid 1 on vm)"
    fenced = Transition(
        2, step.at, 0, "a", "READY", "ERROR", TransitionKind.FORCE, "taken from pid 1 on vm", "pid 1 on vm", 4
    )
    assert step_line(fenced).endswith("taken from pid 1 on vm")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (-1, "now"),
        (0.0028, "3 ms"),
        (1.25, "1.2 s"),
        (59.6, "60 s"),
        (100, "2 min"),
        (7200, "2.0 h"),
        (130_000, "1.5 d"),
    ],
)
def test_span_is_shown_in_a_readable_unit(seconds: float | None, text: str) -> None:
    assert span(seconds) == text
