"""Paths and modules that configuration, scripts and documents name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_SUFFIXES = {".md", ".yaml", ".yml", ".sh", ".py", ".txt", ""}
_FOLDERS = ("vwe_dagster", "vwe_dagster_tests", "deploy", "docs")
_PATH = re.compile(rf"(?<![\w./<-])(?:{'|'.join(_FOLDERS)})/[\w./-]*\w")
_MODULE = re.compile(r"(?<![\w./-])vwe_dagster(?:\.(?!__)\w+)+")
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")

GENERATED = {"deploy/.env", "deploy/hosts/.env"}
"""Files that a target of the Makefile or the user writes."""

PLACEHOLDER = "NAME"

NAMING = sorted(
    path
    for path in (
        *(ROOT / name for name in ("Makefile", "dagster.yaml", "workspace.yaml", ".ci/run")),
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*"),
        *(path for path in (ROOT / "deploy").rglob("*") if "plugin" not in path.parts),
    )
    if path.is_file() and path.suffix in _SUFFIXES
)
"""Files whose text names paths of the project."""


def exists(module: str) -> bool:
    """Return whether a dotted name is a module, or a name in its module."""
    path, parts = ROOT, module.split(".")
    while parts and (path / parts[0]).is_dir():
        path /= parts.pop(0)
    source = path / (f"{parts.pop(0)}.py" if parts and (path / f"{parts[0]}.py").is_file() else "__init__.py")
    return source.is_file() and all(re.search(rf"\b{part}\b", source.read_text(encoding="utf-8")) for part in parts)


@pytest.mark.parametrize("file", NAMING, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_and_modules_that_a_file_names_exist(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    paths = {path for path in _PATH.findall(text) if PLACEHOLDER not in path} - GENERATED
    named = {path for path in paths if not (ROOT / path).exists()}
    modules = {module for module in _MODULE.findall(text) if not exists(module)}
    links = {link for link in _LINK.findall(text) if file.suffix == ".md" and not (file.parent / link).exists()}
    assert named | modules | links == set()


def test_something_is_named() -> None:
    """The patterns match real paths and modules."""
    text = "See `deploy/engine/Dockerfile`, vwe_dagster.cli.app.run and vwe_dagster.cli.nothing."
    assert _PATH.findall(text) == ["deploy/engine/Dockerfile"]
    assert [exists(module) for module in _MODULE.findall(text)] == [True, False]
    assert {ROOT / "deploy" / "compose.yaml", ROOT / ".ci" / "run", ROOT / "docs" / "how-to" / "deployment.md"} <= set(
        NAMING
    )
