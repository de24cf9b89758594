"""The definitions: what Dagster finds, and that finding it starts nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.kernels.garbage import NEW_OBJECTS

pytestmark = pytest.mark.slow

ASSETS = ["raw_export", "extracted", "processed", "renders"]
WITHOUT_DAGSTER = (
    "vwe_dagster.worldgen",
    "vwe_dagster.engine.native",
    "vwe_dagster.extraction.foreign",
    "vwe_dagster.analysis.world",
    "vwe_dagster.rendering.map",
    "vwe_dagster.rendering.tiles",
    "vwe_dagster.store",
    "vwe_dagster.store.stages",
    "vwe_dagster.store.inbox",
    "vwe_dagster.seeds.random",
    "vwe_dagster.pool.due",
    "vwe_dagster.metrics.endpoint",
    "vwe_dagster.cli.app",
)


def run_python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "VWE_HOME": str(home)}
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


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


def test_importing_the_definitions_starts_nothing(tmp_path: Path) -> None:
    code = """
import sys, threading
import vwe_dagster.definitions
print(threading.active_count(), "docker" in sys.modules)
"""
    printed = run_python(code, tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.split() == ["1", "False"]
    assert list(tmp_path.iterdir()) == []


def test_loading_the_definitions_prints_no_warning_and_hides_none_of_others(tmp_path: Path) -> None:
    code = """
import warnings
import dagster as dg
import vwe_dagster.definitions, vwe_dagster.instance.seed_runs
hidden = {dg.BetaWarning, dg.PreviewWarning}
print([entry for entry in warnings.filters if entry[0] == "ignore" and entry[2] in hidden])
"""
    printed = run_python(code, tmp_path)
    assert printed.stdout == "[]\n", printed.stderr
    assert "Warning" not in printed.stderr


@pytest.mark.parametrize(
    "start",
    [
        "import vwe_dagster.definitions",
        "import sys; sys.argv[1:] = ['seed', 'abc']; from vwe_dagster.cli.entry import main",
        "import sys; sys.argv[1:] = ['--help']; from vwe_dagster.engine.__main__ import main",
    ],
    ids=["Dagster's processes", "vwe", "an engine"],
)
def test_garbage_collection_is_rare_from_the_start(start: str, tmp_path: Path) -> None:
    code = f"""
import atexit, gc
before = gc.isenabled(), gc.get_freeze_count()
atexit.register(lambda: print(gc.get_threshold()[0], before == (gc.isenabled(), gc.get_freeze_count())))
{start}
if "main" in dir(): main()
"""
    printed = run_python(code, tmp_path)
    assert printed.stdout.splitlines()[-1:] == [f"{NEW_OBJECTS} True"], printed.stderr


@pytest.mark.parametrize("module", WITHOUT_DAGSTER)
def test_domain_packages_and_the_command_line_start_without_dagster(module: str, tmp_path: Path) -> None:
    printed = run_python(f"import sys, {module}; print('dagster' in sys.modules)", tmp_path)
    assert printed.stdout == "False\n", printed.stderr


def test_command_line_and_pool_status_start_without_kernels_and_tables(tmp_path: Path) -> None:
    modules = "vwe_dagster.cli.app, vwe_dagster.pool.opening"
    code = f"import sys, {modules}; print({{'numba', 'pandas', 'scipy'}} & set(sys.modules))"
    printed = run_python(code, tmp_path)
    assert printed.stdout == "set()\n", printed.stderr


@pytest.mark.parametrize(
    "modules", ["vwe_dagster.catalog.table, vwe_dagster.catalog.query", "vwe_dagster.instance.seed_runs"]
)
def test_find_and_the_list_of_seeds_load_no_kernels(modules: str, tmp_path: Path) -> None:
    loaded = run_python(f"import sys, {modules}; print({{'numba', 'scipy'}} & set(sys.modules))", tmp_path)
    assert loaded.stdout == "set()\n", loaded.stderr
