"""The names of hosts in HTTP requests. Imports nothing else, because every command loads it."""

from __future__ import annotations

import re

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""The names by which a machine addresses itself, as ``Host`` has them."""

_NAME = r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})"
HOST = re.compile(_NAME + r"(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
"""``Host`` in lower case: a name, an IPv4 address or a bracketed IPv6 address, with or without a port."""


def is_host_name(text: str) -> bool:
    """Return whether a text is a host without a port."""
    return re.fullmatch(_NAME, text.lower(), re.ASCII) is not None


def bracketed(host: str) -> str:
    """Return a host as an address has it: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
