"""The files that all worlds share: HTML, style sheets and modules, and their names on the site.

Every URL in them is relative, so that they work under any prefix, on a server or as plain files.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import mimetypes
from collections.abc import Mapping
from pathlib import Path

import jinja2
from isal import isal_zlib

from vwe_dagster.site.bundle import imported_modules
from vwe_dagster.site.reasons import Reason

STATIC = Path(__file__).parent / "static"
"""Folder of the files that all pages share; they are below ``static/`` on the site."""

_HTML = Path(__file__).parent / "html"

GALLERY_PAGE, WORLD_PAGE, COMPARE_PAGE, FIND_PAGE = "gallery.html", "world.html", "compare.html", "find.html"
PAGES = GALLERY_PAGE, WORLD_PAGE, COMPARE_PAGE, FIND_PAGE

_CLASSIC_SCRIPT = "js/theme.js"
_VERSION_PREFIX = "v-"
_LONE_DOT, _LONE_DOT_FOLDER = ".", "~."
_GZIP = 31
_TYPES = {".js": "text/javascript", ".webp": "image/webp", ".json": "application/json"}
_PACKED = {"text/html", "text/css", "text/javascript", "application/json", "image/svg+xml", "text/plain"}


@dataclasses.dataclass(frozen=True)
class Content:
    """The body of a response.

    Attributes:
        plain: the bytes.
        media_type: their media type.
        packed: the bytes gzipped; None if gzip would not make them smaller.
        etag: the entity tag, in quotation marks.
    """

    plain: bytes
    media_type: str
    packed: bytes | None
    etag: str

    @classmethod
    def of(cls, plain: bytes, media_type: str, *, etag: str | None = None) -> Content:
        """Return content; it is also gzipped if it is text or planes. The default tag is a digest of the bytes."""
        pays = media_type in _PACKED or media_type == "application/octet-stream"
        tag = etag or hashlib.sha256(plain).hexdigest()[:24]
        return cls(plain, media_type, isal_zlib.compress(plain, 1, _GZIP) if pays else None, f'"{tag}"')


@functools.cache
def static_files() -> Mapping[str, Content]:
    """Return the files that all pages share, by path below :data:`STATIC`."""
    return {
        path.relative_to(STATIC).as_posix(): Content.of(path.read_bytes(), _media_type(path))
        for path in sorted(STATIC.rglob("*"))
        if path.is_file()
    }


@functools.cache
def static_version() -> str:
    """Return the folder of the static files in the URLs of a server's pages, which changes when one of the files does.

    A browser uses cached files of such URLs without a request: a page of a world has 55 of them.
    """
    tags = "".join(f"{path} {content.etag}\n" for path, content in static_files().items())
    return f"{_VERSION_PREFIX}{hashlib.sha256(tags.encode()).hexdigest()[:16]}"


def static_file(path: str) -> tuple[Content | None, bool]:
    """Return a static file, or None, and whether its path has the current version.

    The version is optional. A path with another one, from a page of an earlier server, has the current file.
    """
    version, _, rest = path.partition("/")
    is_versioned = version.startswith(_VERSION_PREFIX)
    return static_files().get(rest if is_versioned else path), version == static_version()


@functools.cache
def module_sources() -> Mapping[str, str]:
    """Return the text of every JavaScript module, by path below :data:`STATIC`."""
    return {
        path: content.plain.decode()
        for path, content in static_files().items()
        if path.startswith("js/") and path != _CLASSIC_SCRIPT
    }


@functools.cache
def html_files() -> Mapping[str, Content]:
    """Return the HTML of the pages, by name."""
    return {name: Content.of(render_page(name).encode(), "text/html") for name in PAGES}


def render_page(name: str, **values: object) -> str:
    """Return the HTML of a page.

    Args:
        name: the name of its template.
        values: the variables of the template: ``preview``, the tags of a link preview, only for a page of an export.
    """
    return _templates().get_template(name).render(values)


def missing_page(message: str, reason: Reason, *, root: str) -> str:
    """Return the HTML of the page for a missing page or file.

    Args:
        message: the cause in English, which the page shows if it has no text for the reason.
        reason: the cause, for which the page has a text in the language of the visitor.
        root: the relative URL of the site's root, as seen from the requested page.
    """
    return render_page("missing.html", message=message, reason=reason, root=root)


@functools.cache
def _templates() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HTML),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    environment.globals["static_version"] = static_version
    environment.globals["imported_modules"] = lambda module: imported_modules(module_sources(), module)
    return environment


def folder_of(key: str) -> str:
    """Return the folder name of a world below ``worlds/``: its key, except for ``.``, which means *this folder*."""
    return _LONE_DOT_FOLDER if key == _LONE_DOT else key


def key_of(folder: str) -> str:
    """Return the key of a folder name, the inverse of :func:`folder_of`."""
    return _LONE_DOT if folder == _LONE_DOT_FOLDER else folder


def _media_type(path: Path) -> str:
    return _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
