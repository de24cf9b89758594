"""The error of exports."""

from __future__ import annotations


class ExportError(ValueError):
    """An export failed; the message is a sentence with the reason and what to do."""
