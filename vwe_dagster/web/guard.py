"""The guard of every ASGI application that listens on TCP: it checks the host name and the origin of requests.

A browser sends requests for any page that its user visits, also to servers that only this machine can reach. Another
site may point its host name at this machine (DNS rebinding), or send a request without reading the response. ``Host``
reveals the first; ``Origin`` and the browser's fetch metadata reveal the second.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vwe_dagster.web.hosts import HOST, LOOPBACK_NAMES

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>.+)")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_OWN_SITES = frozenset({"same-origin", "none"})
_POLICY_VIOLATION = 1008
"""The code that closes a WebSocket; before it is accepted, the client receives HTTP status 403."""


class Rejection(enum.Enum):
    """The rejection of a request: its HTTP status, and the message to the client."""

    HOST = (400, "This server does not serve the host that the request names. Set VWE_ALLOWED_HOSTS to its name.")
    ORIGIN = (403, "A page of another site sent this request. Open the address of this server itself.")

    @property
    def status(self) -> int:
        """The HTTP status of the response."""
        return self.value[0]

    @property
    def message(self) -> str:
        """The message to the client, without content of the request."""
        return self.value[1]


def _plain_response(rejection: Rejection) -> Response:
    return PlainTextResponse(
        f"{rejection.message}\n",
        rejection.status,
        {"cache-control": "no-store", "x-content-type-options": "nosniff"},
    )


class Guard:
    """ASGI middleware that rejects requests for other hosts and requests of other sites' pages.

    Args:
        app: the application behind the guard.
        hosts: names to accept in addition to those of loopback, without a port.
        response: builds the response to a rejected HTTP request.
    """

    def __init__(
        self, app: ASGIApp, hosts: Iterable[str] = (), *, response: Callable[[Rejection], Response] = _plain_response
    ) -> None:
        self._app = app
        self._hosts = frozenset(name.lower() for name in (*LOOPBACK_NAMES, *hosts))
        self._response = response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to the application, or reject it."""
        rejection = self._rejection(scope) if scope["type"] in {"http", "websocket"} else None
        if rejection is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": rejection.message})
        else:
            await self._response(rejection)(scope, receive, send)

    def _rejection(self, scope: Scope) -> Rejection | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        match = HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
        if match is None or match["name"] not in self._hosts:
            return Rejection.HOST
        for origin in headers.getlist("origin"):
            if not _is_same_origin(origin.lower(), match["name"], match["port"]):
                return Rejection.ORIGIN
        sites = headers.getlist("sec-fetch-site")
        if not _OWN_SITES.issuperset(sites) and not _is_followed_link(scope, headers):
            return Rejection.ORIGIN
        return None


def _is_same_origin(origin: str, name: str, port: str | None) -> bool:
    """Return whether an origin is that of the requested host; a sandboxed page sends ``null``."""
    match = _ORIGIN.fullmatch(origin)
    host = HOST.fullmatch(match["host"]) if match is not None else None
    if match is None or host is None:
        return False
    default = _DEFAULT_PORTS[match["scheme"]]
    return (host["name"], host["port"] or default) == (name, port or default)


def _is_followed_link(scope: Scope, headers: Headers) -> bool:
    """Return whether the user follows a link on another site; that site can neither read nor frame the page."""
    return (
        scope["type"] == "http"
        and scope["method"] == "GET"
        and headers.getlist("sec-fetch-mode") == ["navigate"]
        and headers.getlist("sec-fetch-dest") == ["document"]
    )
