"""A recorded history of leases, exports and confirmations, and a linearizability check.

The check is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993). It searches for an order of the
operations in which each takes effect at one moment between its call and its return, and which the slot's rules allow.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Self


class Kind(enum.StrEnum):
    """The kinds of operations. The token of a repair is the highest token of any earlier lease."""

    LEASE = "lease"
    EXPORT = "export"
    CONFIRM = "confirm"
    PUBLISH = "publish"
    REPAIR = "repair"


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation of a process on a slot, which took effect at one moment from ``called_s`` to ``returned_s``.

    Attributes:
        returned_s: infinite if the process died first; the operation may or may not have taken effect.
        is_good: whether the operation succeeded.
    """

    kind: Kind
    slot: int
    token: int
    called_s: float
    returned_s: float = math.inf
    is_good: bool = True


@dataclasses.dataclass(frozen=True)
class SlotModel:
    """The model of a slot: the token of its present holder, and the leases whose export succeeded."""

    token: int = 0
    exported: frozenset[int] = frozenset()

    def after(self, operation: Operation) -> SlotModel | None:
        """Return the slot after an operation; None if the rules do not allow the operation in this state.

        Upkeep between two leases also uses tokens, so a lease may skip some. An export may fail at any time.
        """
        match operation.kind:
            case Kind.LEASE:
                return SlotModel(operation.token, self.exported) if operation.token > self.token else None
            case Kind.EXPORT if operation.is_good:
                is_holder = operation.token == self.token
                return SlotModel(self.token, self.exported | {operation.token}) if is_holder else None
            case Kind.CONFIRM:
                return self if operation.is_good == (operation.token in self.exported) else None
            case Kind.REPAIR:
                # The new ledger contains no export, and its tokens are higher.
                return SlotModel(operation.token, frozenset()) if operation.token >= self.token else None
            case _:
                return self


def first_violation(operations: Iterable[Operation]) -> Operation | None:
    """Return an operation of one slot that no legal order explains; None if a legal order of all operations exists."""
    ordered = sorted(operations, key=lambda one: one.called_s)
    # Depth first. A state is the first operation not yet done, the later ones that are done, and the slot after them.
    stack: list[tuple[int, frozenset[int], SlotModel]] = [(0, frozenset(), SlotModel())]
    seen = set(stack)
    furthest = 0
    while stack:
        first, done, model = stack.pop()
        while first < len(ordered) and first in done:
            done, first = done - {first}, first + 1
        furthest = max(furthest, first)
        if all(ordered[at].returned_s == math.inf for at in range(first, len(ordered)) if at not in done):
            return None
        for at in _next(ordered, first, done):
            after = model.after(ordered[at])
            if after is not None and (following := (first, done | {at}, after)) not in seen:
                seen.add(following)
                stack.append(following)
    return ordered[min(furthest, len(ordered) - 1)]


def _next(ordered: Sequence[Operation], first: int, done: frozenset[int]) -> Iterable[int]:
    """Yield the operations that may come next: each was called before the first return of an operation not yet done."""
    earliest_return = math.inf
    for at in range(first, len(ordered)):
        if ordered[at].called_s > earliest_return:
            return
        if at not in done:
            earliest_return = min(earliest_return, ordered[at].returned_s)
            yield at


class Recorder:
    """Writes the operations of one process to a file; each call before it begins, since the process may be killed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def call(self, kind: Kind, **facts: object) -> int:
        """Record a call, and return its number."""
        self._number += 1
        self._write(number=self._number, kind=kind, **facts)
        return self._number

    def returned(self, number: int, **facts: object) -> None:
        """Record the return of a call, with the returned values."""
        self._write(number=number, **facts)

    def _write(self, **fields: object) -> None:
        self._file.write(json.dumps({"at": time.monotonic(), **fields}) + "\n")


def recorded(path: Path) -> list[dict[str, Any]]:
    """Return the recorded calls of one process; a call that returned has ``returned_s`` and the returned values."""
    calls: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            # The process was killed during the write.
            continue
        fields = json.loads(line)
        at = fields.pop("at")
        if "kind" in fields:
            calls[fields["number"]] = {**fields, "called_s": at}
        else:
            calls[fields["number"]].update(fields, returned_s=at)
    return list(calls.values())


def operations(calls: Iterable[dict[str, Any]]) -> list[Operation]:
    """Return the operations on slots among recorded calls; the slot of a lease that did not return is unknown."""
    return [
        Operation(
            Kind(call["kind"]),
            call["slot"],
            call["token"],
            call["called_s"],
            call.get("returned_s", math.inf),
            call.get("is_good", True),
        )
        for call in calls
        if call["kind"] != Kind.PUBLISH and "token" in call
    ]
