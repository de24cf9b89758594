"""Addresses on which a server of the command line cannot listen."""

from __future__ import annotations

import socket

import pytest

from vwe_dagster.cli.commands.common import CommandError
from vwe_dagster.cli.commands.web import listen


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_address_of_no_interface_is_not_blamed_on_the_port(host: str) -> None:
    with pytest.raises(
        CommandError, match=rf"{host} \([^()]+\); choose an address of this machine, such as 127\.0\.0\.1"
    ):
        listen(host, 0, command=("metrics", "serve"))


def test_port_in_use_is_reported_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=rf"{port} \([^()]+\); choose another port, as in: vwe serve --port \d+"):
            listen("127.0.0.1", port, command=("serve",))
