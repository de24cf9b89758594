"""The layout of the project: which rooms import Dagster, how modules are named, where tests are."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "vwe_dagster"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

ROOMS_WITH_DAGSTER = ("defs", "instance")
TEST_FOLDERS_WITHOUT_A_ROOM = ("deploy", "project", "ui", "valheim")


def imported(tree: ast.AST) -> Iterator[str]:
    """Return the absolute name of every module that a module imports, at its top or within a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def uses_dagster(source: str) -> bool:
    """Return whether a module imports Dagster or one of its libraries."""
    roots = {name.partition(".")[0] for name in imported(ast.parse(source))}
    return any(root == "dagster" or root.startswith("dagster_") for root in roots)


@pytest.mark.parametrize(
    ("source", "uses"),
    [
        ("import dagster as dg", True),
        ("def load():\n    from dagster._core.storage import runs", True),
        ("import json, dagster_docker.utils", True),
        ("from vwe_dagster.defs import build", False),
        ("import dagsters", False),
    ],
)
def test_imports_of_dagster_are_found_wherever_they_are(source: str, uses: bool) -> None:
    assert uses_dagster(source) == uses


def test_only_defs_and_instance_import_dagster() -> None:
    with_dagster = [path for path in MODULES if uses_dagster((PACKAGE / path).read_text(encoding="utf-8"))]
    assert {path.parts[0] for path in with_dagster} >= set(ROOMS_WITH_DAGSTER)
    outside = [path for path in with_dagster if path.parts[0] not in {*ROOMS_WITH_DAGSTER, "definitions.py"}]
    assert outside == []


def test_no_module_name_is_used_more_than_twice() -> None:
    exempt = (Path("defs"), Path("cli/commands"))
    named = [path for path in MODULES if path.stem not in {"__init__", "__main__"}]
    counted = Counter(path.name for path in named if not any(path.is_relative_to(folder) for folder in exempt))
    repeated = {name: [str(path) for path in named if path.name == name] for name in counted if counted[name] > 2}
    assert repeated == {}


def test_test_folders_mirror_the_rooms() -> None:
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")} - {Path()}
    assert len(folders) > 20
    strays = [
        path for path in folders if str(path) not in TEST_FOLDERS_WITHOUT_A_ROOM and not (PACKAGE / path).is_dir()
    ]
    assert strays == []
