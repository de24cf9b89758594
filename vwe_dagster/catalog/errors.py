"""The error of every question that cannot be answered."""

from __future__ import annotations


class QueryError(ValueError):
    """A question that cannot be understood or answered; the message states the fault and the remedy."""
