"""What can go wrong with an export, as a sentence."""

from __future__ import annotations


class ExportError(ValueError):
    """An export that cannot be made; the message is a sentence that says why and what to do."""
