"""The paper of the pictures: grain, stains and a darker rim, the same for every picture of a size."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageFilter

from vwe_dagster.rendering import palette

_SEED = 1687
_GRAIN, _MOTTLE, _STAIN, _RIM = 1.6, 3.0, 5.0, 14.0
"""Typical amplitudes of the parts of the tone, of 255."""


def print_on_paper(picture: Image.Image) -> Image.Image:
    """Return a picture printed on paper: multiplied by the paper's tone."""
    return ImageChops.multiply(picture, sheet_tone(picture.width, picture.height))


def cut_out(picture: Image.Image, inside: npt.NDArray[np.float32]) -> Image.Image:
    """Return a picture pasted on plain paper by the share ``inside`` of every pixel, 0 to 1."""
    sheet = Image.new("RGB", picture.size, palette.PAPER)
    sheet.paste(picture, (0, 0), Image.fromarray((inside * np.float32(255)).astype(np.uint8)))
    return sheet


@functools.lru_cache(maxsize=1)
def sheet_tone(width: int, height: int) -> Image.Image:
    """Return the tone of an empty sheet: gray in RGB, 255 where it is whitest."""
    random = np.random.Generator(np.random.PCG64(_SEED))
    size = (width, height)
    grain = Image.frombytes("L", size, random.bytes(width * height)).filter(ImageFilter.BoxBlur(1))
    tone = np.asarray(grain, dtype=np.float32)
    tone -= np.float32(127.5)
    tone *= np.float32(_GRAIN / 32)
    for step, depth in ((6, _MOTTLE), (90, _STAIN)):
        cells = random.standard_normal((height // step + 2, width // step + 2), dtype=np.float32)
        tone += _spread(cells, size) * np.float32(depth / 2)
    across, down = _rim(width), _rim(height)
    tone -= np.maximum(across[None, :], down[:, None])
    tone += np.float32(250)
    return Image.fromarray(np.clip(tone, 0, 255).astype(np.uint8)).convert("RGB")


def _spread(cells: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    return np.asarray(Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC))


def _rim(length: int) -> npt.NDArray[np.float32]:
    edge = np.minimum(np.arange(length), np.arange(length)[::-1]) / (0.06 * length)
    return (_RIM * np.square(np.clip(1 - edge, 0, 1))).astype(np.float32)
