"""The digest of a configuration: two engines of one digest can stand in for each other."""

from __future__ import annotations

import hashlib
import json


def digest_of(**settings: object) -> str:
    """Return a short hash of the settings that an engine keeps for life."""
    text = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
