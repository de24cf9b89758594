"""Random words of one stream, drawn ahead in blocks, so that kernels can skip words and read them again.

The state of the random numbers is the last four words: at place ``at`` of a block it is ``words[at - 4 : at]``.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import inlined_kernel, inner_kernel, kernel
from vwe_dagster.kernels.vectors import Lanes, as_f32
from vwe_dagster.worldgen.unity_random import init_state

BLOCK = 4096
RESERVE = 512
"""Fewest unread words of a block; with fewer left it is refilled."""
STATE = 4

Words = npt.NDArray[np.uint32]
"""A block of random words, ``[BLOCK]``."""


@kernel
def start_words(seed: int) -> Words:
    """Return a block that is read to its end, with the state after ``Random.InitState(seed)``."""
    words = np.empty(BLOCK, np.uint32)
    words[BLOCK - STATE :] = init_state(seed)
    return words


@inner_kernel
def refill(words: Words, at: int) -> int:
    """Move the words from place ``at`` onwards to the front, after the state, and draw more; return the new place."""
    kept = BLOCK - at + STATE
    for i in range(kept):
        words[i] = words[at - STATE + i]
    s0, s1, s2, s3 = words[kept - 4], words[kept - 3], words[kept - 2], words[kept - 1]
    for i in range(kept, BLOCK):
        t = np.uint32(s0 ^ np.uint32(s0 << np.uint32(11)))
        s0, s1, s2 = s1, s2, s3
        s3 = np.uint32(s3 ^ t ^ np.uint32(np.uint32(np.uint32(s3 >> np.uint32(11)) ^ t) >> np.uint32(8)))
        words[i] = s3
    return STATE


@inlined_kernel
def int_of(word: np.uint32, low: int, high: int) -> int:
    """Return the integer from ``low`` to below ``high`` that a word stands for; ``low`` is less than ``high``."""
    return low + np.int64(np.uint32(word % np.uint32(high - low)))


@inlined_kernel
def float_of(word: np.uint32, low: np.float32, high: np.float32) -> float:
    """Return the number from ``low`` to ``high`` that a word stands for."""
    r = np.float32(word & np.uint32(0x7FFFFF)) * np.float32(1.1920930376163765e-07)
    return np.float64((np.float32(1) - r) * high + r * low)


@inlined_kernel
def floats_of(words: Lanes, low: np.float32, high: np.float32) -> Lanes:
    """Return :func:`float_of` of int32 lanes, float32 lanes."""
    r = as_f32(words & 0x7FFFFF) * np.float32(1.1920930376163765e-07)
    return (np.float32(1) - r) * high + r * low
