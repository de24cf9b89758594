"""How tiles are written."""

from __future__ import annotations

import io

from PIL import Image

QUALITY, EFFORT, LOSSLESS_EFFORT = 85, 2, 1


def webp_bytes(picture: Image.Image, *, lossless: bool) -> bytes:
    """A picture, RGB or RGBA, as WebP."""
    content = io.BytesIO()
    if lossless:
        picture.save(content, "WEBP", lossless=True, quality=0, method=LOSSLESS_EFFORT)
    else:
        picture.save(content, "WEBP", quality=QUALITY, method=EFFORT)
    return content.getvalue()
