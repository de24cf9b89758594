"""The settings of a pool from the environment."""

from __future__ import annotations

import pytest

from vwe_dagster.config.pool import (
    ENGINE_VARIABLE,
    EngineChoice,
    PoolSettingsError,
    engine_choice_from_environment,
    settings_from_environment,
    settings_of_pool,
    valheim_settings_from_environment,
    variable_of,
)
from vwe_dagster.pool.settings import PoolSettings

OTHERS = {
    "name": "night",
    "engine": "valheim",
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


def test_settings_have_defaults_without_variables() -> None:
    assert settings_from_environment({"HOME": "/", "VWE_HOME": "/"}) == PoolSettings()


def test_every_setting_has_its_variable() -> None:
    environ = {variable_of(field): str(value) for field, value in OTHERS.items()}
    assert settings_from_environment(environ).model_dump() == OTHERS
    assert OTHERS.keys() == PoolSettings.model_fields.keys()
    assert all(getattr(PoolSettings(), field) != value for field, value in OTHERS.items())


def test_valheim_pool_exists_if_its_image_is_set() -> None:
    assert valheim_settings_from_environment({"VWE_POOL_BASE_IMAGE": "x"}) is None
    environ = {"VWE_VALHEIM_POOL_BASE_IMAGE": "my-valheim", "VWE_VALHEIM_POOL_MEMORY_LIMIT": "6g", "VWE_POOL_NAME": "n"}
    settings = valheim_settings_from_environment(environ)
    assert settings is not None
    assert (settings.name, settings.engine, settings.launcher, settings.connection) == (
        "valheim",
        "valheim",
        "docker",
        "tcp",
    )
    assert (settings.base_image, settings.memory_limit, settings.max_warm_containers) == ("my-valheim", "6g", 1)
    assert settings.acquire_timeout >= settings.engine_startup_timeout + settings.world_gen_timeout
    assert settings_of_pool("valheim", environ) == settings
    assert settings_of_pool(None, environ).name == "n"
    assert settings_of_pool("other", environ).engine == "native"


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"VWE_VALHEIM_POOL_MEMORY_LIMIT": "6g"}, "set VWE_VALHEIM_POOL_BASE_IMAGE"),
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_IMAGE": "x"}, "mean VWE_VALHEIM_POOL_BASE_IMAGE?"),
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_ENGINE": "y"}, "Invalid VWE_VALHEIM_POOL_ENGINE 'y'"),
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_NAME": "default"}, "Both pools are named default"),
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_POOL_NAME": "valheim"}, "Both pools are named valheim"),
    ],
)
def test_invalid_setting_of_the_valheim_pool_is_rejected(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(PoolSettingsError) as refusal:
        valheim_settings_from_environment(environ)
    assert sentence in str(refusal.value)


def test_unconfigured_valheim_pool_does_not_fall_back_to_native_engines() -> None:
    with pytest.raises(PoolSettingsError, match="set VWE_VALHEIM_POOL_BASE_IMAGE to the image of its servers"):
        settings_of_pool("valheim", {})
    with pytest.raises(PoolSettingsError, match="the Valheim pool is named vikings"):
        settings_of_pool("valheim", {"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_NAME": "vikings"})
    assert settings_of_pool("valheim", {"VWE_POOL_NAME": "valheim"}).engine == "native"


def test_environment_chooses_the_engine() -> None:
    assert engine_choice_from_environment({}) is EngineChoice.NATIVE
    assert engine_choice_from_environment({ENGINE_VARIABLE: "valheim_else_native"}) is EngineChoice.VALHEIM_ELSE_NATIVE
    with pytest.raises(PoolSettingsError, match="choose from native, valheim, valheim_else_native"):
        engine_choice_from_environment({ENGINE_VARIABLE: "vanilla"})


def test_empty_variable_counts_as_not_set() -> None:
    assert settings_from_environment({"VWE_POOL_LAUNCHER": "", "VWE_POOL_IDLE_MINUTES": " "}) == PoolSettings()


def test_name_argument_overrides_the_environment() -> None:
    assert settings_from_environment({"VWE_POOL_NAME": "night"}, name="day").name == "day"
    assert settings_from_environment({"VWE_POOL_NAME": "night"}).name == "night"


@pytest.mark.parametrize(
    ("environ", "name", "sentence"),
    [
        (
            {"VWE_POOL_LAUNCHER": "podman"},
            None,
            "Invalid VWE_POOL_LAUNCHER 'podman': it must be 'process' or 'docker'.",
        ),
        ({"VWE_POOL_MAX_WARM_CONTAINERS": "0"}, None, "Invalid VWE_POOL_MAX_WARM_CONTAINERS '0': it must be "),
        ({"VWE_POOL_MEMORY_LIMIT": "1m"}, None, "the memory limit must be 256m or more, as in 4g or 512m."),
        (
            {"VWE_POOL_LAUNCHR": "docker"},
            None,
            "Unknown setting VWE_POOL_LAUNCHR; did you mean VWE_POOL_LAUNCHER?",
        ),
        (
            {"VWE_POOL_XYZ": "1"},
            None,
            "Unknown setting VWE_POOL_XYZ; unset it. The settings are VWE_POOL_NAME, ",
        ),
        (
            {},
            "A b",
            "Invalid pool name 'A b': a pool name consists of 1 to 31 lowercase letters",
        ),
    ],
)
def test_invalid_setting_is_rejected_with_its_valid_values(
    environ: dict[str, str], name: str | None, sentence: str
) -> None:
    with pytest.raises(PoolSettingsError) as refusal:
        settings_from_environment(environ, name=name)
    assert sentence in str(refusal.value)


def test_all_invalid_settings_are_reported_together() -> None:
    with pytest.raises(PoolSettingsError) as refusal:
        settings_from_environment({"VWE_POOL_LAUNCHR": "x", "VWE_POOL_CONNECTION": "smoke", "VWE_POOL_NAME": "?"})
    assert len(str(refusal.value).splitlines()) == 3
