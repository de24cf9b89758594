"""The pool settings of this machine: defaults, overridden by environment variables.

The default pool is configured by ``VWE_POOL_…`` variables. A second pool, of Valheim servers, exists if
``VWE_VALHEIM_POOL_BASE_IMAGE`` names their image. Dagster and the command line both take their settings from here, so
that they use the same engines.
"""

from __future__ import annotations

import difflib
import enum
import os
from collections.abc import Mapping

import pydantic

from vwe_dagster.pool.settings import DEFAULT_NAME, PoolSettings

PREFIX = "VWE_POOL_"
"""The prefix of variables of the default pool: ``VWE_POOL_MAX_WARM_CONTAINERS`` is ``max_warm_containers``."""

VALHEIM_PREFIX = "VWE_VALHEIM_POOL_"
"""The prefix of variables of the Valheim pool."""

VALHEIM_POOL = "valheim"
"""The default name of the Valheim pool."""

_VALHEIM_DEFAULTS: Mapping[str, str] = {
    "name": VALHEIM_POOL,
    "engine": "valheim",
    "launcher": "docker",
    "connection": "tcp",
    "max_warm_containers": "1",
    "memory_limit": "8g",
    "engine_startup_timeout": "600",
    "world_gen_timeout": "900",
    "acquire_timeout": "1500",
    "max_jobs_per_engine": "50",
}
"""Defaults of the Valheim pool that differ from the default pool. A server takes a minute or more to start, uses 4 to 6
GB of memory, and supports TCP only. ``acquire_timeout`` covers a start and the world of another caller.
"""

ENGINE_VARIABLE = "VWE_ENGINE"
"""The environment variable of the default engine, a value of :class:`EngineChoice`."""


class EngineChoice(enum.StrEnum):
    """The engine that generates a world."""

    NATIVE = "native"
    VALHEIM = "valheim"
    VALHEIM_ELSE_NATIVE = "valheim_else_native"


class PoolSettingsError(ValueError):
    """A setting is invalid. The message names the setting and its valid values."""


def engine_choice_from_environment(environ: Mapping[str, str] = os.environ) -> EngineChoice:
    """Return the default engine.

    Raises:
        PoolSettingsError: the variable does not name an engine.
    """
    text = environ.get(ENGINE_VARIABLE, "").strip()
    try:
        return EngineChoice(text) if text else EngineChoice.NATIVE
    except ValueError as error:
        raise PoolSettingsError(
            f"{ENGINE_VARIABLE} is {text!r}, which is not an engine; choose from {', '.join(EngineChoice)}."
        ) from error


def valheim_settings_from_environment(environ: Mapping[str, str] = os.environ) -> PoolSettings | None:
    """Return the settings of the Valheim pool; None if none of its variables is set.

    Raises:
        PoolSettingsError: a variable is not a setting, its value is invalid, the image is not set, or the name is that
            of the default pool.
    """
    if not any(key.startswith(VALHEIM_PREFIX) and text.strip() for key, text in environ.items()):
        return None
    if not environ.get(f"{VALHEIM_PREFIX}BASE_IMAGE", "").strip():
        raise PoolSettingsError(
            f"The Valheim pool has no image; set {VALHEIM_PREFIX}BASE_IMAGE, or unset the other {VALHEIM_PREFIX} "
            f"variables."
        )
    settings = _settings(environ, VALHEIM_PREFIX, _VALHEIM_DEFAULTS, None)
    if settings.name == _name_of_default_pool(environ):
        raise PoolSettingsError(
            f"Both pools are named {settings.name}; set {VALHEIM_PREFIX}NAME or {PREFIX}NAME to another name."
        )
    return settings


def settings_of_pool(name: str | None, environ: Mapping[str, str] = os.environ) -> PoolSettings:
    """Return the settings of the pool with a name; without a name, of the default pool.

    Raises:
        PoolSettingsError: a variable is not a setting, its value is invalid, or the Valheim pool is requested and not
            configured.
    """
    valheim = valheim_settings_from_environment(environ)
    if valheim is not None and name == valheim.name:
        return valheim
    if name == VALHEIM_POOL != _name_of_default_pool(environ):
        # A pool of native engines with that name would pass every verification.
        raise PoolSettingsError(
            f"The Valheim pool {name} is not configured; set {VALHEIM_PREFIX}BASE_IMAGE to the image of its servers."
            if valheim is None
            else f"The pool {name} does not exist; the Valheim pool is named {valheim.name}. Use this name."
        )
    return settings_from_environment(environ, name=name)


def settings_from_environment(environ: Mapping[str, str] = os.environ, *, name: str | None = None) -> PoolSettings:
    """Return the settings of the default pool from environment variables; an empty variable counts as not set.

    Args:
        environ: the environment.
        name: overrides the name in the environment.

    Raises:
        PoolSettingsError: a variable is not a setting, or its value is invalid.
    """
    return _settings(environ, PREFIX, {}, name)


def _name_of_default_pool(environ: Mapping[str, str]) -> str:
    """Return the name of the default pool."""
    return environ.get(f"{PREFIX}NAME", "").strip() or DEFAULT_NAME


def variable_of(field: str, prefix: str = PREFIX) -> str:
    """Return the name of the environment variable of a setting."""
    return prefix + field.upper()


def _settings(environ: Mapping[str, str], prefix: str, defaults: Mapping[str, str], name: str | None) -> PoolSettings:
    written = {key: text for key, text in environ.items() if key.startswith(prefix) and text.strip()}
    fields = {variable_of(field, prefix): field for field in PoolSettings.model_fields}
    faults = [_unknown(key, list(fields), prefix) for key in written if key not in fields]
    chosen = {**defaults, **{fields[key]: text.strip() for key, text in written.items() if key in fields}}
    sources = {field: variable_of(field, prefix) for field in chosen}
    if name is not None:
        chosen["name"], sources["name"] = name, "pool name"
    try:
        settings = PoolSettings.model_validate(chosen)
    except pydantic.ValidationError as error:
        faults += [_invalid(sources[str(fault["loc"][0])], fault["input"], fault["msg"]) for fault in error.errors()]
    if faults:
        raise PoolSettingsError("\n".join(faults))
    return settings


def _unknown(variable: str, known: list[str], prefix: str) -> str:
    # The prefix is removed, since it is common to all names and would count as similarity.
    close = difflib.get_close_matches(variable.removeprefix(prefix), [key.removeprefix(prefix) for key in known], n=1)
    remedy = f"did you mean {prefix}{close[0]}?" if close else f"unset it. The settings are {', '.join(known)}."
    return f"Unknown setting {variable}; {remedy}"


def _invalid(source: str, text: object, reason: str) -> str:
    # Pydantic writes "Input should be …", and prefixes the messages of our validators with "Value error, ".
    rule = reason.removeprefix("Value error, ").replace("Input should be", "it must be")
    return f"Invalid {source} {str(text)!r}: {rule}."
