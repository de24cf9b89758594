"""Survey rows as Arrow tables: schema, and version stamps that decide which rows are comparable."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping

import pyarrow as pa

from vwe_dagster.analysis.columns import ROW_VERSION, ColumnType, Depth, columns_of
from vwe_dagster.engine.messages import NATIVE, EngineError, SurveyRequest
from vwe_dagster.locations.table_file import shipped_table

NUMBER = "number"
"""The first column of every row: the seed as a signed 32-bit integer."""

WORLD_GEN_VERSION = 2
"""The world-gen version of surveys: that of every world created since 2022."""

_PREFIX = b"vwe."
_TYPES: Mapping[ColumnType, pa.DataType] = {ColumnType.COUNT: pa.int32(), ColumnType.MEASURE: pa.float32()}


@dataclasses.dataclass(frozen=True)
class Stamps:
    """Everything that rows depend on besides their seeds; only rows with equal stamps are comparable.

    Attributes:
        depth: how much of each world was computed.
        engine: kind and version of the terrain engine.
        row_version: :data:`vwe_dagster.analysis.columns.ROW_VERSION`.
        world_gen_version: the world-gen version.
        location_table: name of the table of location types; empty at depth ``start``, which places no location.
        location_table_sha256: its hash; empty at depth ``start``.
        columns: :func:`columns_digest` of the schema.
    """

    depth: str
    engine: str
    row_version: str
    world_gen_version: str
    location_table: str
    location_table_sha256: str
    columns: str

    @property
    def metadata(self) -> dict[bytes, bytes]:
        """Stamps as metadata of an Arrow schema or a Parquet file."""
        return {_PREFIX + name.encode(): text.encode() for name, text in dataclasses.asdict(self).items()}

    @property
    def digest(self) -> str:
        """SHA-256 of the stamps, in hexadecimal."""
        return digest_of(self.metadata)


def digest_of(metadata: Mapping[bytes, bytes] | None) -> str:
    """Return the digest of the stamps in the metadata of a file, see :attr:`Stamps.digest`."""
    stamps = sorted((name, text) for name, text in (metadata or {}).items() if name.startswith(_PREFIX))
    return hashlib.sha256(b"".join(b"%b=%b\n" % stamp for stamp in stamps)).hexdigest()


def stamps_of(depth: Depth, world_gen_version: int = WORLD_GEN_VERSION) -> Stamps:
    """Return the stamps of the rows that this version of the project computes."""
    table = None if depth is Depth.START else shipped_table()
    return Stamps(
        depth=depth.value,
        engine=f"{NATIVE.kind} {NATIVE.version}",
        row_version=ROW_VERSION,
        world_gen_version=str(world_gen_version),
        location_table=table.name if table else "",
        location_table_sha256=table.sha256 if table else "",
        columns=columns_digest(_plain_schema(depth)),
    )


def schema_of(depth: Depth, world_gen_version: int = WORLD_GEN_VERSION) -> pa.Schema:
    """Return the schema of rows: ``number``, then the columns of the depth; the stamps are its metadata."""
    return _plain_schema(depth).with_metadata(stamps_of(depth, world_gen_version).metadata)


def columns_digest(schema: pa.Schema) -> str:
    """Return SHA-256 of the names and types of columns, in hexadecimal."""
    return hashlib.sha256("".join(f"{field.name} {field.type}\n" for field in schema).encode()).hexdigest()


def table_of(
    numbers: Iterable[int], rows: Iterable[Mapping[str, object]], depth: Depth, world_gen_version: int
) -> pa.Table:
    """Return rows of statistics as a table of :func:`schema_of`.

    Args:
        numbers: the seed of each row.
        rows: the values of each row by the name of the column.
        depth: the depth of all rows.
        world_gen_version: the world-gen version of all rows.
    """
    named = [{NUMBER: number, **row} for number, row in zip(numbers, rows, strict=True)]
    return pa.Table.from_pylist(named, schema=schema_of(depth, world_gen_version))


def to_bytes(table: pa.Table) -> bytes:
    """Return a table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def from_bytes(content: memoryview, request: SurveyRequest) -> pa.Table:
    """Return the rows that an engine computed as a table.

    Args:
        content: an Arrow IPC stream.
        request: the request that the engine answered.

    Raises:
        EngineError: the content is not an Arrow stream, or its seeds, columns or versions differ from the request.
    """
    try:
        table = pa.ipc.open_stream(content).read_all()
    except pa.ArrowException as error:
        raise EngineError(
            f"The rows of a survey are not a valid Arrow stream ({error}); destroy the engine."
        ) from error
    expected = schema_of(request.depth, request.world_gen_version)
    if not table.schema.equals(expected, check_metadata=True):
        raise EngineError(
            f"The engine computes other rows than this version of the project: {_difference(table.schema, expected)}. "
            "Run 'vwe pool drain' to replace it."
        )
    if table[NUMBER].to_pylist() != list(request.seeds):
        raise EngineError("The engine returned rows of other seeds than requested; destroy it.")
    return table


def _difference(schema: pa.Schema, expected: pa.Schema) -> str:
    theirs, ours = schema.metadata or {}, expected.metadata or {}
    for name, text in ours.items():
        if theirs.get(name) != text:
            stamp = name.removeprefix(_PREFIX).decode()
            return f"its {stamp} is {theirs.get(name, b'').decode(errors='replace')!r}, not {text.decode()!r}"
    return "its columns differ"


def _plain_schema(depth: Depth) -> pa.Schema:
    number = pa.field(NUMBER, pa.int32(), nullable=False)
    return pa.schema([number, *(pa.field(column.name, _TYPES[column.type]) for column in columns_of(depth))])
