"""The host names that requests to this machine's servers may contain."""

from __future__ import annotations

import os
from collections.abc import Mapping

from vwe_dagster.web.hosts import is_host_name

HOSTS_VARIABLE = "VWE_ALLOWED_HOSTS"
"""The environment variable with host names in addition to those of loopback, separated by spaces or commas."""


class HostsError(ValueError):
    """A list of host names is invalid. The message names the entry."""


def allowed_hosts(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the host names that the environment adds to those of loopback.

    Raises:
        HostsError: an entry is not a host name; ports and patterns are not allowed.
    """
    hosts = tuple(environ.get(HOSTS_VARIABLE, "").replace(",", " ").split())
    for host in hosts:
        if not is_host_name(host):
            raise HostsError(
                f"{HOSTS_VARIABLE} contains {host!r}, which is not a host name; "
                "list names or addresses without a port, as in: dagster.example [fd00::1]"
            )
    return hosts
