"""The names under which the servers of this machine may be addressed."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vwe_dagster.web.hosts import is_host_name

HOSTS_VARIABLE = "VWE_ALLOWED_HOSTS"
"""The environment variable that lists names besides those of loopback, separated by spaces or commas."""


class HostsError(ValueError):
    """A list of hosts that cannot be used; the message names the entry."""


def allowed_hosts(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the names that the environment adds to those of loopback.

    Raises:
        HostsError: an entry is not a host name; ports and patterns are not allowed.
    """
    hosts = tuple(environ.get(HOSTS_VARIABLE, "").replace(",", " ").split())
    for host in hosts:
        if not is_host_name(host):
            raise HostsError(
                f"{HOSTS_VARIABLE} has {host!r}, which is not a host name; "
                "write names or addresses without a port, as in: dagster.example [fd00::1]"
            )
    return hosts
