"""The error of questions that cannot be answered."""

from __future__ import annotations


class QueryError(ValueError):
    """A question is invalid or cannot be answered; the message states the fault and the remedy."""
