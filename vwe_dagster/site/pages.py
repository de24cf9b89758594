"""The files that the page itself is made of, and their names beside those of the worlds: HTML, style sheets, modules.

Every address in them is relative, so that they work under any prefix, served or as plain files.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import html
import mimetypes
from collections.abc import Mapping
from pathlib import Path

from isal import isal_zlib

STATIC = Path(__file__).parent / "static"
"""What all pages share; below ``static/`` on the site."""

_HTML = Path(__file__).parent / "html"

GALLERY_PAGE, WORLD_PAGE, COMPARE_PAGE, FIND_PAGE = "gallery.html", "world.html", "compare.html", "find.html"

_LONE_DOT, _LONE_DOT_FOLDER = ".", "~."
_GZIP = 31
_TYPES = {".js": "text/javascript", ".webp": "image/webp", ".json": "application/json"}
_PACKED = {"text/html", "text/css", "text/javascript", "application/json", "image/svg+xml", "text/plain"}


@dataclasses.dataclass(frozen=True)
class Content:
    """What is sent to a browser.

    Attributes:
        plain: the bytes.
        media_type: what they are.
        packed: the bytes gzipped, where that pays.
        etag: tells these bytes from others.
    """

    plain: bytes
    media_type: str
    packed: bytes | None
    etag: str

    @classmethod
    def of(cls, plain: bytes, media_type: str, *, etag: str | None = None) -> Content:
        """Content of a type; gzipped too if it is text or planes."""
        pays = media_type in _PACKED or media_type == "application/octet-stream"
        told = etag or hashlib.sha256(plain).hexdigest()[:24]
        return cls(plain, media_type, isal_zlib.compress(plain, 1, _GZIP) if pays else None, f'"{told}"')


@functools.cache
def static_files() -> Mapping[str, Content]:
    """Every file that the pages share, by its path below :data:`STATIC`."""
    return {
        path.relative_to(STATIC).as_posix(): Content.of(path.read_bytes(), _media_type(path))
        for path in sorted(STATIC.rglob("*"))
        if path.is_file()
    }


@functools.cache
def html_files() -> Mapping[str, Content]:
    """The pages, by name."""
    return {path.name: Content.of(path.read_bytes(), "text/html") for path in sorted(_HTML.glob("*.html"))}


def missing_page(sentence: str, *, root: str) -> str:
    """The page that says that there is no such page.

    Args:
        sentence: why not.
        root: the way from the page that was asked for to the site's root.
    """
    page = (_HTML / "missing.html").read_text(encoding="utf-8")
    return page.replace("{{root}}", html.escape(root)).replace("{{sentence}}", html.escape(sentence))


def folder_of(key: str) -> str:
    """The name that a world's page has below ``worlds/``: its key, but for one that would mean *this folder*."""
    return _LONE_DOT_FOLDER if key == _LONE_DOT else key


def key_of(folder: str) -> str:
    """The inverse of :func:`folder_of`."""
    return _LONE_DOT if folder == _LONE_DOT_FOLDER else folder


def _media_type(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
