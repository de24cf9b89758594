"""A recorded history of leases, exports and confirmations, and a check that it could have happened one by one.

The check is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993): it looks for an order of the
operations in which each took place at one moment between its call and its return, and which the slot's rules allow.
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
    """What a process did; the token of a repair is the highest one that any lease had before it."""

    LEASE = "lease"
    EXPORT = "export"
    CONFIRM = "confirm"
    PUBLISH = "publish"
    REPAIR = "repair"


@dataclasses.dataclass(frozen=True)
class Operation:
    """Something that a process did with a slot, at one moment from ``called_s`` to ``returned_s``.

    Attributes:
        returned_s: infinite if the process died first: the operation took place or did not.
        is_good: whether it succeeded.
    """

    kind: Kind
    slot: int
    token: int
    called_s: float
    returned_s: float = math.inf
    is_good: bool = True


@dataclasses.dataclass(frozen=True)
class SlotModel:
    """The state of a slot in the rules: the token of its present holder, and the leases whose export succeeded."""

    token: int = 0
    exported: frozenset[int] = frozenset()

    def after(self, operation: Operation) -> SlotModel | None:
        """Return the slot after an operation; None if the rules do not allow it now.

        An upkeep between two leases uses tokens too, so a lease may skip some, and an export may fail at any time.
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
                # The next ledger knows of no export, and gives higher tokens only.
                return SlotModel(operation.token, frozenset()) if operation.token >= self.token else None
            case _:
                return self


def first_violation(operations: Iterable[Operation]) -> Operation | None:
    """Return an operation of one slot that no order explains; None if there is an order for all of them."""
    ordered = sorted(operations, key=lambda one: one.called_s)
    # Depth first: what is done, as the first operation that is not and those done after it; and the slot then.
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
    """Yield the operations that may come next: those called before the first return of one that is not done."""
    earliest_return = math.inf
    for at in range(first, len(ordered)):
        if ordered[at].called_s > earliest_return:
            return
        if at not in done:
            earliest_return = min(earliest_return, ordered[at].returned_s)
            yield at


class Recorder:
    """Writes the operations of one process to a file, each call before it begins: the process may be killed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1, encoding="utf-8")
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def call(self, kind: Kind, **facts: object) -> int:
        """Record a call; return its number."""
        self._number += 1
        self._write(number=self._number, kind=kind, **facts)
        return self._number

    def returned(self, number: int, **facts: object) -> None:
        """Record the return of a call, with what it returned."""
        self._write(number=number, **facts)

    def _write(self, **fields: object) -> None:
        self._file.write(json.dumps({"at": time.monotonic(), **fields}) + "\n")


def recorded(path: Path) -> list[dict[str, Any]]:
    """Return the calls that one process recorded; those that returned have ``returned_s`` and what was returned."""
    calls: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        if not line.endswith("\n"):
            # The process was killed while it wrote.
            continue
        fields = json.loads(line)
        at = fields.pop("at")
        if "kind" in fields:
            calls[fields["number"]] = {**fields, "called_s": at}
        else:
            calls[fields["number"]].update(fields, returned_s=at)
    return list(calls.values())


def operations(calls: Iterable[dict[str, Any]]) -> list[Operation]:
    """Return the operations on slots among recorded calls; of a lease that did not return no slot is known."""
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
