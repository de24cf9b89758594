"""The help of every command: its examples are valid, and its paragraphs are wrapped once."""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import shlex
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from vwe_dagster.cli.app import app
from vwe_dagster.cli.commands.purge import parse_age
from vwe_dagster.cli.examples import EXAMPLES

GROUP = typer.main.get_command(app)
RUNNER = CliRunner(env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})


def leaves(command: Any, path: str = "") -> dict[str, Any]:
    """Return the commands without subcommands, by their words."""
    commands = getattr(command, "commands", None)
    if commands is None:
        return {path.strip(): command}
    return {name: leaf for word, sub in commands.items() for name, leaf in leaves(sub, f"{path} {word}").items()}


COMMANDS = leaves(GROUP)


def test_every_command_has_examples() -> None:
    assert set(EXAMPLES) == set(COMMANDS)


@pytest.mark.parametrize(("name", "line"), [(name, line) for name, lines in EXAMPLES.items() for line in lines])
def test_example_is_a_valid_command_line(name: str, line: str) -> None:
    words = shlex.split(line.partition(" | ")[0])
    assert words[: len(name.split()) + 1] == ["vwe", *name.split()]
    arguments = words[len(name.split()) + 1 :]
    context = COMMANDS[name].make_context(name, arguments)
    assert context.args == []
    if "older_than" in context.params:
        parse_age(context.params["older_than"])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_examples_and_wraps_paragraphs_once(name: str) -> None:
    shown = RUNNER.invoke(app, [*name.split(), "--help"]).stdout
    for line in EXAMPLES[name]:
        assert " ".join(line.split()[:4]) in " ".join(shown.split())
    for paragraph in re.split(r"\n\s*\n", shown.partition("╭")[0]):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        for line, following in itertools.pairwise(lines):
            is_usage = "Usage:" in line or following.startswith("[")
            assert is_usage or len(line) + 1 + len(following.split()[0]) > 70, (line, following)


def test_version_is_that_of_the_package() -> None:
    shown = RUNNER.invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, f"vwe {importlib.metadata.version('vwe-dagster')}\n")
