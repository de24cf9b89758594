"""Base of all config classes, whose fields accept plain values only, not environment variables.

For a field of type ``str``, ``int`` or ``bool``, Dagster also accepts ``{"env": NAME}`` and replaces it by the
variable's value. Messages and logs contain config values, so a user who can launch runs could read secrets from the
environment of their processes.
"""

from __future__ import annotations

import dagster as dg

from vwe_dagster.defs.dagster_private import (
    ConfigBoolInstance,
    ConfigIntInstance,
    ConfigStringInstance,
    conversion_utils,
)

# Dagster looks up the field types of all config classes and resources here; there is no public API for it.
vars(conversion_utils).update(
    StringSource=ConfigStringInstance, IntSource=ConfigIntInstance, BoolSource=ConfigBoolInstance
)


class PlainConfig(dg.Config):
    """Base class of the config of an asset or op."""
