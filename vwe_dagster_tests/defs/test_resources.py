"""The resources and their settings; creating a resource starts nothing."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from vwe_dagster.defs.build import build_defs
from vwe_dagster.defs.resources import WarmEnginePool
from vwe_dagster.engine.messages import EngineIdentity
from vwe_dagster.pool.errors import PoolError
from vwe_dagster.pool.settings import PoolSettings


def test_resource_has_every_pool_setting_with_default_and_description() -> None:
    fields = WarmEnginePool.model_fields
    assert fields.keys() - PoolSettings.model_fields.keys() == {"folder", "data"}
    for name, setting in PoolSettings.model_fields.items():
        assert fields[name].default == setting.default, name
        assert fields[name].description == setting.description, name
        assert setting.description, name


def test_settings_of_the_resource_reach_the_pool(tmp_path: Path) -> None:
    reported: dict[str, object] = {
        "name": "other",
        "engine": "valheim",
        "launcher": "docker",
        "max_warm_containers": 5,
        "container_ttl_minutes": 7.5,
        "idle_minutes": 2.5,
        "engine_startup_timeout": 3.5,
        "world_gen_timeout": 4.5,
        "acquire_timeout": 0.0,
        "auto_reset_after_job": False,
        "max_jobs_per_engine": 6,
        "memory_limit": "512m",
        "base_image": "another",
        "connection": "tcp",
        "min_free_disk_gb": 0.0,
    }
    assert reported.keys() == PoolSettings.model_fields.keys()
    assert WarmEnginePool(folder=str(tmp_path), **reported).settings == PoolSettings.model_validate(reported)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"launcher": "rocket"},
            "The pool's setting launcher cannot be 'rocket': input should be 'process' or 'docker'",
        ),
        ({"folder": "pools"}, "The pool's setting folder cannot be 'pools': write it as an absolute path."),
    ],
)
def test_invalid_setting_is_rejected_when_a_run_begins(
    tmp_path: Path, settings: dict[str, object], sentence: str
) -> None:
    pool = WarmEnginePool(**{"folder": str(tmp_path), **settings})  # type: ignore[arg-type]
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(PoolError) as refusal:
        pool.setup_for_execution(dg.build_init_resource_context(instance=instance))
    assert str(refusal.value).startswith(sentence)


def test_creating_the_resource_writes_and_starts_nothing(tmp_path: Path) -> None:
    pool = {"pool": WarmEnginePool(folder=str(tmp_path / "pool"))}
    with dg.DagsterInstance.ephemeral() as instance, dg.build_resources(pool, instance) as resources:
        assert resources.pool.identity == EngineIdentity("native", "1.0")
    assert list(tmp_path.iterdir()) == []


def test_pool_state_can_be_read_outside_of_a_run(tmp_path: Path) -> None:
    pool = WarmEnginePool(folder=str(tmp_path / "pool"), max_warm_containers=2)
    status = pool.status()
    pool.close()
    assert (status.size, status.ready, status.leased) == (2, 0, 0)
    assert pool.status().size == 2
    pool.close()


def test_pool_of_the_project_follows_environment_and_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VWE_HOME", str(tmp_path))
    monkeypatch.setenv("VWE_POOL_NAME", "test")
    monkeypatch.setenv("VWE_POOL_MAX_JOBS_PER_ENGINE", "4")
    pool = (build_defs().resources or {})["pool"]
    assert isinstance(pool, WarmEnginePool)
    assert pool.settings == PoolSettings(name="test", max_jobs_per_engine=4)
    assert pool.folder == str(tmp_path / ".vwe" / "pools" / "test")
    assert pool.data == str(tmp_path / "data")
