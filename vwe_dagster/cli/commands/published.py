"""The option ``--from``: read published worlds and surveys from object storage."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.commands.common import SHOWN_SINGLY, CommandError, suggestion
from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.extras import install_command
from vwe_dagster.config.home import find_checkout
from vwe_dagster.config.object_storage import cache_bytes, storage_address
from vwe_dagster.store import WorldStore
from vwe_dagster.text.commands import vwe_command

if TYPE_CHECKING:
    from vwe_dagster.config.home import Home
    from vwe_dagster.exporting.source import ExportSource
    from vwe_dagster.publishing.published_store import PublishedStore, RefreshResult

PublishedUrl = Annotated[
    str | None,
    typer.Option("--from", metavar="URL", help="Read published worlds from object storage, such as s3://bucket."),
]


def open_published(home: Home, url: str, *, survey: bool) -> PublishedStore:
    """Return the worlds at an address, after fetching their present manifests.

    Args:
        home: the home, which has the cache.
        url: the address.
        survey: whether to fetch the survey, too.

    Raises:
        ObjectStorageError: the address or a setting is invalid.
        CommandError: a package is missing.
        StoreError: the bucket cannot be used.
    """
    address, max_bytes = storage_address(url), cache_bytes()
    check_package()
    from vwe_dagster.publishing.bucket import Bucket  # noqa: PLC0415
    from vwe_dagster.publishing.published_store import PublishedStore  # noqa: PLC0415

    store = PublishedStore(Bucket(address), home.folder / ".vwe" / "published", max_bytes)
    with notices().status(f"fetching the list of worlds from {address}"):
        report_left_out(store.refresh())
        if survey:
            store.refresh_survey()
    return store


def store_of(home: Home, url: str | None) -> WorldStore:
    """Return the worlds at an address, or those of the data folder if there is none; see :func:`open_published`."""
    return WorldStore(home.data) if url is None else open_published(home, url, survey=False)


def check_published(worlds: Sequence[ExportSource], url: str) -> None:
    """Check that worlds are published at an address.

    Raises:
        CommandError: one is not.
    """
    missing = [source.seed.key for source in worlds if not source.is_built]
    if missing:
        known = [seed.key for seed in worlds[0].store.seeds()]
        raise CommandError(
            f"{url} does not have the world of {', '.join(missing)}.{suggestion(missing[0], known)} "
            f"Publish it from the machine that has it, with: {vwe_command('publish', operands=missing)}"
        )


def report_left_out(refreshed: RefreshResult) -> None:
    """Print why worlds cannot be read."""
    for sentence in refreshed.left_out[:SHOWN_SINGLY]:
        say(notices(), sentence, "yellow")
    more = len(refreshed.left_out) - SHOWN_SINGLY
    if more > 0:
        say(notices(), f"{more} more worlds cannot be read.", "yellow")


def check_package() -> None:
    """Check that the package for object storage is installed.

    Raises:
        CommandError: it is not installed.
    """
    if importlib.util.find_spec("obstore") is None:
        install = install_command("publish", find_checkout())
        raise CommandError(f"Object storage needs the package obstore; install it with: {install}")
