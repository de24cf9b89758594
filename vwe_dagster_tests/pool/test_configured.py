"""The settings of a pool, as the environment says them."""

from __future__ import annotations

import pytest

from vwe_dagster.pool.configured import PoolSettingsError, settings_from_environment, variable_of
from vwe_dagster.pool.settings import PoolSettings

OTHERS = {
    "name": "night",
    "launcher": "docker",
    "max_warm_containers": 7,
    "container_ttl_minutes": 1.5,
    "idle_minutes": 2.0,
    "engine_startup_timeout": 3.0,
    "world_gen_timeout": 4.0,
    "acquire_timeout": 5.0,
    "auto_reset_after_job": False,
    "max_jobs_per_engine": 6,
    "memory_limit": "512m",
    "base_image": "another",
    "connection": "tcp",
    "min_free_disk_gb": 0.5,
}


def test_without_variables_every_setting_is_the_default() -> None:
    assert settings_from_environment({"HOME": "/", "VWE_HOME": "/"}) == PoolSettings()


def test_every_setting_has_its_variable() -> None:
    environ = {variable_of(field): str(value) for field, value in OTHERS.items()}
    assert settings_from_environment(environ).model_dump() == OTHERS
    assert OTHERS.keys() == PoolSettings.model_fields.keys()
    assert all(getattr(PoolSettings(), field) != value for field, value in OTHERS.items())


def test_an_empty_variable_counts_as_not_set() -> None:
    assert settings_from_environment({"VWE_POOL_LAUNCHER": "", "VWE_POOL_IDLE_MINUTES": " "}) == PoolSettings()


def test_a_name_that_is_given_goes_before_the_environment() -> None:
    assert settings_from_environment({"VWE_POOL_NAME": "night"}, name="day").name == "day"
    assert settings_from_environment({"VWE_POOL_NAME": "night"}).name == "night"


@pytest.mark.parametrize(
    ("environ", "name", "sentence"),
    [
        (
            {"VWE_POOL_LAUNCHER": "podman"},
            None,
            "VWE_POOL_LAUNCHER is 'podman', which cannot be used: it should be 'process' or 'docker'.",
        ),
        ({"VWE_POOL_MAX_WARM_CONTAINERS": "0"}, None, "VWE_POOL_MAX_WARM_CONTAINERS is '0', which cannot be used: "),
        ({"VWE_POOL_MEMORY_LIMIT": "1m"}, None, "a memory limit is 256m or more, as in 4g or 512m."),
        (
            {"VWE_POOL_LAUNCHR": "docker"},
            None,
            "VWE_POOL_LAUNCHR is no setting of a pool; did you mean VWE_POOL_LAUNCHER?",
        ),
        (
            {"VWE_POOL_XYZ": "1"},
            None,
            "VWE_POOL_XYZ is no setting of a pool; unset it. The settings are VWE_POOL_NAME, ",
        ),
        ({}, "A b", "The pool's name is 'A b', which cannot be used: a pool is named with 1 to 31 small letters"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(environ: dict[str, str], name: str | None, sentence: str) -> None:
    with pytest.raises(PoolSettingsError) as refusal:
        settings_from_environment(environ, name=name)
    assert sentence in str(refusal.value)


def test_every_fault_is_told_of_at_once() -> None:
    with pytest.raises(PoolSettingsError) as refusal:
        settings_from_environment({"VWE_POOL_LAUNCHR": "x", "VWE_POOL_CONNECTION": "smoke", "VWE_POOL_NAME": "?"})
    assert len(str(refusal.value).splitlines()) == 3
