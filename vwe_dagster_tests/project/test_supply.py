"""The supply chain: every package that is installed has an exact version, and the hashes of its files."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "requirements"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BLOCK = re.compile(r"^[A-Za-z0-9._-]+(?:\[.*\])?==[^ ;]+.*\\$(?P<hashes>(?:\n    --hash=\S+(?: \\)?)+)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}( \\)?")
SETS = {
    "runtime": PROJECT["dependencies"],
    "dev": [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]],
    "deploy": [
        *PROJECT["dependencies"],
        *PROJECT["optional-dependencies"]["deploy"],
        *PROJECT["optional-dependencies"]["formats"],
    ],
    "engine": (ROOT / "deploy" / "engine" / "requirements.txt").read_text().splitlines(),
    "supply": (FOLDER / "supply.in").read_text().splitlines(),
    "uv": (FOLDER / "uv.in").read_text().splitlines(),
}
INSTALLERS = [ROOT / "Makefile", *(ROOT / "deploy" / folder / "Dockerfile" for folder in ("dagster", "engine"))]


def requirements(lines: Iterable[str]) -> list[Requirement]:
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pins(text: str) -> dict[str, str]:
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^ ;\n]+)", text, re.MULTILINE)
    }


def test_every_set_has_a_file() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == SETS.keys()


@pytest.mark.parametrize("name", SETS)
def test_every_package_has_hashes_and_no_host(name: str) -> None:
    text = (FOLDER / f"{name}.txt").read_text()
    blocks = list(BLOCK.finditer(text))
    assert "".join(f"{match[0]}\n" for match in blocks) == text
    for match in blocks:
        assert all(HASH.fullmatch(line.strip()) for line in match["hashes"].strip().splitlines())


@pytest.mark.parametrize("name", SETS)
def test_file_has_the_packages_that_are_asked_for_in_the_tested_versions(name: str) -> None:
    """`make lock` writes the files; run it after a change of pyproject.toml or constraints.txt."""
    locked = pins((FOLDER / f"{name}.txt").read_text())
    own = canonicalize_name(PROJECT["name"])
    for requirement in requirements(SETS[name]):
        if requirement.name != own:
            assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement
    tested = pins((ROOT / "constraints.txt").read_text())
    assert {package: version for package, version in locked.items() if tested.get(package, version) != version} == {}


@pytest.mark.parametrize("path", INSTALLERS, ids=lambda path: path.parent.name)
def test_nothing_is_installed_without_hashes(path: Path) -> None:
    text = path.read_text().replace("\\\n", " ").replace("$(PIP_INSTALL)", "-m pip install --no-deps")
    commands = [command for command in re.split(r"\n|&&|;", text) if "pip install" in command and ":=" not in command]
    assert commands
    for command in commands:
        assert "--no-deps" in command
        assert ("--require-hashes" in command) != ("--no-build-isolation" in command)
