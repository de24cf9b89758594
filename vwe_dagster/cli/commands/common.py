"""What the commands share: exit codes, errors, the way seeds are named, and what is registered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from vwe_dagster.cli.console import notices, say
from vwe_dagster.config.home import Home
from vwe_dagster.seeds.lists import SeedList, SeedListError, read_seed_list
from vwe_dagster.seeds.lookalikes import LookAlikes, parse_keys
from vwe_dagster.seeds.seed import Seed, SeedError, parse_seed

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
"""Exit codes besides 0."""

SHOWN_SINGLY = 10
"""Number of seeds up to which a command reports each by itself."""

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


def registered(home: Home) -> list[str]:
    """The registered partition keys; none where the instance has never been used."""
    if not home.instance.is_dir():
        return []
    from vwe_dagster.instance.seed_runs import open_instance  # noqa: PLC0415

    with open_instance(home) as instance:
        return list(instance.keys())


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return `` Did you mean ...?`` if known keys differ from a text only in case, else an empty text."""
    meant = [key for key in known if key.casefold() == text.casefold() and key != text]
    return f" Did you mean {' or '.join(meant)}? Capitals matter." if meant else ""


def remark(seeds: Iterable[Seed], keys: Iterable[str]) -> None:
    """Print a remark for each registered seed that a user may mistake for one of these."""
    look_alikes = LookAlikes(parse_keys(keys))
    for sentence in dict.fromkeys(sentence for seed in seeds for sentence in look_alikes.remarks(seed)):
        say(notices(), sentence)
