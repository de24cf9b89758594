"""The host names that the environment adds to those of loopback."""

from __future__ import annotations

import pytest

from vwe_dagster.config.hosts import HostsError, allowed_hosts


def test_host_names_are_separated_by_spaces_or_commas() -> None:
    assert allowed_hosts({}) == ()
    assert allowed_hosts({"VWE_ALLOWED_HOSTS": " "}) == ()
    hosts = allowed_hosts({"VWE_ALLOWED_HOSTS": "dagster.example, 10.0.0.2  [fd00::1]"})
    assert hosts == ("dagster.example", "10.0.0.2", "[fd00::1]")


@pytest.mark.parametrize("entry", ["*", "*.example", "a:80", "http://a", "fd00::1", "a/b", "ä.example"])
def test_entry_that_is_not_a_name_is_rejected(entry: str) -> None:
    with pytest.raises(HostsError, match="is not a host name"):
        allowed_hosts({"VWE_ALLOWED_HOSTS": f"good.example {entry}"})
