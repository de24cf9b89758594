"""VWE: Valheim world seeds into world data. This module holds the version; everything else has a package of its own."""

__version__ = "0.1.0"
