"""Connections to the Redis server of the center, and its clock."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from vwe_dagster.config.broker import BROKER_VARIABLE, BrokerError

TIMEOUT_S = 5.0
"""Seconds that a connection or an answer may take; callers repeat the commands that must succeed."""


def connect(url: str) -> redis.Redis:
    """Return a client that connects at its first command, and again after each lost connection.

    Raises:
        BrokerError: the URL has an option that the client does not know.
    """
    try:
        client = redis.Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            # A pooled connection that Redis closed while it restarted is replaced within the command.
            retry=Retry(NoBackoff(), 1),
            retry_on_error=[redis.ConnectionError],
        )
        # Creates a connection without opening it, which checks the options.
        client.connection_pool.make_connection()
    except (TypeError, ValueError) as error:
        raise BrokerError(
            f"The URL in {BROKER_VARIABLE} has an invalid option after the question mark ({error}); "
            f"remove or correct it."
        ) from error
    return client


def server_time(server: redis.Redis) -> float:
    """Return the clock of the server in seconds since 1970; the clocks of hosts may differ."""
    seconds, microseconds = server.time()
    return seconds + microseconds / 1e6
