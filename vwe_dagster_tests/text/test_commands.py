"""A shell splits printed commands into the intended arguments, and no message builds a command itself."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import vwe_dagster
from vwe_dagster.text.commands import vwe_command

PACKAGE = Path(vwe_dagster.__file__).parent
ARGUMENTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
COMMANDS = "world|seeds?|show|find|export|tiles|import|ui|serve|pool|engine|metrics|purge|bench"
UNQUOTED = re.compile(rf"(?:^|[\s:'\"`(])(?:vwe (?:{COMMANDS})|pip install|docker) [^;.]*\0")


def split_by_shell(command: str) -> list[str]:
    """Return the arguments that bash passes to ``vwe``."""
    script = f"vwe() {{ printf '%s\\0' \"$@\"; }}\n{command}"
    printed = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    return printed.decode("utf-8", "surrogateescape").split("\0")[:-1]


@settings(max_examples=60)
@given(st.lists(ARGUMENTS, min_size=1, max_size=4))
@example(["good one"])
@example(["", "it's", "a;b", "$(id)", "`id`", "line\nbreak", "tab\tbell\x07", "~", "*", "!", "ä", "back\\slash"])
@example(["-abc", "--", "x"])
def test_shell_splits_a_printed_command_into_its_arguments(operands: list[str]) -> None:
    separator = ["--"] if any(operand.startswith("-") for operand in operands) else []
    command = vwe_command("seeds", "remove", operands=operands)
    assert split_by_shell(command) == ["seeds", "remove", *separator, *operands]
    assert command.isprintable()


def test_nul_cannot_be_an_argument() -> None:
    with pytest.raises(ValueError, match="NUL"):
        vwe_command("world", operands=["a\0b"])


def test_no_message_builds_a_command_without_quoting() -> None:
    built = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
                if UNQUOTED.search(text):
                    built.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert built == []


@pytest.mark.parametrize(
    ("started", "in_path", "shown"),
    [(".venv/bin/vwe", False, ".venv/bin/vwe"), (".venv/bin/vwe", True, "vwe"), ("pytest", False, "vwe")],
)
def test_printed_command_starts_the_program_that_is_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str, in_path: bool, shown: str
) -> None:
    program = tmp_path / ".venv" / "bin" / "vwe"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(program.parent) if in_path else "/usr/bin:/bin")
    monkeypatch.setattr(sys, "argv", [started, "world"])
    assert vwe_command("serve", "--open") == f"{shown} serve --open"
