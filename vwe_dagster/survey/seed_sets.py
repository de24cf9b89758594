"""The sets of seeds of survey files: blocks of the fixed permutation, and other sets, named after their seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from vwe_dagster.analysis.columns import Depth
from vwe_dagster.seeds.permutation import seeds_from

BLOCK_SEEDS = 4096
"""Number of seeds in a block, and in the largest set.

A million rows at depth ``world`` take 301 MB in files of 256 seeds, 172 MB in files of 1024 and 115 MB in files of
4096. Reading five columns takes 4.1, 0.9 and 0.2 s of processor time (99 columns, resampled from the rows of 649
seeds). Rows are stored in parts, so that a kill loses no more of a large block than of a small one.
"""

BLOCKS = 2**32 // BLOCK_SEEDS
"""Number of blocks that contain all seeds."""

_BLOCK_KEY = re.compile(rf"(?P<depth>{'|'.join(Depth)}):(?P<number>\d{{7}})")
_BLOCK_NAME = re.compile(r"block-(?P<number>\d{7})")
_SET_NAME = re.compile(r"set-[0-9a-f]{16}")


@dataclasses.dataclass(frozen=True, eq=False)
class SeedSet:
    """Seeds whose rows are stored in one file.

    Attributes:
        name: the name of the file without its suffix.
        seeds: the seed integers in the order of the rows, int32.
    """

    name: str
    seeds: npt.NDArray[np.int32]


def block(number: int) -> SeedSet:
    """Return a block: the seeds of the permutation from position ``number * BLOCK_SEEDS`` on.

    Raises:
        ValueError: there is no such block.
    """
    if not 0 <= number < BLOCKS:
        raise ValueError(f"Blocks are numbered 0 to {BLOCKS - 1}, not {number}.")
    return SeedSet(block_name(number), seeds_from(number * BLOCK_SEEDS, BLOCK_SEEDS))


def block_name(number: int) -> str:
    """Return the name of a block."""
    return f"block-{number:07}"


def block_number(name: str) -> int | None:
    """Return the number of the block of a name; None if it is not the name of a block."""
    match = _BLOCK_NAME.fullmatch(name)
    return int(match["number"]) if match else None


def block_key(depth: Depth, number: int) -> str:
    """Return the partition key of a block, such as ``world:0000012``; the colon distinguishes it from a seed."""
    return f"{depth.value}:{number:07}"


def parse_block_key(key: str) -> tuple[Depth, int]:
    """Return the depth and the block number of a partition key.

    Raises:
        ValueError: the key is not the key of a block.
    """
    match = _BLOCK_KEY.fullmatch(key)
    if match is None or int(match["number"]) >= BLOCKS:
        raise ValueError(
            f"{key!r} is not a block of the survey; write a depth and seven digits below {BLOCKS}, as in world:0000012."
        )
    return Depth(match["depth"]), int(match["number"])


def is_set_name(name: str) -> bool:
    """Return whether a name is that of a block or a set."""
    return bool(_BLOCK_NAME.fullmatch(name) or _SET_NAME.fullmatch(name))


def sets_of(seeds: npt.NDArray[Any]) -> Iterator[SeedSet]:
    """Split seeds into sets of at most :data:`BLOCK_SEEDS`, each named by a digest of its seeds.

    The sets depend neither on the order of the seeds nor on repetitions.
    """
    ordered = np.unique(np.asarray(seeds, np.int32))
    for first in range(0, ordered.size, BLOCK_SEEDS):
        part = ordered[first : first + BLOCK_SEEDS]
        digest = hashlib.sha256(part.astype("<i4").tobytes()).hexdigest()
        yield SeedSet(f"set-{digest[:16]}", part)
