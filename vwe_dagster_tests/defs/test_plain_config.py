"""The config of every job: no field of it reads the environment of the process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._config.config_type import ConfigTypeKind

from vwe_dagster.definitions import defs

HOME_OF_TEST = "/home/of-a-secret-user"
FROM_ENVIRONMENT = {"env": "HOME"}
JOBS = {job.name: job for job in defs.get_repository_def().get_all_jobs()}


def configs(kind: Any) -> Iterator[Any]:
    """Yield, for each place of a config that takes a value, a config with the name of a variable in that place."""
    if kind.kind in {ConfigTypeKind.ARRAY, ConfigTypeKind.NONEABLE}:
        wrapped = configs(kind.inner_type)
        yield from wrapped if kind.kind is ConfigTypeKind.NONEABLE else ([inner] for inner in wrapped)
    elif kind.kind is ConfigTypeKind.MAP:
        yield from ({"key": inner} for inner in configs(kind.inner_type))
    elif getattr(kind, "fields", None):
        for name, field in kind.fields.items():
            yield from ({name: inner} for inner in configs(field.config_type))
    else:
        yield FROM_ENVIRONMENT


# Dagster keeps the ops of a job in no fixed order, and the processes of a test run must agree on the order of tests.
CONFIGS = sorted(
    ((name, config) for name, job in JOBS.items() for config in configs(job.run_config_schema.run_config_schema_type)),
    key=str,
)


def test_every_asset_and_op_with_a_config_is_tested() -> None:
    tried = {next(iter(config["ops"])) for _, config in CONFIGS if "ops" in config}
    assert tried >= {"raw_export", "extracted", "processed", "renders", "tiles", "register", "start_engines"}
    assert {next(iter(config)) for _, config in CONFIGS} >= {"ops", "resources"}


@pytest.mark.parametrize(("job", "config"), CONFIGS, ids=[f"{job}-{config}" for job, config in CONFIGS])
def test_config_does_not_reveal_the_environment(
    job: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", HOME_OF_TEST)
    try:
        resolved = dg.validate_run_config(JOBS[job], config)
    except dg.DagsterInvalidConfigError as error:
        assert HOME_OF_TEST not in str(error)  # noqa: PT017  a config of any type is accepted as it is
    else:
        assert HOME_OF_TEST not in str(resolved)


def test_failure_of_a_launched_run_does_not_have_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", HOME_OF_TEST)
    config = {"ops": {"register": {"config": {"seeds": [FROM_ENVIRONMENT]}}}}
    with pytest.raises(dg.DagsterInvalidConfigError) as error:
        JOBS["add_seeds"].execute_in_process(run_config=config)
    assert HOME_OF_TEST not in str(error.value)
