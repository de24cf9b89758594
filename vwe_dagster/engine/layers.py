"""Layers as bytes: how planes and lines are written for the wire, and read and verified on the other side.

A plane is its values, little-endian, row 0 south, without the rows of zeros before the first and after the last row
that holds anything else: nine tenths of a lava plane. Lines are JSON, one a line, each ended by a line feed.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pydantic_core

from vwe_dagster.engine.messages import EngineError, Line
from vwe_dagster.engine.protocol import LayerFacts
from vwe_dagster.world.grid import MAX_SIZE

Layer = npt.NDArray[np.generic] | list[Line]
Made = Callable[[str, Layer], None]
"""Called with the name of a layer and the layer itself once it is finished."""

Packed = tuple[LayerFacts, memoryview]

MOST_LINES_BYTES = 2**25
"""Length of the longest layer of lines that is read; the longest of three worlds, its streams, has 0.7 MB."""

MOST_ROWS_BYTES = 2**25
"""Length of the longest layer of rows that is read; 4096 rows of 250 columns have 4 MB."""

THREADS = 4
"""Hashes computed at once; hashing lets other threads run."""


class Packing:
    """Packs the layers of one world in threads, while the next ones are still being made."""

    def __init__(self) -> None:
        self._threads = concurrent.futures.ThreadPoolExecutor(THREADS)
        self._packed: dict[str, concurrent.futures.Future[Packed]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def add(self, name: str, layer: Layer) -> None:
        """Takes a layer, which must not change any more; planes are not copied."""
        self._packed[name] = self._threads.submit(pack, name, layer)

    def result(self) -> Mapping[str, Packed]:
        """Every layer, once all are packed."""
        return {name: future.result() for name, future in self._packed.items()}


def tell_nobody(name: str, layer: Layer) -> None:
    """A :data:`Made` for those who wait for the whole export."""


def pack(name: str, layer: Layer) -> Packed:
    """The facts and bytes of a layer."""
    return _pack_lines(name, layer) if isinstance(layer, list) else _pack_plane(name, layer)


class Arriving:
    """A layer on its way: where its bytes go, and the layer once they are there.

    Args:
        facts: what the engine says of it.

    Raises:
        EngineError: there can be no such layer.

    Attributes:
        facts: what the engine says of it.
        body: the memory to be filled with the bytes that the engine sends, ``facts.bytes`` long.
    """

    def __init__(self, facts: LayerFacts) -> None:
        self.facts = facts
        limits = {"lines": MOST_LINES_BYTES, "rows": MOST_ROWS_BYTES}
        whole = _plane_bytes(facts) if facts.kind == "plane" else min(facts.bytes, limits[facts.kind])
        begin, end = facts.offset, facts.offset + facts.bytes
        if end > whole:
            raise EngineError(
                f"The engine says that its layer {facts.name} is {facts.shape} of {facts.dtype} in {facts.bytes} bytes "
                f"from {begin} on, which cannot be; it is broken, destroy it."
            )
        self._whole = np.empty(whole, np.uint8) if facts.bytes == whole else np.zeros(whole, np.uint8)
        self.body = self._whole[begin:end].data

    def layer(self) -> Layer:
        """The layer: a plane as an array that uses the memory, lines as a list.

        Raises:
            EngineError: the bytes are not those that the engine tells of.
        """
        verify(self.facts, self.body)
        if self.facts.kind == "lines":
            return _unpack_lines(self.facts, self.body)
        dtype = np.dtype(str(self.facts.dtype))
        return self._whole.view(dtype.newbyteorder("<")).reshape(self.facts.shape).astype(dtype, copy=False)


def _plane_bytes(facts: LayerFacts) -> int:
    """How long the whole plane is; 0 for one that cannot be."""
    try:
        dtype = np.dtype(str(facts.dtype))
    except TypeError:
        return 0
    itemsize = dtype.itemsize if dtype.kind in "iuf" else 0
    can_be = len(facts.shape) == 2 and min(facts.shape) > 0 and max(facts.shape) <= MAX_SIZE
    return itemsize * math.prod(facts.shape) if can_be else 0


def _unpack_lines(facts: LayerFacts, body: memoryview) -> list[Line]:
    text = bytes(body).rstrip(b"\n").replace(b"\n", b",")
    try:
        lines: list[Line] = pydantic_core.from_json(b"[" + text + b"]", allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise EngineError(f"The layer {facts.name} is not lines of JSON ({error}); the engine is broken.") from error
    if facts.shape != (len(lines),):
        raise EngineError(f"The layer {facts.name} has {len(lines)} lines, not {facts.shape}; the engine is broken.")
    return lines


def verify(facts: LayerFacts, body: memoryview) -> None:
    """Checks that bytes are those that the facts tell of.

    Raises:
        EngineError: they are not.
    """
    if body.nbytes != facts.bytes or hashlib.sha256(body).hexdigest() != facts.sha256:
        raise EngineError(
            f"The layer {facts.name} did not arrive as the engine made it: its {facts.bytes} bytes have another hash. "
            "Ask again; if it happens again, destroy the engine."
        )


def pack_rows(name: str, content: bytes, rows: int) -> Packed:
    """Return the metadata and bytes of a layer of rows.

    Args:
        name: its name.
        content: the rows as an Arrow IPC stream.
        rows: how many they are.
    """
    body = memoryview(content)
    return _facts(name, body, "rows", None, (rows,)), body


def _pack_plane(name: str, plane: npt.NDArray[np.generic]) -> Packed:
    values = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<"))
    # As integers: a negative zero is a value like any other.
    bits, first, end = values.view(f"u{values.itemsize}"), 0, len(values)
    if not (bits[0].any() and bits[-1].any()):
        rows = np.flatnonzero(bits.any(axis=1))
        first, end = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    body = values[first:end].reshape(-1).view(np.uint8).data
    offset = first * values[:1].nbytes
    return _facts(name, body, "plane", plane.dtype.name, plane.shape, offset=offset), body


def _pack_lines(name: str, lines: list[Line]) -> Packed:
    body = memoryview(b"".join(pydantic_core.to_json(line) + b"\n" for line in lines))
    return _facts(name, body, "lines", None, (len(lines),)), body


def _facts(
    name: str,
    body: memoryview,
    kind: Literal["plane", "lines", "rows"],
    dtype: str | None,
    shape: tuple[int, ...],
    *,
    offset: int = 0,
) -> LayerFacts:
    return LayerFacts(
        name=name,
        kind=kind,
        dtype=dtype,
        shape=shape,
        offset=offset,
        bytes=body.nbytes,
        sha256=hashlib.sha256(body).hexdigest(),
    )
