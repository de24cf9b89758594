"""Host names in HTTP requests. This module has no imports of the project, since every command loads it."""

from __future__ import annotations

import re

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""The names of loopback in the notation of ``Host``."""

_NAME = r"(?P<name>\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})"
HOST = re.compile(_NAME + r"(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
"""The pattern of ``Host`` in lower case: a name, an IPv4 or a bracketed IPv6 address, with or without a port."""


def is_host_name(text: str) -> bool:
    """Return whether a text is a host without a port."""
    return re.fullmatch(_NAME, text.lower(), re.ASCII) is not None


def bracketed(host: str) -> str:
    """Return a host in the notation of a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host
