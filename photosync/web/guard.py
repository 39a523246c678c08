"""What stands before every page: by which name it was asked for, from where, and how much.

A page of elsewhere in the user's browser may send us requests. It cannot call us by our own name
(DNS rebinding), nor change anything (Origin, and a token that only our pages know), nor embed what
we show.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from photosync.web.door import Door

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
OWN_HEADERS = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
MAY_DIFFER = frozenset({b"cache-control", b"content-security-policy", b"referrer-policy"})
"""Headers of which an answer may bring its own."""

MOST_BODY_BYTES = 512 * 1024
READING = frozenset({"GET", "HEAD"})
OURS = frozenset({"same-origin", "none"})
FREE = ("/login", "/static/")
"""What is shown before a password is given."""
FOR_PROGRAMS = frozenset({"/metrics", "/healthz"})
WRONG_NAME = "Ask for http://127.0.0.1 or http://localhost, or put that name into web.names.\n"


class Names:
    """By which names this server may be asked for: this machine's own, and ``more``.

    Only the loopback's, if ``is_local``.
    """

    def __init__(self, *, is_local: bool = True, more: Iterable[str] = ()) -> None:
        self._more = {one.lower().rstrip(".") for one in more}
        self._is_local = is_local
        if not is_local:
            own = socket.gethostname().lower()
            self._more |= {own, own.partition(".")[0], f"{own.partition('.')[0]}.local"}

    def know(self, host: str, *, asked_at: str = "") -> bool:
        """Whether the Host of a request (RFC 9110, 7.2) is one of them.

        ``asked_at``: the address of ours that the request came to.
        """
        name, colon, port = host.rpartition(":")
        if not colon or host.endswith("]"):
            name, port = host, ""
        if port and not (port.isascii() and port.isdecimal()):
            return False
        if name.startswith("[") and name.endswith("]"):
            name = name[1:-1]
        name = name.lower().rstrip(".")
        if name == "localhost" or name in self._more:
            return True
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or (not self._is_local and name == asked_at)


class Tokens:
    """What our own pages send with every change; nobody else can know it."""

    def __init__(self) -> None:
        self._secret = secrets.token_bytes(32)

    def of(self, session: str) -> str:
        """The token for who has signed in so, "" where nobody has to."""
        return hmac.new(self._secret, session.encode(), hashlib.sha256).hexdigest()

    def fits(self, token: str, session: str) -> bool:
        """Whether that is it."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.of(session).encode())


class Guard:
    """Lets through what may be answered, and adds the headers that keep an answer to itself."""

    def __init__(self, application: ASGIApp, *, names: Names, door: Door | None = None) -> None:
        self._application = application
        self._names = names
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": _with_own(message["headers"])}
            await send(message)

        if scope["type"] != "http":
            return
        refusal = self._refusal(scope)
        await (refusal or self._application)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Why it is not answered; None: it is."""
        headers = _headers(scope)
        hosts = headers.get("host", [])
        asked_at = str((scope.get("server") or ("",))[0])
        if len(hosts) != 1 or not self._names.know(hosts[0], asked_at=asked_at):
            return PlainTextResponse(WRONG_NAME, 403)
        if _is_from_elsewhere(scope["method"], headers, hosts[0]):
            return PlainTextResponse("Another page may not do that.\n", 403)
        length = headers.get("content-length", ["0"])[0]
        if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
            return PlainTextResponse("That is too much at once.\n", 413)
        return self._not_let_in(scope, headers)

    def _not_let_in(self, scope: Scope, headers: dict[str, list[str]]) -> Response | None:
        path = scope["path"]
        if self._door is None or path.startswith(FREE):
            return None
        session = self._door.session(headers)
        if session is not None:
            scope["photosync.session"] = session
            return None
        if path in FOR_PROGRAMS:
            if self._door.takes_basic(headers):
                return None
            words = {"WWW-Authenticate": 'Basic realm="photosync"'}
            return PlainTextResponse("A password is needed.\n", 401, headers=words)
        if scope["method"] in READING and "text/html" in headers.get("accept", [""])[0]:
            return RedirectResponse("/login", 303)
        return PlainTextResponse("Sign in first.\n", 401)


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _is_from_elsewhere(method: str, headers: dict[str, list[str]], host: str) -> bool:
    """Whether another site's page sent it, or nobody knows who, though it changes something."""
    site = headers.get("sec-fetch-site", [""])[0]
    origin = headers.get("origin", [])
    if method in READING:
        is_visit = headers.get("sec-fetch-mode", [""])[0] == "navigate"
        is_shown_alone = headers.get("sec-fetch-dest", ["document"])[0] == "document"
        return bool(site) and site not in OURS and not (is_visit and is_shown_alone)
    if not origin:
        return site != "same-origin"
    return len(origin) != 1 or urlsplit(origin[0]).netloc != host or origin[0] == "null"


def _with_own(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    kept = [one for one in headers if one[0] not in OWN_HEADERS or one[0] in MAY_DIFFER]
    brought = {name for name, _ in kept}
    return [*kept, *(one for one in OWN_HEADERS.items() if one[0] not in brought)]
