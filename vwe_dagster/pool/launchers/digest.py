"""The digest of an engine's configuration; engines with equal digests are interchangeable."""

from __future__ import annotations

import hashlib
import json


def digest_of(**settings: object) -> str:
    """Return a hash (16 hex digits) of the settings that stay fixed for the life of an engine."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
