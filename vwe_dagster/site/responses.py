"""Responses of the site: entity tags, compression, security headers, and error pages."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from vwe_dagster.site import pages
from vwe_dagster.site.pages import Content
from vwe_dagster.site.reasons import Reason

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_NO_WEIGHT = re.compile(r"0(\.0*)?")


def content_response(request: Request, content: Content, cache: str = REVALIDATE) -> Response:
    """Return the response with some content, without a body if the browser has it."""
    if _is_known(request, content.etag):
        return _without_body(content.etag, cache)
    headers = {**HEADERS, "etag": content.etag, "cache-control": cache}
    body = content.plain
    if content.packed is not None:
        headers["vary"] = "accept-encoding"
        if _accepts_gzip(request):
            headers["content-encoding"] = "gzip"
            body = content.packed
    return Response(body, headers=headers, media_type=content.media_type)


def _accepts_gzip(request: Request) -> bool:
    """Return whether gzip, or ``*`` if gzip is not named, has a weight above zero."""
    weights = {}
    for entry in ",".join(request.headers.getlist("accept-encoding")).lower().split(","):
        coding, *more = (part.strip() for part in entry.split(";"))
        weights[coding] = next((part[2:] for part in more if part.startswith("q=")), "1")
    return _NO_WEIGHT.fullmatch(weights.get("gzip", weights.get("*", "0"))) is None


def cache_control(request: Request, etag: str) -> str:
    """Return the header ``cache-control`` of a file: a page requests files by version, and those never change."""
    return IMMUTABLE if request.query_params.get("v") == etag.partition("-")[0] else REVALIDATE


def not_modified(request: Request, etag: str) -> Response | None:
    """Return a response without a body if the browser has the file of this entity tag; None if it must be sent."""
    return _without_body(f'"{etag}"', cache_control(request, etag)) if _is_known(request, f'"{etag}"') else None


def _is_known(request: Request, etag: str) -> bool:
    known = request.headers.get("if-none-match", "")
    return etag in {tag.strip().removeprefix("W/") for tag in known.split(",")}


def _without_body(etag: str, cache: str) -> Response:
    """Return a response without a body."""
    return Response(status_code=304, headers={**HEADERS, "etag": etag, "cache-control": cache})


def error_response(
    request: Request, status: int, reason: Reason, message: str, more: Mapping[str, str] | None = None
) -> Response:
    """Return an error response: a page if the client accepts HTML, else JSON with ``message`` and ``reason``."""
    headers = {**HEADERS, "cache-control": "no-store", **(more or {})}
    if "text/html" in request.headers.get("accept", ""):
        # The undecoded path, as the browser sees it: an encoded slash in a name does not count.
        path = request.scope["raw_path"].partition(b"?")[0]
        root = "../" * (path.count(b"/") - 1) or "./"
        page = pages.missing_page(message, reason, root=root)
        return Response(page, status, headers, "text/html")
    return Response(json.dumps({"message": message, "reason": reason}), status, headers, "application/json")
