"""What goes wrong in a pool."""

from __future__ import annotations

from vwe_dagster.engine.messages import EngineError


class PoolError(EngineError):
    """The pool cannot do what it was asked for; the message says why and what to do."""


class NoEngineError(PoolError):
    """No engine became free in time; the message says who holds what since when."""


class EngineLostError(PoolError):
    """An engine died, hung or broke in the middle of a job; another one may do it."""


class FencedError(PoolError):
    """A holder lost its slot to another because it did not come back in time; its work must not be published."""
