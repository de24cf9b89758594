"""The base of all config classes: fields that take values only, never the name of an environment variable.

For a field of type ``str``, ``int`` or ``bool`` Dagster also accepts ``{"env": NAME}`` and puts the variable's value in
its place. A user who can launch runs could so read the environment of their processes, including secrets of other
programs: messages and logs contain values of the config.
"""

from __future__ import annotations

import dagster as dg

from vwe_dagster.defs.dagster_private import (
    ConfigBoolInstance,
    ConfigIntInstance,
    ConfigStringInstance,
    conversion_utils,
)

# The types for these Python types in all config classes and resources that are defined from here on in this process.
# There is no public way to choose them.
vars(conversion_utils).update(
    StringSource=ConfigStringInstance, IntSource=ConfigIntInstance, BoolSource=ConfigBoolInstance
)


class PlainConfig(dg.Config):
    """Base class of the config of an asset or op."""
