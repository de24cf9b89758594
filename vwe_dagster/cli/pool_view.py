"""Showing a pool in the terminal: its slots, the worlds it was asked for, and the steps its engines took."""

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
    """A pool as it is now: a table of its slots and, below it, who has them, what they make, and what went wrong."""
    headings = ("slot", "state", "engine", "token", "jobs", "age", "ends in", "memory")
    table = table_of("", headings, [_slot_row(slot, settings) for slot in status.slots])
    # Eight columns are to fit a terminal of 80.
    table.collapse_padding = True
    for row, slot in zip(table.rows, status.slots, strict=True):
        row.style = _STYLES.get(slot.state, "")
    remarks = [remark for slot in status.slots for remark in _remarks(slot)]
    return Group(_headline(status), table, *_circuit(status, settings), *_verified(status), *remarks)


def history_view(jobs: Sequence[JobRecord]) -> RenderableType:
    """A table of the worlds that a pool was asked for, and below it why some failed."""
    headings = ("began (UTC)", "slot", "seed", "size", "state", "waited", "took")
    rows = [
        (moment(job.at), job.slot, job.seed, job.size or "survey", job.state, span(job.wait_s), span(job.duration_s))
        for job in jobs
    ]
    failures = [Text(f"{moment(job.at)}, world {job.seed}: {job.error}", "red") for job in jobs if job.error]
    return Group(table_of("", headings, rows), *failures)


def step_line(step: Transition) -> str:
    """A step of a slot on one line."""
    words = f"{moment(step.at)}  slot {step.slot}  {step.before} -> {step.after}  {step.detail}"
    return f"{words} ({step.holder})" if step.holder and step.holder not in step.detail else words


def span(seconds: float | None) -> str:
    """A length of time to two figures or so, as in ``40 ms``, ``12 s``, ``90 min`` or ``1.8 h``."""
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
    """A moment of the ledger without its year, its fraction and its time zone, which is UTC."""
    return at[5:19].replace("T", " ")


def _headline(status: PoolStatus) -> Text:
    kind = _KINDS[status.launcher]
    plural = kind + ("es" if kind == "process" else "s")
    counts = f"{status.ready} free, {status.leased} in use, {status.starting} starting"
    waiting = f"; {status.waiting} waiting for one" if status.waiting else ""
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
    told = f"Tried {moment(status.verified.at)}: {status.verified.sentence}"
    return [Text(told, "" if status.verified.passed else "red")]


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
    facts = []
    if slot.name is not None:
        facts.append(("", f"is named {slot.name}"))
    if slot.holder is not None:
        held = f"held by {slot.holder}" + (f", for {span(slot.held_s)}" if slot.held_s is not None else "")
        dead = ("red", f"{held}; that process is dead, and the next use of the pool recovers the slot")
        facts.append(dead if slot.holder_is_dead else ("", held))
    if slot.seed is not None:
        done = "" if slot.progress is None else f": {slot.progress:.0%}"
        facts.append(("", f"makes world {slot.seed}{done}" + (f", {slot.phase}" if slot.phase else "")))
    if slot.last_error is not None:
        facts.append(("red", f"last error: {slot.last_error}"))
    return [Text.assemble((f"slot {slot.slot}  ", "dim"), (fact, style)) for style, fact in facts]
