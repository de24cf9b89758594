"""The digest of a configuration: two engines of one digest can stand in for each other."""

from __future__ import annotations

import hashlib
import json


def digest_of(**facts: object) -> str:
    """A short hash of facts that an engine keeps for life."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
