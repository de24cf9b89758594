"""Parts that the commands share: errors, seed arguments, and the registered partition keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import Home
from vwe_dagster.seeds.lists import SeedList, SeedListError, read_seed_list
from vwe_dagster.seeds.lookalikes import LookAlikes, parse_keys
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed

if TYPE_CHECKING:
    from vwe_dagster.locations.location_table import LocationTable

SHOWN_SINGLY = 10
"""Maximum number of seeds that a command reports one by one."""

SeedTexts = Annotated[
    list[str], typer.Argument(metavar="SEED...", help="Seeds as typed in the game, or @ and an integer.")
]
OptionalSeedTexts = Annotated[
    list[str] | None, typer.Argument(metavar="[SEED]...", help="Seeds as typed in the game, or @ and an integer.")
]
SeedText = Annotated[str, typer.Argument(metavar="SEED", help="A seed as typed in the game, or @ and an integer.")]

DEFAULT_ROWS = 20
"""Number of rows that a table shows by default."""

Limit = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help=f"Show at most N rows; the default is {DEFAULT_ROWS}, or all with --json or --csv."
    ),
]
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV.")]


class CommandError(RuntimeError):
    """A command failed; the message is one or more sentences with the reason."""


class InputError(ValueError):
    """A command, or a setting that it reads, is invalid; the message includes how to correct it."""


def parse_seeds(texts: Sequence[str]) -> list[Seed]:
    """Return the seeds without duplicates, in the given order.

    Raises:
        SeedError: some texts are not seeds; the message has a line for each.
    """
    seeds, faults = [], []
    for text in dict.fromkeys(texts):
        try:
            seeds.append(parse_seed(text))
        except SeedError as error:
            faults.append(str(error))
    if faults:
        raise SeedError("\n".join(faults))
    return seeds


def read_valid_list(path: Path) -> SeedList:
    """Read a seed list in which every entry is a seed.

    Raises:
        SeedListError: the file is not a seed list, or has entries that are not seeds.
    """
    seed_list = read_seed_list(path)
    if seed_list.rejected:
        faults = [f"{entry.place}: {entry.reason}" for entry in seed_list.rejected]
        summary = f"{path} has entries that are not seeds; correct them, then run the command again."
        raise SeedListError("\n".join([summary, *faults]))
    return seed_list


def registered_keys(home: Home) -> list[str]:
    """Return the registered partition keys; an empty list if the instance has never been used."""
    if not home.instance.is_dir():
        return []
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    with open_instance(home) as instance:
        return list(instance.keys())


def own_location_table() -> LocationTable | None:
    """Return the location table that the environment names and that worlds are built with; None for the default.

    Raises:
        InputError: the file is not a location table, or is one of other versions of the game.
    """
    from vwe_dagster.config.location_table import location_table_from_environment  # noqa: PLC0415
    from vwe_dagster.exporting.source import NATIVE_GAME_VERSION  # noqa: PLC0415
    from vwe_dagster.locations.location_table import LocationTableError  # noqa: PLC0415

    try:
        return location_table_from_environment(NATIVE_GAME_VERSION)
    except LocationTableError as error:
        raise InputError(str(error)) from error


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return `` Did you mean ...?`` if known keys differ from a text only in case, else an empty string."""
    meant = [key for key in known if key.casefold() == text.casefold() and key != text]
    return f" Did you mean {' or '.join(meant)}? Capitals matter." if meant else ""


def print_remarks(seeds: Iterable[Seed], keys: Iterable[str]) -> None:
    """Print a remark for each key that a user may mistake for one of the seeds."""
    look_alikes = LookAlikes(parse_keys(keys))
    for sentence in dict.fromkeys(sentence for seed in seeds for sentence in look_alikes.remarks(seed)):
        say(notices(), sentence)
