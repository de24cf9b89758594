"""Commands that are printed for copying, quoted for a shell."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable

PROGRAM = "vwe"


def vwe_command(*words: str, operands: Iterable[str] = ()) -> str:
    """Return a command line of ``vwe`` that a POSIX shell splits into exactly these arguments.

    A ``vwe`` that was started by its path, as ``.venv/bin/vwe``, and that ``PATH`` does not find, keeps its path.

    Args:
        words: subcommands and options.
        operands: seeds and other arguments; behind ``--`` if one of them begins with ``-``.

    Raises:
        ValueError: an argument contains NUL, which a command line cannot contain.
    """
    operands = list(operands)
    separator = ["--"] if any(operand.startswith("-") for operand in operands) else []
    return command_line(_program(sys.argv[0]), *words, *separator, *operands)


def command_line(*arguments: str) -> str:
    """Return a command line that a POSIX shell splits into exactly these arguments.

    Raises:
        ValueError: an argument contains NUL, which a command line cannot contain.
    """
    return " ".join(map(_quoted, arguments))


def _program(started: str) -> str:
    """Return the name or path with which a shell starts this program.

    Args:
        started: the path of the running program; that of another program means the name ``vwe``.
    """
    found = shutil.which(PROGRAM)
    if os.path.basename(started) != PROGRAM or os.sep not in started or not os.path.isfile(started):  # noqa: PTH113, PTH119
        return PROGRAM
    return PROGRAM if found is not None and os.path.samefile(found, started) else started  # noqa: PTH121


def _quoted(argument: str) -> str:
    """Quote an argument; control characters become octal escapes (``$'...'``), since terminals interpret them."""
    if "\0" in argument:
        raise ValueError(f"{argument!r} contains NUL and cannot be an argument")
    if argument.isprintable():
        return shlex.quote(argument)
    return f"$'{''.join(map(_escaped, argument))}'"


def _escaped(character: str) -> str:
    if character in "'\\":
        return f"\\{character}"
    if character.isprintable():
        return character
    return "".join(f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape"))
