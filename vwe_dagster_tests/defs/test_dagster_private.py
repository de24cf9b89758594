"""Dagster's private names: each still exists, and one module imports them."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from packaging.requirements import Requirement

import vwe_dagster
from vwe_dagster.defs import dagster_private

PACKAGE = Path(vwe_dagster.__file__).parent
ROOT = PACKAGE.parent
PUBLIC_MODULES = {"dagster"}


def imported_from_dagster(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for each name that a file imports from a module below ``dagster``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.module, alias.name) for alias in node.names if is_private(node.module, alias.name))
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if is_private(alias.name, ""))


def is_private(module: str, name: str) -> bool:
    inside = module == "dagster" or module.startswith("dagster.")
    return inside and (module not in PUBLIC_MODULES or name.startswith("_"))


PRIVATE_NAMES = sorted(imported_from_dagster(Path(dagster_private.__file__)))


@pytest.mark.parametrize(("module", "name"), PRIVATE_NAMES, ids=[".".join(each) for each in PRIVATE_NAMES])
def test_private_name_exists_in_the_installed_dagster(module: str, name: str) -> None:
    version = importlib.metadata.version("dagster")
    assert hasattr(importlib.import_module(module), name), f"Dagster {version} has no {name} in {module}"


def test_run_launchers_have_an_instance() -> None:
    assert hasattr(dg.DefaultRunLauncher, "_instance")


def test_one_module_imports_private_names() -> None:
    importers = {path for path in PACKAGE.rglob("*.py") if any(imported_from_dagster(path))}
    assert importers == {Path(dagster_private.__file__)}


def test_every_private_name_is_used() -> None:
    others = [path.read_text() for path in PACKAGE.rglob("*.py") if path != Path(dagster_private.__file__)]
    assert [name for _, name in PRIVATE_NAMES if not any(name in text for text in others)] == []


def test_names_were_checked_in_the_pinned_release() -> None:
    pin = re.search(r"^dagster==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert pin is not None
    assert pin[1] == dagster_private.READ_IN


def test_the_next_minor_release_of_dagster_is_excluded() -> None:
    dependencies = map(Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    (specifier,) = (dependency.specifier for dependency in dependencies if dependency.name == "dagster")
    major, minor, _ = dagster_private.READ_IN.split(".")
    assert specifier.contains(dagster_private.READ_IN)
    assert not specifier.contains(f"{major}.{int(minor) + 1}.0")
