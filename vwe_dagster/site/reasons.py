"""The reasons of error responses, which pages show in the language of the visitor."""

from __future__ import annotations

import enum


class Reason(enum.StrEnum):
    """The reason of an error response; its value is the member ``reason`` of the JSON.

    A page shows its own text for a reason, with the key ``reason.`` and the value, or the English message. The reasons
    of invalid questions are those of :class:`vwe_dagster.catalog.query_error.QueryFault`.
    """

    MISSING = "missing"
    READ_ONLY = "read_only"
    INVALID_SEED = "invalid_seed"
    NO_LOCATIONS = "no_locations"
    NO_BLOCK = "no_block"
    NO_TILE = "no_tile"
    NO_PAPER = "no_paper"
    DAMAGED = "damaged"
    NO_BUILDS = "no_builds"
    NOT_FROM_PAGE = "not_from_page"
    TOO_LONG = "too_long"
    TOO_MANY_BUILDS = "too_many_builds"
    INVALID_FILE = "invalid_file"
