"""The settings of a pool as this machine has them: the defaults, and what ``VWE_POOL_…`` variables say instead.

Dagster and the command line both take theirs from here, so that they speak of the same engines.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping

import pydantic

from vwe_dagster.pool.settings import PoolSettings

PREFIX = "VWE_POOL_"
"""``VWE_POOL_MAX_WARM_CONTAINERS`` is the setting ``max_warm_containers``, and so on."""


class PoolSettingsError(ValueError):
    """A setting that cannot be used; the message is a sentence that says which, and what it may be."""


def settings_from_environment(environ: Mapping[str, str] = os.environ, *, name: str | None = None) -> PoolSettings:
    """Reads the settings of a pool from environment variables; an empty one counts as not set.

    Args:
        environ: the environment.
        name: the pool's name, if it is not to be the environment's.

    Raises:
        PoolSettingsError: a variable is no setting, or its value is none for it.
    """
    written = {key: text for key, text in environ.items() if key.startswith(PREFIX) and text.strip()}
    fields = {variable_of(field): field for field in PoolSettings.model_fields}
    faults = [_unknown(key, list(fields)) for key in written if key not in fields]
    chosen = {fields[key]: text.strip() for key, text in written.items() if key in fields}
    sources = {field: variable_of(field) for field in chosen}
    if name is not None:
        chosen["name"], sources["name"] = name, "The pool's name"
    try:
        settings = PoolSettings.model_validate(chosen)
    except pydantic.ValidationError as error:
        faults += [_refusal(sources[str(fault["loc"][0])], fault["input"], fault["msg"]) for fault in error.errors()]
    if faults:
        raise PoolSettingsError("\n".join(faults))
    return settings


def variable_of(field: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + field.upper()


def _unknown(variable: str, known: list[str]) -> str:
    # Every one begins with the prefix, which is no likeness.
    close = difflib.get_close_matches(variable.removeprefix(PREFIX), [key.removeprefix(PREFIX) for key in known], n=1)
    mend = f"did you mean {PREFIX}{close[0]}?" if close else f"unset it. The settings are {', '.join(known)}."
    return f"{variable} is no setting of a pool; {mend}"


def _refusal(source: str, text: object, reason: str) -> str:
    # Pydantic says "Input should be …", and puts "Value error, " before what our own validators say.
    rule = reason.removeprefix("Value error, ").replace("Input should be", "it should be")
    return f"{source} is {str(text)!r}, which cannot be used: {rule}."
