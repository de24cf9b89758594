"""The pages of an export, which also work without a server, and their link previews.

Browsers let a page from a disk load pictures, styles and classic scripts, but neither modules nor data. So an export
has a classic script per page, and a classic script for each file of data, whose value the page reads.
"""

from __future__ import annotations

import base64
import dataclasses
import html
import re
from collections.abc import Iterator
from urllib.parse import urljoin

from isal import isal_zlib

from vwe_dagster.rendering.link_card import CARD_SIZE
from vwe_dagster.site import pages
from vwe_dagster.site.bundle import bundle

CARD = "card.jpg"
"""File name of the picture of a link preview, in the folder of its page."""

_ENTRY_MODULES = ("js/gallery.js", "js/world.js", "js/compare.js")

_UNUSED_STYLES = "css/find.css"
_GZIP_LEVEL, _GZIP = 3, 31

_LINK_TO_FOLDER = re.compile(r'(<a [^>]*href="[^"]*/)"')


@dataclasses.dataclass(frozen=True)
class LinkPreview:
    """The preview that chat programs show of a link to a page.

    Attributes:
        title: the title of the preview and of the page.
        description: one or two sentences.
        path: the path of the page's folder from the root of the site: empty, or with a slash at the end.
        card: the address of the picture from the page.
        url: the address of the root of the site, with a slash at the end; None if it is not known. Most programs ignore
            a picture without an absolute address.
    """

    title: str
    description: str
    path: str = ""
    card: str = CARD
    url: str | None = None

    def tags(self) -> str:
        """Return the title and the Open Graph tags as HTML."""
        address = None if self.url is None else self.url + self.path
        properties = {
            "og:type": "website",
            "og:site_name": "VWE",
            "og:title": self.title,
            "og:description": self.description,
            "og:image": self.card if address is None else urljoin(address, self.card),
            "og:image:width": str(CARD_SIZE[0]),
            "og:image:height": str(CARD_SIZE[1]),
            "og:image:alt": self.title,
        }
        lines = [
            f"<title>{html.escape(self.title)}</title>",
            f'<meta name="description" content="{html.escape(self.description)}" />',
            '<meta name="twitter:card" content="summary_large_image" />',
        ]
        if address is not None:
            properties["og:url"] = address
            lines.append(f'<link rel="canonical" href="{html.escape(address)}" />')
        lines += [f'<meta property="{name}" content="{html.escape(value)}" />' for name, value in properties.items()]
        return "\n    ".join(lines)


def exported_page(name: str, preview: LinkPreview) -> bytes:
    """Return the HTML of a page, see :func:`pages.render_page`, for an export."""
    text = pages.render_page(name, preview=preview.tags())
    return _LINK_TO_FOLDER.sub(r'\1index.html"', text).encode()


def exported_static() -> Iterator[tuple[str, bytes]]:
    """Yield the path below ``static/`` and the content of each file that the pages of an export share."""
    modules = pages.module_sources()
    for path, content in pages.static_files().items():
        if path not in modules and path != _UNUSED_STYLES:
            yield path, content.plain
    for name in _ENTRY_MODULES:
        yield name, bundle(modules, name).encode()


def json_script(content: bytes) -> bytes:
    """Return the script whose value is the content of a JSON file; see ``static/js/files.js``."""
    return b"document.currentScript.value=" + content + b";\n"


def bytes_script(content: bytes) -> bytes:
    """Return the script whose value is the content of another file: gzip in base64; see ``static/js/files.js``."""
    packed = isal_zlib.compress(content, _GZIP_LEVEL, _GZIP)
    return b'document.currentScript.value="' + base64.b64encode(packed) + b'";\n'
