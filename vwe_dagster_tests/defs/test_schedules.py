"""The schedule of the nightly seeds."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.defs.schedules import ScheduleSettingsError, nightly_seeds, seeds_a_night
from vwe_dagster_tests.defs.pipeline import PoolOfOne


def test_nightly_seeds_are_off_by_default() -> None:
    assert nightly_seeds.default_status is dg.DefaultScheduleStatus.STOPPED
    assert nightly_seeds.cron_schedule == "0 2 * * *"


def test_nightly_run_adds_the_configured_number_of_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VWE_NIGHTLY_SEEDS", "25")
    resources = {"store": WorldStoreResource(root=str(tmp_path)), "pool": PoolOfOne()}
    with dg.DagsterInstance.ephemeral() as instance:
        request = nightly_seeds(dg.build_schedule_context(instance))
        assert isinstance(request, dg.RunRequest)
        job = build_defs(resource_overrides=resources).resolve_job_def(nightly_seeds.job_name)
        assert job.execute_in_process(run_config=request.run_config, instance=instance).success
        assert len(instance.get_dynamic_partitions("seeds")) == 25
    (path,) = (tmp_path / "inbox").iterdir()
    assert len(path.read_text().splitlines()) == 25


def test_nightly_run_adds_ten_seeds_by_default() -> None:
    assert seeds_a_night({}) == seeds_a_night({"VWE_NIGHTLY_SEEDS": ""}) == 10
    assert seeds_a_night({"VWE_NIGHTLY_SEEDS": "10000"}) == 10_000


@pytest.mark.parametrize("text", ["0", "-1", "10001", "1.5", "many", "٣", "9" * 5000])
def test_invalid_number_of_seeds_is_rejected_with_a_message(text: str) -> None:
    with pytest.raises(ScheduleSettingsError, match=r"VWE_NIGHTLY_SEEDS is '.*'; write a whole number from 1 to 10000"):
        seeds_a_night({"VWE_NIGHTLY_SEEDS": text})
