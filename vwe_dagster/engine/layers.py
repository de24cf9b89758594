"""Encode layers as bytes for the wire; decode and verify them.

A plane is sent as little-endian values, row 0 south, without its leading and trailing rows of zeros, which are nine
tenths of a lava plane. Lines are sent as JSON, one per line, each with a final line feed.
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
from vwe_dagster.engine.protocol import LayerInfo
from vwe_dagster.world.grid import MAX_SIZE

Layer = npt.NDArray[np.generic] | list[Line]
OnLayer = Callable[[str, Layer], None]
"""Callback with the name and content of a finished layer; it may be called in any thread."""

Packed = tuple[LayerInfo, memoryview]

MAX_LINES_BYTES = 2**25
"""Maximum length of a layer of lines; the longest one of three worlds, streams, has 0.7 MB."""

MAX_ROWS_BYTES = 2**25
"""Maximum length of a layer of rows; 4096 rows of 250 columns have 4 MB."""

THREADS = 4
"""Hashes computed concurrently; hashing releases the GIL."""


class LayerPacker:
    """Packs layers of a world in threads while the engine generates the next ones."""

    def __init__(self) -> None:
        self._threads = concurrent.futures.ThreadPoolExecutor(THREADS)
        self._packed: dict[str, concurrent.futures.Future[Packed]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def add(self, name: str, layer: Layer) -> None:
        """Start packing a layer; the caller must not change it afterwards, since planes are not copied."""
        self._packed[name] = self._threads.submit(pack, name, layer)

    def result(self) -> Mapping[str, Packed]:
        """Wait until all layers are packed, and return them by name."""
        return {name: future.result() for name, future in self._packed.items()}


def ignore_layer(name: str, layer: Layer) -> None:
    """Ignore a finished layer: the :data:`OnLayer` of callers that only need the whole export."""


def pack(name: str, layer: Layer) -> Packed:
    """Return the metadata and bytes of a layer."""
    return _pack_lines(name, layer) if isinstance(layer, list) else _pack_plane(name, layer)


class IncomingLayer:
    """Buffer for a layer that is being downloaded.

    Args:
        info: metadata from the engine.

    Raises:
        EngineError: the metadata is impossible.

    Attributes:
        info: metadata from the engine.
        body: memory for the bytes that the engine sends, ``info.bytes`` long.
    """

    def __init__(self, info: LayerInfo) -> None:
        self.info = info
        limits = {"lines": MAX_LINES_BYTES, "rows": MAX_ROWS_BYTES}
        whole = _plane_bytes(info) if info.kind == "plane" else min(info.bytes, limits[info.kind])
        begin, end = info.offset, info.offset + info.bytes
        if end > whole:
            raise EngineError(
                f"The layer {info.name} has impossible metadata: {info.bytes} bytes from {begin} on for the shape "
                f"{info.shape} of {info.dtype}; destroy the engine."
            )
        self._whole = np.empty(whole, np.uint8) if info.bytes == whole else np.zeros(whole, np.uint8)
        self.body = self._whole[begin:end].data

    def layer(self) -> Layer:
        """Return the verified layer: a plane as an array that shares the memory, lines as a list.

        Raises:
            EngineError: the bytes do not match the metadata.
        """
        verify(self.info, self.body)
        if self.info.kind == "lines":
            return _unpack_lines(self.info, self.body)
        dtype = np.dtype(str(self.info.dtype))
        return self._whole.view(dtype.newbyteorder("<")).reshape(self.info.shape).astype(dtype, copy=False)


def _plane_bytes(info: LayerInfo) -> int:
    """Return the bytes of a whole plane; 0 if its shape or type is invalid."""
    try:
        dtype = np.dtype(str(info.dtype))
    except TypeError:
        return 0
    itemsize = dtype.itemsize if dtype.kind in "iuf" else 0
    is_possible = len(info.shape) == 2 and min(info.shape) > 0 and max(info.shape) <= MAX_SIZE
    return itemsize * math.prod(info.shape) if is_possible else 0


def _unpack_lines(info: LayerInfo, body: memoryview) -> list[Line]:
    text = bytes(body).rstrip(b"\n").replace(b"\n", b",")
    try:
        lines: list[Line] = pydantic_core.from_json(b"[" + text + b"]", allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise EngineError(f"The layer {info.name} is not valid JSON lines ({error}); destroy the engine.") from error
    if info.shape != (len(lines),):
        raise EngineError(f"The layer {info.name} has {len(lines)} lines, not {info.shape}; destroy the engine.")
    return lines


def verify(info: LayerInfo, body: memoryview) -> None:
    """Check the length and hash of a layer's bytes.

    Raises:
        EngineError: one of them differs from the metadata.
    """
    if body.nbytes != info.bytes or hashlib.sha256(body).hexdigest() != info.sha256:
        raise EngineError(
            f"The layer {info.name} was damaged in transfer: its {info.bytes} bytes do not match their hash. "
            "Try again; if it happens again, destroy the engine."
        )


def pack_rows(name: str, content: bytes, rows: int) -> Packed:
    """Return the metadata and bytes of a layer of rows.

    Args:
        name: name of the layer.
        content: the rows as an Arrow IPC stream.
        rows: number of rows.
    """
    body = memoryview(content)
    return _info(name, body, "rows", None, (rows,)), body


def _pack_plane(name: str, plane: npt.NDArray[np.generic]) -> Packed:
    values = np.ascontiguousarray(plane, plane.dtype.newbyteorder("<"))
    # Compare as integers, because a negative zero must be sent.
    bits, first, end = values.view(f"u{values.itemsize}"), 0, len(values)
    if not (bits[0].any() and bits[-1].any()):
        rows = np.flatnonzero(bits.any(axis=1))
        first, end = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    body = values[first:end].reshape(-1).view(np.uint8).data
    offset = first * values[:1].nbytes
    return _info(name, body, "plane", plane.dtype.name, plane.shape, offset=offset), body


def _pack_lines(name: str, lines: list[Line]) -> Packed:
    body = memoryview(b"".join(pydantic_core.to_json(line) + b"\n" for line in lines))
    return _info(name, body, "lines", None, (len(lines),)), body


def _info(
    name: str,
    body: memoryview,
    kind: Literal["plane", "lines", "rows"],
    dtype: str | None,
    shape: tuple[int, ...],
    *,
    offset: int = 0,
) -> LayerInfo:
    return LayerInfo(
        name=name,
        kind=kind,
        dtype=dtype,
        shape=shape,
        offset=offset,
        bytes=body.nbytes,
        sha256=hashlib.sha256(body).hexdigest(),
    )
