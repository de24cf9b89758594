"""Editable copies of the package, processes that use them, and copies of compiled kernels."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from vwe_dagster.kernels.cache import cache_folder
from vwe_dagster.kernels.sources import PACKAGE

CACHE_VARIABLES = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME", "VWE_HOME", "TMPDIR")


@dataclasses.dataclass(frozen=True)
class PackageCopy:
    """A copy of the package.

    Attributes:
        package: the folder of the package; its parent is on the path of the processes.
    """

    package: Path

    def edit(self, module: str, old: str, new: str) -> None:
        """Replace text in a module, named by its path below the package."""
        path = self.package / module
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} is not in {module} exactly once"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def run(
        self, *arguments: str, prefix: Sequence[str] = (), environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python with the copy as its package.

        Args:
            arguments: the arguments of Python.
            prefix: a command that starts Python.
            environment: the process's variables for caches and homes; all others of this kind are removed.
        """
        inherited = {name: value for name, value in os.environ.items() if name not in CACHE_VARIABLES}
        return subprocess.run(
            [*prefix, sys.executable, "-B", *arguments],
            env={**inherited, **(environment or {}), "PYTHONPATH": str(self.package.parent)},
            cwd=self.package.parent,
            capture_output=True,
            text=True,
            check=False,
        )


def copy_package(folder: Path) -> PackageCopy:
    """Copy the package and the files that a home needs into a folder."""
    package = folder / PACKAGE.name
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dagster.yaml", "workspace.yaml"):
        if (beside := PACKAGE.parent / name).is_file():
            shutil.copy(beside, folder)
    return PackageCopy(package)


def copy_machine_code(folder: Path, *, leave_out: str) -> None:
    """Copy the compiled kernels of this version, except files that match a pattern.

    Args:
        folder: the new cache.
        leave_out: the pattern of file names to skip.
    """
    for module in PACKAGE.rglob("*.py"):
        if "kernels.compiling import" in module.read_text(encoding="utf-8") or module.name == "compiling.py":
            compiled = cache_folder(module)
            assert compiled is not None
            shutil.copytree(compiled, folder / compiled.name, ignore=shutil.ignore_patterns(leave_out))
