"""Install the packages of a requirements file into the virtual environment of the project.

The Makefile runs this with the Python of the system, so it imports the standard library only. uv installs the packages
in a few seconds, pip in about a minute; every file must have one of the hashes of the requirements file. pip is the
fallback if uv cannot be fetched or fails, such as with an index that only pip is configured for.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
_PACKAGE = re.compile(r"^([\w.-]+)==", re.MULTILINE)
_COLLECTING = re.compile(r"Collecting ([\w.-]+)==(\S+)")
_HASHED = ("--no-deps", "--require-hashes", "--requirement")
_PROJECT = ("--no-deps", "--no-build-isolation", "--editable", str(FOLDER.parent))
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")


class InstallError(RuntimeError):
    """The packages could not be installed. The message contains a remedy."""


def main(folder: Path, name: str) -> None:
    """Create the virtual environment if necessary; install a requirements file and the project.

    Args:
        folder: the virtual environment.
        name: the name of the requirements file in this folder, without ``.txt``.

    Raises:
        InstallError: uv and pip failed, or Python's module venv is missing.
    """
    requirements = FOLDER / f"{name}.txt"
    count = len(_PACKAGE.findall(requirements.read_text(encoding="utf-8")))
    python = _environment(folder)
    uv = shutil.which("uv") or _fetched_uv(folder, python)
    if uv is not None:
        _report(f"Installing {count} Python packages into {folder} with uv")
        install = (uv, "pip", "install", "--python", python)
        # uv shows progress bars on a terminal.
        quiet = () if sys.stderr.isatty() else ("--quiet",)
        if _succeeds(*install, *quiet, *_HASHED, str(requirements)) and _succeeds(*install, "--quiet", *_PROJECT):
            shutil.rmtree(folder / "uv", ignore_errors=True)
            return
        _report("uv cannot install the packages; pip tries again")
    _install_with_pip(python, requirements, count)


def _environment(folder: Path) -> str:
    """Return the Python of the virtual environment, which has pip; an incomplete environment is created again.

    Raises:
        InstallError: Python's module venv is missing.
    """
    python = str(folder / "bin" / "python")
    if _succeeds(python, "-m", "pip", "--version", quiet=True):
        return python
    _report(f"Creating a virtual environment in {folder}")
    try:
        venv.create(folder, clear=True, symlinks=True, with_pip=True)
    except (ImportError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise InstallError("Python's venv module is missing; on Debian: apt install python3-venv") from error
    return python


def _fetched_uv(folder: Path, python: str) -> str | None:
    """Install uv into a subfolder of the virtual environment; return its path, or None if that fails."""
    _report("Fetching uv, which installs packages faster than pip")
    target = ("--quiet", "--target", str(folder / "uv"), "--upgrade")
    if _succeeds(python, *_PIP, *target, *_HASHED, str(FOLDER / "uv.txt"), quiet=True):
        return str(folder / "uv" / "bin" / "uv")
    return None


def _install_with_pip(python: str, requirements: Path, count: int) -> None:
    """Install a requirements file and the project with pip; report each package.

    Raises:
        InstallError: pip failed.
    """
    _report(f"Installing {count} Python packages with pip, which takes about a minute")
    command = (python, *_PIP, *_HASHED, str(requirements))
    number, tail = 0, list[str]()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pip:  # noqa: S603
        for line in pip.stdout or ():
            tail = [*tail[-9:], line]
            if collecting := _COLLECTING.match(line):
                number += 1
                _report(f"  {number} of {count}: {collecting[1]} {collecting[2]}")
            elif line.startswith("Installing"):
                _report("  all packages are downloaded; unpacking them")
    if pip.returncode:
        raise InstallError(
            "".join(tail) + "pip failed with the errors above; correct their cause, then run the command again."
        )
    if not _succeeds(python, *_PIP, "--quiet", *_PROJECT):
        raise InstallError("pip cannot install the project itself; its errors are above.")


def _succeeds(*command: str, quiet: bool = False) -> bool:
    output = subprocess.DEVNULL if quiet else None
    try:
        return subprocess.run(command, stdout=output, stderr=output, check=False).returncode == 0  # noqa: S603
    except OSError:
        return False


def _report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _run(arguments: Sequence[str]) -> int:
    try:
        main(Path(arguments[0]), arguments[1])
    except InstallError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
