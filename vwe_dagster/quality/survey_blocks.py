"""The rules of the survey's asset checks: stamps, seeds, ranges, and a row that is computed again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.analysis.row import seed_row
from vwe_dagster.engine.rows import NUMBER, WORLD_GEN_VERSION, schema_of, table_of
from vwe_dagster.quality.result import CheckResult, FindingError
from vwe_dagster.store import StoreError, WorldStore
from vwe_dagster.survey.files import file_of, read_rows
from vwe_dagster.survey.seed_sets import block

BlockCheck = Callable[[pa.Table, Depth, int], CheckResult]
"""Checks the rows of a block.

Raises:
    FindingError: they are not valid.
"""

_NEVER_NEGATIVE = ("_km2", "_km", "_share")


def stamps_current(table: pa.Table, depth: Depth, number: int) -> CheckResult:  # noqa: ARG001
    """The rows are of this version of the terrain, the statistics and the location table, and have its columns."""
    expected = schema_of(depth)
    if table.schema.equals(expected, check_metadata=True):
        return CheckResult(f"All {table.num_columns} columns and the versions are those of this version.")
    found, wanted = table.schema.metadata or {}, expected.metadata or {}
    other = [stamp.decode() for stamp in wanted if found.get(stamp) != wanted[stamp]]
    raise FindingError(f"The rows are of another version: {', '.join(other) or 'their columns differ'}.")


def seeds_of_block(table: pa.Table, depth: Depth, number: int) -> CheckResult:  # noqa: ARG001
    """The rows are those of the block's seeds, each once."""
    found, wanted = table[NUMBER].to_numpy(), block(number).seeds
    if np.array_equal(found, wanted):
        return CheckResult(f"Each of the {wanted.size} seeds has one row.")
    repeated, missing = found.size - np.unique(found).size, np.setdiff1d(wanted, found).size
    raise FindingError(f"{missing} of {wanted.size} seeds have no row, {repeated} rows are repeated.")


def values_in_range(table: pa.Table, depth: Depth, number: int) -> CheckResult:  # noqa: ARG001
    """Every value is finite or missing; areas, lengths and shares are not negative, and no share is above 1."""
    faults = [f"{name}: {fault}" for name in table.column_names[1:] if (fault := _fault(name, table[name]))]
    if faults:
        raise FindingError(f"Columns have impossible values. {'; '.join(faults)}.")
    missing = sum(column.null_count for column in table.columns)
    return CheckResult("All values are possible.", {"missing values": missing})


def sampled_row_recomputed(table: pa.Table, depth: Depth, number: int) -> CheckResult:
    """A row, chosen by the number of the block, equals the row computed again, value for value."""
    chosen = int(hashlib.sha256(str(number).encode()).hexdigest(), 16) % max(table.num_rows, 1)
    stored = table.slice(chosen, 1)
    (seed,) = stored[NUMBER].to_pylist()
    computed = table_of([seed], [seed_row(seed, depth, WORLD_GEN_VERSION)], depth, WORLD_GEN_VERSION)
    different = [
        name for name in computed.column_names if name not in stored.column_names or stored[name] != computed[name]
    ]
    if different:
        raise FindingError(f"The row of seed @{seed} differs when computed again: {', '.join(different)}.")
    return CheckResult(f"The row of seed @{seed} is the same when computed again.", {"seed": f"@{seed}"})


BLOCK_CHECKS: Mapping[str, BlockCheck] = {
    "stamps_current": stamps_current,
    "seeds_of_block": seeds_of_block,
    "values_in_range": values_in_range,
    "sampled_row_recomputed": sampled_row_recomputed,
}
"""The checks of a block, by name."""


def run_block_check(store: WorldStore, depth: Depth, number: int, check: BlockCheck) -> CheckResult:
    """Run a check on a block; a missing or damaged file is a failed result."""
    path = file_of(store, depth, block(number).name)
    remedy = "Materialize the block again."
    try:
        return check(read_rows(path), depth, number)
    except FileNotFoundError:
        return CheckResult(f"The survey file {path} is missing. {remedy}", passed=False)
    except (FindingError, StoreError) as error:
        return CheckResult(f"{error} {remedy}", passed=False)


def _fault(name: str, column: pa.ChunkedArray) -> str | None:
    values = column.drop_null().to_numpy()
    if not values.size:
        return None
    if not np.isfinite(values).all():
        return "a value is not finite"
    if name.endswith(_NEVER_NEGATIVE) and values.min() < 0:
        return f"{values.min():g} is negative"
    if name.endswith("_share") and values.max() > 1:
        return f"{values.max():g} is above 1"
    return None
