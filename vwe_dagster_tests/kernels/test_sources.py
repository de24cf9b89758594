"""Exactly the files that a kernel's code depends on are found, for every form of import."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from vwe_dagster.kernels.sources import PACKAGE, imported_modules, source_files
from vwe_dagster_tests.kernels.copies import PackageCopy, copy_package

MODULES = sorted(PACKAGE.rglob("*.py"))
KERNELS = [path for path in MODULES if "kernels.compiling import" in path.read_text(encoding="utf-8")]


def names(paths: set[Path]) -> set[str]:
    return {str(path.relative_to(PACKAGE)) for path in paths}


def imports_of(module: Path) -> Iterator[Path]:
    """Return the package's modules that a module imports, according to Python's parser."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            dotted = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in dotted:
            if name.partition(".")[0] == PACKAGE.name:
                path = PACKAGE.parent.joinpath(*name.split("."))
                yield from (file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file())


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_import_of_the_package_is_found(module: Path) -> None:
    assert imported_modules(module.read_text(encoding="utf-8")) >= set(imports_of(module))


@pytest.mark.parametrize("module", KERNELS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_kernels_depend_exactly_on_the_imports_of_their_modules(module: Path) -> None:
    found, pending = set[Path](), [module]
    while pending:
        if (path := pending.pop()) not in found:
            found.add(path)
            pending += imports_of(path)
    data = {path for path in source_files(module) if path.suffix != ".py"}
    assert source_files(module) - data == found
    assert (PACKAGE / "worldgen/cell2d.csv" in data) == any(path.parent.name == "worldgen" for path in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from vwe_dagster.rendering.palette import PAPER", {"rendering/palette.py"}),
        ("from vwe_dagster.rendering import palette", {"rendering/__init__.py", "rendering/palette.py"}),
        (
            "from vwe_dagster.rendering import (\n    palette,  # colors (all)\n    shading as light,\n)",
            {"rendering/__init__.py", "rendering/palette.py", "rendering/shading.py"},
        ),
        ("from vwe_dagster.rendering \\\n    import palette", {"rendering/__init__.py", "rendering/palette.py"}),
        ("def f():\n    from vwe_dagster.world.grid import SEA_LEVEL_M", {"world/grid.py"}),
        (
            "if x: import vwe_dagster.world.grid as grid; import vwe_dagster.world.biomes",
            {"world/grid.py", "world/biomes.py"},
        ),
        ("import numpy, vwe_dagster.world.grid", {"world/grid.py"}),
        (
            "from vwe_dagster import rendering\nx = rendering.palette.PAPER",
            {"__init__.py", "rendering/__init__.py", "rendering/palette.py"},
        ),
        ("import vwe_dagster.rendering as r\nx = r.palette.PAPER", {"rendering/__init__.py", "rendering/palette.py"}),
        ("from vwe_dagster.files import *", {"files/__init__.py", "files/atomic.py", "files/bounded_read.py"}),
        ('"""See :mod:`vwe_dagster.world.grid`."""\nimport numpy', set()),
        ("from vwe_dagster_tests.world import grid", set()),
    ],
)
def test_import_is_found_in_every_form(text: str, expected: set[str]) -> None:
    assert names(imported_modules(text)) == expected


@pytest.fixture
def copied(tmp_path: Path) -> PackageCopy:
    return copy_package(tmp_path)


def digests(copied: PackageCopy) -> dict[str, str]:
    modules = [str(path.relative_to(PACKAGE)) for path in KERNELS]
    code = (
        "import json, vwe_dagster.kernels.sources as sources\n"
        f"print(json.dumps({{name: sources.sources_digest(sources.PACKAGE / name) for name in {modules}}}))"
    )
    run = copied.run("-c", code)
    assert run.returncode == 0, run.stderr
    read: dict[str, str] = json.loads(run.stdout)
    return read


def test_edit_changes_only_the_digests_of_dependent_kernels(copied: PackageCopy) -> None:
    original = digests(copied)
    for module in ("cli/app.py", "site/server.py", "engine/native.py"):
        (copied.package / module).write_text("EDITED = True\n")
    assert digests(copied) == original
    copied.edit("rendering/palette.py", "PAPER: Rgb = (240, 229, 203)", "PAPER: Rgb = (1, 2, 3)")
    recolored = digests(copied)
    changed = {name for name, digest in recolored.items() if digest != original[name]}
    assert changed == {"rendering/blank.py", "rendering/brush.py", "rendering/tile_styles.py"}
    with (copied.package / "worldgen/cell2d.csv").open("a") as table:
        table.write("\n")
    changed = {name for name, digest in digests(copied).items() if digest != recolored[name]}
    assert "worldgen/noise.py" in changed
    assert "rendering/brush.py" not in changed
