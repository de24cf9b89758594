"""The Redis server that connects several hosts: it queues runs and records which process executes each of them."""

from __future__ import annotations

import os
import re
import urllib.parse
from collections.abc import Mapping

BROKER_VARIABLE = "VWE_BROKER"
"""The environment variable with the URL of Redis; unset if one host does everything."""

DATABASE_VARIABLE = "VWE_DATABASE"
"""The environment variable with the URL of Postgres, which Dagster reads on every host."""

_SCHEMES = ("redis", "rediss")
_DATABASE = re.compile(r"(/[0-9]*)?")


class BrokerError(ValueError):
    """The URL of the broker is missing or invalid. The message contains a remedy."""


def broker_from_environment(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the URL of the broker; None if runs stay on this host.

    Raises:
        BrokerError: the variable is not the URL of a Redis server.
    """
    url = environ.get(BROKER_VARIABLE, "").strip()
    if not url:
        return None
    if not _is_url_of_redis(url):
        # The URL may have a password, so the message does not repeat it.
        raise BrokerError(
            f"{BROKER_VARIABLE} is not the URL of a Redis server; write it as redis://:PASSWORD@HOST:6379/0, "
            f"with a password of letters and digits."
        )
    return url


def required_broker(environ: Mapping[str, str] = os.environ) -> str:
    """Return the URL of the broker.

    Raises:
        BrokerError: the variable is not set, or is not the URL of a Redis server.
    """
    url = broker_from_environment(environ)
    if url is None:
        raise BrokerError(
            f"{BROKER_VARIABLE} is not set; set it to the Redis server of the center, "
            f"as in redis://:PASSWORD@HOST:6379/0."
        )
    return url


def _is_url_of_redis(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        # Without a valid number of a database, redis-py uses 0, and Celery fails.
        return parts.scheme in _SCHEMES and bool(parts.hostname and parts.port != 0 and _DATABASE.fullmatch(parts.path))
    except ValueError:
        return False
