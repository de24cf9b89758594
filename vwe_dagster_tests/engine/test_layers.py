"""Test that layers survive encoding and decoding, and that impossible metadata is rejected."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vwe_dagster.engine.layers import IncomingLayer, pack
from vwe_dagster.engine.messages import EngineError
from vwe_dagster.engine.protocol import LayerInfo

PLANES = hnp.arrays(
    st.sampled_from([np.uint16, np.float32]),
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
    fill=st.just(0),
)


def arrived(info: LayerInfo, body: memoryview) -> IncomingLayer:
    incoming = IncomingLayer(info)
    incoming.body[:] = body
    return incoming


@given(plane=PLANES)
def test_a_plane_arrives_to_the_bit(plane: np.ndarray) -> None:
    layer = arrived(*pack("lava", plane)).layer()

    assert isinstance(layer, np.ndarray)
    assert (layer.dtype, layer.shape) == (plane.dtype, plane.shape)
    assert layer.tobytes() == plane.tobytes()


def test_rows_of_zeros_at_the_edges_are_not_sent() -> None:
    plane = np.zeros((8, 4), np.float32)
    plane[3, 1], plane[5, 0] = 1.0, 2.0

    info, body = pack("lava", plane)

    assert (info.offset, info.bytes, body.nbytes) == (3 * 16, 3 * 16, 3 * 16)


def test_negative_zeros_are_sent() -> None:
    info, _ = pack("height", np.full((2, 2), -0.0, np.float32))

    assert info.bytes == 16


def test_plane_of_zeros_has_an_empty_body() -> None:
    info, body = pack("lava", np.zeros((3, 3), np.float32))

    assert (info.bytes, body.nbytes) == (0, 0)
    assert info.sha256 == hashlib.sha256().hexdigest()


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_lines_with_numbers_invalid_in_json_are_rejected(number: bytes) -> None:
    body = b'{"points": [[0, 0, %s]]}\n' % number
    info, _ = pack("rivers", [])
    info = info.model_copy(update={"shape": (1,), "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()})

    with pytest.raises(EngineError, match="The layer rivers is not valid JSON lines"):
        arrived(info, memoryview(body)).layer()


@pytest.mark.parametrize(
    "change",
    [
        {"offset": 1},
        {"shape": (1, 1)},
        {"shape": (2, 2, 1)},
        {"shape": (-2, -2)},
        {"shape": (2, 8193)},
        {"kind": "lines", "dtype": None, "bytes": 2**40},
        {"dtype": "uint8"},
        {"dtype": "nonsense"},
        {"dtype": "object"},
        {"dtype": None},
        {"bytes": 17},
    ],
    ids=str,
)
def test_impossible_metadata_is_rejected(change: dict[str, object]) -> None:
    info, _ = pack("height", np.ones((2, 2), np.float32))

    with pytest.raises(EngineError, match="impossible metadata"):
        IncomingLayer(info.model_copy(update=change))
