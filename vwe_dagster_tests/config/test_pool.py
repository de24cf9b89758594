"""The settings of a pool, as the environment says them."""

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


def test_without_variables_every_setting_is_the_default() -> None:
    assert settings_from_environment({"HOME": "/", "VWE_HOME": "/"}) == PoolSettings()


def test_every_setting_has_its_variable() -> None:
    environ = {variable_of(field): str(value) for field, value in OTHERS.items()}
    assert settings_from_environment(environ).model_dump() == OTHERS
    assert OTHERS.keys() == PoolSettings.model_fields.keys()
    assert all(getattr(PoolSettings(), field) != value for field, value in OTHERS.items())


def test_a_pool_of_valheims_servers_is_there_where_its_image_is_named() -> None:
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
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_ENGINE": "y"}, "VWE_VALHEIM_POOL_ENGINE is 'y'"),
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_NAME": "default"}, "Both pools are named default"),
        ({"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_POOL_NAME": "valheim"}, "Both pools are named valheim"),
    ],
)
def test_a_wrong_setting_of_that_pool_is_refused(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(PoolSettingsError) as refusal:
        valheim_settings_from_environment(environ)
    assert sentence in str(refusal.value)


def test_native_engines_are_not_taken_for_valheims_servers_that_are_not_there() -> None:
    with pytest.raises(PoolSettingsError, match="set VWE_VALHEIM_POOL_BASE_IMAGE to their image"):
        settings_of_pool("valheim", {})
    with pytest.raises(PoolSettingsError, match="is named vikings; name it so"):
        settings_of_pool("valheim", {"VWE_VALHEIM_POOL_BASE_IMAGE": "x", "VWE_VALHEIM_POOL_NAME": "vikings"})
    assert settings_of_pool("valheim", {"VWE_POOL_NAME": "valheim"}).engine == "native"


def test_the_environment_chooses_the_engine() -> None:
    assert engine_choice_from_environment({}) is EngineChoice.NATIVE
    assert engine_choice_from_environment({ENGINE_VARIABLE: "valheim_else_native"}) is EngineChoice.VALHEIM_ELSE_NATIVE
    with pytest.raises(PoolSettingsError, match="write native, valheim, valheim_else_native"):
        engine_choice_from_environment({ENGINE_VARIABLE: "vanilla"})


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
        ({"VWE_POOL_MEMORY_LIMIT": "1m"}, None, "the memory limit must be 256m or more, as in 4g or 512m."),
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
        (
            {},
            "A b",
            "The pool's name is 'A b', which cannot be used: a pool name consists of 1 to 31 lowercase letters",
        ),
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
