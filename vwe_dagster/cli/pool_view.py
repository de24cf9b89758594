"""Terminal output for a pool: its slots, its jobs, and the transitions of its slots."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from vwe_dagster.cli.console import table_of
from vwe_dagster.pool.circuit import failed_starts_message, killed_starts_message
from vwe_dagster.pool.ledger import JobRecord, Transition
from vwe_dagster.pool.settings import PoolSettings
from vwe_dagster.pool.states import CircuitState
from vwe_dagster.pool.status import PoolStatus, SlotStatus

_STYLES = {"ERROR": "red", "EMPTY": "dim", "READY": "green"}
_UNITS = ((86_400, 1.5, "d"), (3_600, 1.5, "h"), (60, 1.5, "min"))
_KINDS = {"process": "process", "docker": "container"}


def pool_view(status: PoolStatus, settings: PoolSettings) -> RenderableType:
    """Return the status of a pool: a table of its slots, and below it their holders, worlds and errors."""
    headings = ("slot", "state", "engine", "token", "jobs", "age", "ends in", "memory")
    table = table_of("", headings, [_slot_row(slot, settings) for slot in status.slots])
    # The eight columns must fit in 80 characters.
    table.collapse_padding = True
    for row, slot in zip(table.rows, status.slots, strict=True):
        row.style = _STYLES.get(slot.state, "")
    remarks = [remark for slot in status.slots for remark in _remarks(slot)]
    return Group(_headline(status), table, *_circuit(status, settings), *_verified(status), *remarks)


def history_view(jobs: Sequence[JobRecord]) -> RenderableType:
    """Return a table of jobs, and below it the errors of the failed ones."""
    headings = ("began (UTC)", "slot", "seed", "size", "state", "waited", "took")
    rows = [
        (moment(job.at), job.slot, job.seed, job.size or "survey", job.state, span(job.wait_s), span(job.duration_s))
        for job in jobs
    ]
    failures = [Text(f"{moment(job.at)}, world {job.seed}: {job.error}", "red") for job in jobs if job.error]
    return Group(table_of("", headings, rows), *failures)


def step_line(step: Transition) -> str:
    """Return one line that describes a transition of a slot."""
    words = f"{moment(step.at)}  slot {step.slot}  {step.before} -> {step.after}  {step.detail}"
    return f"{words} ({step.holder})" if step.holder and step.holder not in step.detail else words


def span(seconds: float | None) -> str:
    """Return a duration with about two digits, such as ``40 ms``, ``12 s``, ``90 min`` or ``1.8 h``.

    None is empty, and a negative duration is ``now``.
    """
    if seconds is None:
        return ""
    if seconds < 0:
        return "now"
    for unit, least, name in _UNITS:
        if seconds >= unit * least:
            count = seconds / unit
            return f"{count:.0f} {name}" if count >= 10 or name == "min" else f"{count:.1f} {name}"
    if seconds < 1:
        return f"{1e3 * seconds:.0f} ms"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def moment(at: str) -> str:
    """Return a timestamp of the ledger (ISO 8601, UTC) as ``MM-DD HH:MM:SS``."""
    return at[5:19].replace("T", " ")


def _headline(status: PoolStatus) -> Text:
    kind = _KINDS[status.launcher]
    plural = kind + ("es" if kind == "process" else "s")
    counts = f"{status.ready} free, {status.leased} in use, {status.starting} starting"
    waiting = f"; {status.waiting} waiting" if status.waiting else ""
    return Text.assemble(
        (f"Pool {status.pool}", "bold"),
        f", at most {status.size} {kind if status.size == 1 else plural}: {counts}{waiting}",
    )


def _circuit(status: PoolStatus, settings: PoolSettings) -> list[Text]:
    if status.circuit.state is CircuitState.CLOSED:
        kills = killed_starts_message(status.circuit)
        return [] if kills is None else [Text(kills, "red")]
    return [Text(failed_starts_message(status.circuit, settings), "red")]


def _verified(status: PoolStatus) -> list[Text]:
    if status.verified is None:
        return []
    result = f"Verified {moment(status.verified.at)}: {status.verified.sentence}"
    return [Text(result, "" if status.verified.passed else "red")]


def _slot_row(slot: SlotStatus, settings: PoolSettings) -> tuple[object, ...]:
    if slot.state == "EMPTY":
        return (slot.slot, slot.state, None, slot.token, None, None, None, None)
    return (
        slot.slot,
        slot.state,
        slot.engine,
        slot.token,
        f"{slot.jobs}/{settings.max_jobs_per_engine}",
        span(slot.age_s),
        span(slot.expires_in_s),
        None if slot.memory_bytes is None else f"{slot.memory_bytes / 1e6:.0f} MB",
    )


def _remarks(slot: SlotStatus) -> list[Text]:
    remarks = []
    if slot.name is not None:
        remarks.append(("", f"is named {slot.name}"))
    if slot.holder is not None:
        held = f"held by {slot.holder}" + (f", for {span(slot.held_s)}" if slot.held_s is not None else "")
        dead = ("red", f"{held}; that process is dead, and the next use of the pool recovers the slot")
        remarks.append(dead if slot.holder_is_dead else ("", held))
    if slot.seed is not None:
        done = "" if slot.progress is None else f": {slot.progress:.0%}"
        remarks.append(("", f"generates world {slot.seed}{done}" + (f", {slot.phase}" if slot.phase else "")))
    if slot.last_error is not None:
        remarks.append(("red", f"last error: {slot.last_error}"))
    return [Text.assemble((f"slot {slot.slot}  ", "dim"), (remark, style)) for style, remark in remarks]
