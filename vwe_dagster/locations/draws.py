"""Random words of one stream, drawn ahead in blocks, so that kernels can skip words and read them again."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel
from vwe_dagster.worldgen.unity_random import State

BLOCK = 4096
RESERVE = 512
"""Fewest unread words of a block; with fewer left it is refilled."""


class Draws(NamedTuple):
    """A block of random words.

    Attributes:
        state: uint32 ``[4]``, the state after the last word of the block.
        words: uint32 ``[BLOCK]``.
    """

    state: State
    words: npt.NDArray[np.uint32]


@inner_kernel
def refill(draws: Draws, at: int) -> int:
    """Move the words from place ``at`` onwards to the front, draw the rest of the block, and return the new place."""
    words, kept = draws.words, BLOCK - at
    for i in range(kept):
        words[i] = words[at + i]
    s0, s1, s2, s3 = draws.state[0], draws.state[1], draws.state[2], draws.state[3]
    for i in range(kept, BLOCK):
        t = np.uint32(s0 ^ np.uint32(s0 << np.uint32(11)))
        s0, s1, s2 = s1, s2, s3
        s3 = np.uint32(s3 ^ t ^ np.uint32(np.uint32(np.uint32(s3 >> np.uint32(11)) ^ t) >> np.uint32(8)))
        words[i] = s3
    draws.state[0], draws.state[1], draws.state[2], draws.state[3] = s0, s1, s2, s3
    return 0


@inlined_kernel
def int_of(word: np.uint32, low: int, high: int) -> int:
    """Return the integer from ``low`` to below ``high`` that a word stands for; ``low`` is less than ``high``."""
    return low + np.int64(np.uint32(word % np.uint32(high - low)))


@inlined_kernel
def float_of(word: np.uint32, low: np.float32, high: np.float32) -> float:
    """Return the number from ``low`` to ``high`` that a word stands for."""
    r = np.float32(word & np.uint32(0x7FFFFF)) * np.float32(1.1920930376163765e-07)
    return np.float64((np.float32(1) - r) * high + r * low)
