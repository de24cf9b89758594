"""The commands ``vwe worker`` and ``vwe hosts``: work for a center on this host, and list the hosts."""

from __future__ import annotations

import importlib.util
import logging
import platform
import re
from collections.abc import Callable
from typing import Annotated, TypeVar

import typer

from vwe_dagster.cli.commands.common import CommandError, InputError
from vwe_dagster.cli.console import notices, output, say
from vwe_dagster.cli.exit_codes import FAILED
from vwe_dagster.config.broker import BROKER_VARIABLE, required_broker
from vwe_dagster.config.extras import install_command
from vwe_dagster.config.home import Home, find_checkout, find_home

Result = TypeVar("Result")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")
_REQUIRED_MODULES = ("celery", "dagster_celery", "redis")
DEFAULT_SLOTS = 1


def worker(
    *,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The name of this host; by default that of the machine.")
    ] = None,
    slots: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Runs to execute concurrently.")] = (
        DEFAULT_SLOTS
    ),
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Only check the data folder and the database on this host, and print the results."
        ),
    ] = False,
) -> None:
    """Execute runs of the center on this host. SIGTERM or Ctrl-C ends the worker after its runs in progress.

    VWE_BROKER and VWE_DATABASE name the Redis and the Postgres server of the center. The data folder must be
    that of the center; pools and engines belong to this host.
    """
    home, broker, host = find_home(), required_broker(), _host_name(name)
    _check_packages()
    if check:
        _print_checks(home, broker, host)
        return
    # Loading Celery takes longer than running most other commands.
    from vwe_dagster.hosts.shared_data import SharedDataError, watch_data  # noqa: PLC0415
    from vwe_dagster.hosts.worker import Worker, WorkerError  # noqa: PLC0415

    home.prepare_instance()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Celery sets the level of the root logger.
    logging.getLogger("vwe_dagster").setLevel(logging.INFO)
    say(notices(), f"Waiting for the center to answer in the data folder {home.data}.")
    seconds = _check_data(broker, home, host)
    say(notices(), f"The data folder is the center's; it answered within {seconds:.1f} s.")
    _check_database(home)

    def report_start() -> None:
        say(notices(), f"The worker {host} takes up to {slots} runs at a time; SIGTERM or Ctrl-C drains it.", "green")

    try:
        _explained(lambda: Worker(host, slots, home, broker, watch_data(home.data)).run(report_start))
    except (WorkerError, SharedDataError) as error:
        raise CommandError(str(error)) from error


def hosts(
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the workers of all hosts, with their slots, pools and runs, and the runs that wait."""
    broker = required_broker()
    _check_packages()
    from vwe_dagster.cli.hosts_view import hosts_as_json, hosts_view  # noqa: PLC0415
    from vwe_dagster.hosts.overview import read_overview  # noqa: PLC0415
    from vwe_dagster.hosts.redis_connection import connect  # noqa: PLC0415

    with connect(broker) as server:
        overview = _explained(lambda: read_overview(server))
    if json:
        say(output(), hosts_as_json(overview))
    else:
        output().print(hosts_view(overview))


def _host_name(name: str | None) -> str:
    host = platform.node().partition(".")[0].lower() if name is None else name
    if not _NAME.fullmatch(host):
        raise InputError(
            f"{host!r} is not a valid name of a host; use 1 to 31 lowercase letters, digits and '-', with --name."
        )
    return host


def _check_packages() -> None:
    missing = [module for module in _REQUIRED_MODULES if importlib.util.find_spec(module) is None]
    if missing:
        raise CommandError(
            f"This command needs the packages {', '.join(missing)}, which are not installed; "
            f"install them with: {install_command('hosts', find_checkout())}"
        )


def _check_data(broker: str, home: Home, host: str) -> float:
    from vwe_dagster.hosts.redis_connection import connect  # noqa: PLC0415
    from vwe_dagster.hosts.shared_data import SharedDataError, check_shared_data  # noqa: PLC0415

    with connect(broker) as server:
        try:
            return _explained(lambda: check_shared_data(server, home.data, host))
        except SharedDataError as error:
            raise CommandError(str(error)) from error


def _check_database(home: Home) -> None:
    """Check the database of the center, unless the user set an instance of Dagster with a database of its own.

    Raises:
        CommandError: the database cannot be used.
    """
    from vwe_dagster.hosts.database import DatabaseError, check_database  # noqa: PLC0415

    if not home.own_instance:
        return
    try:
        check_database()
    except DatabaseError as error:
        raise CommandError(str(error)) from error


def _print_checks(home: Home, broker: str, host: str) -> None:
    """Print the results of all checks of the data folder and of the center.

    Raises:
        Exit: a required check failed.
    """
    from vwe_dagster.cli.hosts_view import checks_view  # noqa: PLC0415
    from vwe_dagster.hosts.mount_checks import MountCheck, mount_checks  # noqa: PLC0415

    try:
        checks = list(mount_checks(home.data))
    except OSError as error:
        raise CommandError(
            f"The data folder {home.data} cannot be written ({error.strerror}); mount the center's data folder there."
        ) from error
    try:
        detail, passed = f"answered within {_check_data(broker, home, host):.1f} s", True
    except CommandError as error:
        detail, passed = str(error), False
    checks.append(MountCheck("the center sees files and locks", passed, required=True, detail=detail))
    try:
        _check_database(home)
        detail, passed = "has the runs of the center", True
    except CommandError as error:
        detail, passed = str(error), False
    checks.append(MountCheck("the database of the center", passed, required=True, detail=detail))
    output().print(checks_view(checks))
    if not all(one.passed for one in checks if one.required):
        raise typer.Exit(FAILED)


def _explained(call: Callable[[], Result]) -> Result:
    """Return the result of a function that uses Redis.

    Raises:
        CommandError: the server does not answer, or rejects the password or a command.
    """
    import redis  # noqa: PLC0415

    try:
        return call()
    except redis.AuthenticationError as error:
        raise CommandError(
            f"The Redis server of the center rejects the password in {BROKER_VARIABLE} ({error}); "
            f"use the password of requirepass in its redis.conf, as in redis://:PASSWORD@HOST:6379/0."
        ) from error
    except redis.ResponseError as error:
        raise CommandError(
            f"The Redis server of the center rejects a command ({error}); check the number of the database at the end "
            f"of {BROKER_VARIABLE}, and the server."
        ) from error
    except redis.RedisError as error:
        raise CommandError(
            f"The Redis server of the center does not answer ({error}); check {BROKER_VARIABLE} and the network."
        ) from error
