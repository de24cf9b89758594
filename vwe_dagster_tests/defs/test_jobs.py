"""Test the job that adds seeds: registration, the list in the inbox, and rejected configurations."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.resources import WorldStoreResource
from vwe_dagster.defs.run_events import reason
from vwe_dagster.seeds.lists import read_seed_list
from vwe_dagster_tests.defs.pipeline import PoolOfOne


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def add(instance: dg.DagsterInstance, data: Path, config: Mapping[str, object]) -> str:
    """Run the job; return the cause of its failure, or an empty text."""
    resources = {"store": WorldStoreResource(root=str(data)), "pool": PoolOfOne()}
    result = (
        build_defs(resource_overrides=resources)
        .resolve_job_def("add_seeds")
        .execute_in_process(
            run_config={"ops": {"register": {"config": dict(config)}}}, instance=instance, raise_on_error=False
        )
    )
    return "".join(reason(event) for event in result.all_events if event.is_step_failure)


def registered(instance: dg.DagsterInstance) -> list[str]:
    return list(instance.get_dynamic_partitions("seeds"))


def test_listed_seeds_are_registered_and_put_into_the_inbox(instance: dg.DagsterInstance, data: Path) -> None:
    instance.add_dynamic_partitions("seeds", ["old"])
    assert add(instance, data, {"seeds": ["HHcLC5acQt", "old", "@5", "@5"]}) == ""
    assert registered(instance) == ["old", "HHcLC5acQt", "@5"]
    (path,) = (data / "inbox").iterdir()
    assert [seed.key for seed in read_seed_list(path).seeds] == ["HHcLC5acQt", "old", "@5"]


def test_random_seeds_are_added_to_the_listed_ones(instance: dg.DagsterInstance, data: Path) -> None:
    assert add(instance, data, {"seeds": ["HHcLC5acQt"], "random_seeds": 20}) == ""
    assert len(registered(instance)) == 21
    (path,) = (data / "inbox").iterdir()
    assert [seed.key for seed in read_seed_list(path).seeds] == registered(instance)


def test_seeds_can_be_registered_only(instance: dg.DagsterInstance, data: Path) -> None:
    assert add(instance, data, {"seeds": ["HHcLC5acQt"], "make": False}) == ""
    assert registered(instance) == ["HHcLC5acQt"]
    assert not data.exists()


@pytest.mark.parametrize(
    ("config", "sentences"),
    [
        ({}, ["There are no seeds to add"]),
        ({"seeds": ["ok", "a/b", "Bär"]}, ["'a/b' has a slash", "'Bär' has 'ä'"]),
        ({"seeds": ["ok"], "random_seeds": -1}, ["random_seeds is -1; write 0 or more."]),
        ({"seeds": ["ok"], "random_seeds": 10_000}, ["10,001 seeds are more than the limit of 10,000"]),
    ],
)
def test_invalid_seed_adds_none_of_the_list(
    instance: dg.DagsterInstance, data: Path, config: Mapping[str, object], sentences: list[str]
) -> None:
    failure = add(instance, data, config)
    assert all(sentence in failure for sentence in sentences)
    assert registered(instance) == []
    assert not data.exists()


def test_schema_of_the_job_has_every_setting() -> None:
    job = build_defs().resolve_job_def("add_seeds")
    assert job.run_config == {"ops": {"register": {"config": {"seeds": [], "random_seeds": 0, "make": True}}}}
