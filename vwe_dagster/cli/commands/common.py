"""What the commands share: exit codes, errors, the way seeds are named, and what is registered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import Home
from vwe_dagster.seeds.lookalikes import parse_catalog, remarks
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
"""Exit codes besides 0."""

SeedTexts = Annotated[
    list[str], typer.Argument(metavar="SEED...", help="Seeds as typed in the game, or @ and an integer.")
]
SeedText = Annotated[str, typer.Argument(metavar="SEED", help="A seed as typed in the game, or @ and an integer.")]


class CommandError(RuntimeError):
    """A command that cannot do what it was asked for; the message is a sentence that says why."""


class InputError(ValueError):
    """A command, or a setting it reads, that is wrong; the message is a sentence that says how to mend it."""


def parse_seeds(texts: Sequence[str]) -> list[Seed]:
    """The seeds, each once, in the order given.

    Raises:
        SeedError: some are none; the message tells of every one.
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


def registered(home: Home) -> list[str]:
    """The registered partition keys; none where the instance has never been used."""
    if not home.instance.is_dir():
        return []
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    with open_instance(home) as instance:
        return list(instance.keys())


def remark(seeds: Iterable[Seed], keys: Iterable[str]) -> None:
    """Says what is to be known of seeds that look like others of the catalog."""
    catalog = parse_catalog(keys)
    for sentence in dict.fromkeys(sentence for seed in seeds for sentence in remarks(seed, catalog)):
        say(notices(), sentence)
