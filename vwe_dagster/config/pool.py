"""The settings of pools as this machine has them: the defaults, and what environment variables say instead.

There is one pool for everybody, set by ``VWE_POOL_…`` variables. A second one, of Valheim's own
servers, is there where ``VWE_VALHEIM_POOL_BASE_IMAGE`` names their image. Dagster and the command line both take their
settings from here, so that they speak of the same engines.
"""

from __future__ import annotations

import difflib
import enum
import os
from collections.abc import Mapping

import pydantic

from vwe_dagster.pool.settings import DEFAULT_NAME, PoolSettings

PREFIX = "VWE_POOL_"
"""``VWE_POOL_MAX_WARM_CONTAINERS`` is the setting ``max_warm_containers``, and so on."""

VALHEIM_PREFIX = "VWE_VALHEIM_POOL_"
"""The same for the pool of Valheim's servers."""

VALHEIM_POOL = "valheim"
"""The name of that pool, unless a variable says otherwise."""

_VALHEIM: Mapping[str, str] = {
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
"""What a pool of Valheim's servers has where others have the defaults: a server takes a minute or more to start, 4 to 6
GB of memory, and has no socket but TCP. Who waits for the only one may see it start and make another's world."""


ENGINE_VARIABLE = "VWE_ENGINE"
"""Which engine makes worlds where nobody says: a value of :class:`EngineChoice`."""


class EngineChoice(enum.StrEnum):
    """Which engine makes a world."""

    NATIVE = "native"
    VALHEIM = "valheim"
    VALHEIM_ELSE_NATIVE = "valheim_else_native"


class PoolSettingsError(ValueError):
    """A setting that cannot be used; the message is a sentence that says which, and what it may be."""


def engine_choice_from_environment(environ: Mapping[str, str] = os.environ) -> EngineChoice:
    """Which engine makes worlds where nobody says.

    Raises:
        PoolSettingsError: the variable names none.
    """
    text = environ.get(ENGINE_VARIABLE, "").strip()
    try:
        return EngineChoice(text) if text else EngineChoice.NATIVE
    except ValueError as error:
        raise PoolSettingsError(f"{ENGINE_VARIABLE} is {text!r}; write {', '.join(EngineChoice)}.") from error


def valheim_settings_from_environment(environ: Mapping[str, str] = os.environ) -> PoolSettings | None:
    """The settings of the pool of Valheim's servers; None where there is none.

    Raises:
        PoolSettingsError: a variable is no setting, its value is none for it, the image is not told, or the name is
            that of the pool for everybody.
    """
    if not any(key.startswith(VALHEIM_PREFIX) and text.strip() for key, text in environ.items()):
        return None
    if not environ.get(f"{VALHEIM_PREFIX}BASE_IMAGE", "").strip():
        raise PoolSettingsError(
            f"A pool of Valheim's servers needs their image; set {VALHEIM_PREFIX}BASE_IMAGE, or unset the other "
            f"{VALHEIM_PREFIX} variables."
        )
    settings = _settings(environ, VALHEIM_PREFIX, _VALHEIM, None)
    if settings.name == _name_of_the_other(environ):
        raise PoolSettingsError(
            f"Both pools are named {settings.name}; set {VALHEIM_PREFIX}NAME or {PREFIX}NAME to another name."
        )
    return settings


def settings_of_pool(name: str | None, environ: Mapping[str, str] = os.environ) -> PoolSettings:
    """The settings of the pool of a name, whichever of the two it is; without a name, of the one for everybody.

    Raises:
        PoolSettingsError: a variable is no setting, its value is none for it, or there is no pool of Valheim's servers.
    """
    valheim = valheim_settings_from_environment(environ)
    if valheim is not None and name == valheim.name:
        return valheim
    if name == VALHEIM_POOL != _name_of_the_other(environ):
        # A pool of native engines of that name would pass every trial.
        raise PoolSettingsError(
            f"There is no pool of Valheim's servers named {name}; set {VALHEIM_PREFIX}BASE_IMAGE to their image."
            if valheim is None
            else f"The pool of Valheim's servers is named {valheim.name}; name it so."
        )
    return settings_from_environment(environ, name=name)


def settings_from_environment(environ: Mapping[str, str] = os.environ, *, name: str | None = None) -> PoolSettings:
    """Reads the settings of the pool for everybody from environment variables; an empty one counts as not set.

    Args:
        environ: the environment.
        name: the pool's name, if it is not to be the environment's.

    Raises:
        PoolSettingsError: a variable is no setting, or its value is none for it.
    """
    return _settings(environ, PREFIX, {}, name)


def _name_of_the_other(environ: Mapping[str, str]) -> str:
    """The name of the pool for everybody."""
    return environ.get(f"{PREFIX}NAME", "").strip() or DEFAULT_NAME


def variable_of(field: str, prefix: str = PREFIX) -> str:
    """The environment variable of a setting."""
    return prefix + field.upper()


def _settings(environ: Mapping[str, str], prefix: str, defaults: Mapping[str, str], name: str | None) -> PoolSettings:
    written = {key: text for key, text in environ.items() if key.startswith(prefix) and text.strip()}
    fields = {variable_of(field, prefix): field for field in PoolSettings.model_fields}
    faults = [_unknown(key, list(fields), prefix) for key in written if key not in fields]
    chosen = {**defaults, **{fields[key]: text.strip() for key, text in written.items() if key in fields}}
    sources = {field: variable_of(field, prefix) for field in chosen}
    if name is not None:
        chosen["name"], sources["name"] = name, "The pool's name"
    try:
        settings = PoolSettings.model_validate(chosen)
    except pydantic.ValidationError as error:
        faults += [_refusal(sources[str(fault["loc"][0])], fault["input"], fault["msg"]) for fault in error.errors()]
    if faults:
        raise PoolSettingsError("\n".join(faults))
    return settings


def _unknown(variable: str, known: list[str], prefix: str) -> str:
    # Every one begins with the prefix, which is no likeness.
    close = difflib.get_close_matches(variable.removeprefix(prefix), [key.removeprefix(prefix) for key in known], n=1)
    mend = f"did you mean {prefix}{close[0]}?" if close else f"unset it. The settings are {', '.join(known)}."
    return f"{variable} is no setting of a pool; {mend}"


def _refusal(source: str, text: object, reason: str) -> str:
    # Pydantic says "Input should be …", and puts "Value error, " before what our own validators say.
    rule = reason.removeprefix("Value error, ").replace("Input should be", "it should be")
    return f"{source} is {str(text)!r}, which cannot be used: {rule}."
