"""The definitions that Dagster loads; loading them starts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.kernels.garbage import NEW_OBJECTS

pytestmark = pytest.mark.slow

ASSETS = ["raw_export", "extracted", "processed", "renders"]
MODULES = (
    "vwe_dagster.cli.app",
    "vwe_dagster.pool.opening",
    "vwe_dagster.pool.due",
    "vwe_dagster.metrics.endpoint",
    "vwe_dagster.seeds.random",
    "vwe_dagster.store",
    "vwe_dagster.store.inbox",
    "vwe_dagster.catalog.table",
    "vwe_dagster.catalog.query",
    "vwe_dagster.instance.seed_runs",
)
"""Modules that load no kernels, in an order in which each loads more than those before it."""

MODULES_WITH_KERNELS = (
    "vwe_dagster.worldgen",
    "vwe_dagster.engine.native",
    "vwe_dagster.extraction.foreign",
    "vwe_dagster.analysis.world",
    "vwe_dagster.rendering.map",
    "vwe_dagster.rendering.tiles",
    "vwe_dagster.store.stages",
)

IMPORTS = """
import importlib, json, sys
slow, loaded = {"dagster", "numba", "pandas", "scipy"}, {}
for module in sys.argv[1:]:
    importlib.import_module(module)
    loaded[module] = sorted(slow & set(sys.modules))
print(json.dumps(loaded))
"""

LOADING = """
import gc, json, sys, threading, warnings
before = gc.isenabled(), gc.get_freeze_count()
import dagster as dg
import vwe_dagster.definitions
threads = threading.active_count()
hidden = {dg.BetaWarning, dg.PreviewWarning}
import vwe_dagster.instance.seed_runs
print(json.dumps({
    "threads": threads,
    "docker": "docker" in sys.modules,
    "hidden": [entry[2].__name__ for entry in warnings.filters if entry[0] == "ignore" and entry[2] in hidden],
    "new objects": gc.get_threshold()[0],
    "collector changed": before != (gc.isenabled(), gc.get_freeze_count()),
}))
"""


def run_python(code: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VWE_HOME": str(home)}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def loaded_by(modules: Sequence[str], home: Path) -> dict[str, list[str]]:
    """Import modules one after the other in a new process, and return the slow packages loaded after each."""
    printed = run_python(IMPORTS, home, *modules)
    assert printed.returncode == 0, printed.stderr
    return dict(json.loads(printed.stdout))


def test_definitions_are_loadable() -> None:
    dg.Definitions.validate_loadable(build_defs())


def test_job_world_selects_the_four_assets_of_a_seed() -> None:
    job = build_defs().resolve_job_def("world")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == set(ASSETS)
    assert isinstance(job.partitions_def, dg.DynamicPartitionsDefinition)
    assert job.partitions_def.name == "seeds"


def test_job_tile_pyramid_selects_only_the_tiles() -> None:
    job = build_defs().resolve_job_def("tile_pyramid")
    assert {key.to_user_string() for key in job.asset_layer.executable_asset_keys} == {"tiles"}


def test_every_job_runs_in_one_process() -> None:
    jobs = build_defs().resolve_all_job_defs()
    assert {job.executor_def.name for job in jobs} == {"in_process"}


@pytest.mark.parametrize("asset", [*ASSETS, "tiles"])
def test_every_asset_has_description_kinds_code_version_and_group(asset: str) -> None:
    spec = build_defs().resolve_assets_def(asset).get_asset_spec(dg.AssetKey(asset))
    assert spec.description
    assert spec.kinds
    assert spec.code_version
    assert spec.group_name == ("tiles" if asset == "tiles" else "world")


def test_everything_on_the_pages_has_a_description() -> None:
    defs = build_defs()
    sensors, schedules = defs.sensors or (), defs.schedules or ()
    named = [*sensors, *schedules, *defs.resolve_all_job_defs()]
    assert [each.name for each in named if not each.description and not each.name.startswith("__")] == []
    assert [spec.key for spec in defs.resolve_all_asset_specs() if not spec.description] == []


def test_loading_the_definitions_starts_nothing_and_hides_no_warning(tmp_path: Path) -> None:
    printed = run_python(LOADING, tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout) == {
        "threads": 1,
        "docker": False,
        "hidden": [],
        "new objects": NEW_OBJECTS,
        "collector changed": False,
    }
    assert "Warning" not in printed.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "start",
    [
        "import sys; sys.argv[1:] = ['seed', 'abc']; from vwe_dagster.cli.entry import main",
        "import sys; sys.argv[1:] = ['--help']; from vwe_dagster.engine.__main__ import main",
    ],
    ids=["vwe", "an engine"],
)
def test_garbage_collection_is_rare_from_the_start(start: str, tmp_path: Path) -> None:
    code = f"""
import atexit, gc
atexit.register(lambda: print(gc.get_threshold()[0], gc.isenabled()))
{start}
main()
"""
    printed = run_python(code, tmp_path)
    assert printed.stdout.splitlines()[-1:] == [f"{NEW_OBJECTS} True"], printed.stderr


def test_command_line_and_queries_start_without_dagster_kernels_and_tables(tmp_path: Path) -> None:
    loaded = loaded_by(MODULES, tmp_path)
    assert {name: packages for name, packages in loaded.items() if {"numba", "scipy"} & set(packages)} == {}
    assert [name for name, packages in loaded.items() if "dagster" in packages] == ["vwe_dagster.instance.seed_runs"]
    assert loaded["vwe_dagster.pool.opening"] == []


def test_domain_packages_start_without_dagster(tmp_path: Path) -> None:
    loaded = loaded_by(MODULES_WITH_KERNELS, tmp_path)
    assert [name for name, packages in loaded.items() if "dagster" in packages] == []
