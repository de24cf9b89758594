"""Unity's random numbers: xorshift128 as ``UnityEngine.Random`` draws them. Section 3 of the terrain specification.

The state is a uint32 array of four words that every draw changes in place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vwe_dagster.kernels.compiling import kernel

State = npt.NDArray[np.uint32]


@kernel
def init_state(seed: int) -> State:
    """Return the state after ``Random.InitState(seed)``."""
    state = np.empty(4, np.uint32)
    word = np.uint64(seed) & np.uint64(0xFFFFFFFF)
    for i in range(4):
        state[i] = word
        word = (word * np.uint64(1812433253) + np.uint64(1)) & np.uint64(0xFFFFFFFF)
    return state


@kernel
def next_word(state: State) -> np.uint32:
    """Draw the next 32 random bits."""
    t = np.uint32(state[0] ^ np.uint32(state[0] << np.uint32(11)))
    last = state[3]
    state[0], state[1], state[2] = state[1], state[2], last
    state[3] = last ^ t ^ (np.uint32(np.uint32(last >> np.uint32(11)) ^ t) >> np.uint32(8))
    return state[3]


@kernel
def range_int(state: State, low: int, high: int) -> int:
    """Draw an integer from ``low`` to below ``high``; if they are equal, nothing is drawn."""
    if low == high:
        return low
    return low + np.int64(next_word(state)) % (high - low)


@kernel
def unit_float(state: State) -> np.float32:
    """Draw a float32 from 0 to 1."""
    return np.float32(next_word(state) & np.uint32(0x7FFFFF)) * np.float32(1.1920930376163765e-07)


@kernel
def range_float(state: State, low: float, high: float) -> float:
    """Draw a number from ``low`` to ``high``, in float32 arithmetic.

    Equal bounds also draw, and the result may differ from them.
    """
    r = unit_float(state)
    return np.float64((np.float32(1) - r) * np.float32(high) + r * np.float32(low))
