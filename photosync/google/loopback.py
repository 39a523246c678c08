"""The way back from the browser: one request to a server on this machine."""

from __future__ import annotations

import html
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, urlsplit

from photosync.errors import SettingsError, SignInRequired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"
REQUEST_SECONDS = 10
TICK_SECONDS = 0.2
MOST_AT_ONCE = 32
DECLINED = "photosync did not get your consent."
OTHER = "This is the answer to another attempt to sign in. Close this window."


class Way(Protocol):
    """The way back. ``address``: where the browser is to come back to."""

    address: str

    def only(self, fits: Callable[[str], bool]) -> None:
        """Take no address but one that ``fits``: anybody on this machine may knock."""

    def wait(self, seconds: float) -> str:
        """The address that came.

        Raises:
            SignInRequired: None came in time.
        """

    def hand_over(self, answer: str) -> None:
        """It came by another way."""


@contextmanager
def receive(host: str, port: int, success: str, *, back: str = "") -> Iterator[Way]:
    """Listen for the answer; ``back``: where the page that says so leads on to.

    Raises:
        SettingsError: The port is taken.
    """
    try:
        server = _Server((host, port), _Handler)
    except (OSError, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "that is no host"
        raise SettingsError(
            f"{host}, port {port} cannot be used for the way back: {words}.",
            hint="Name another one with --port, or leave it out.",
        ) from error
    server.success, server.back = success, back
    server.address = f"http://{LOOPBACK}:{server.server_port}/"
    with server:
        yield server


class _Server(ThreadingHTTPServer):
    """Each connection has a thread: browsers open some that they send nothing on."""

    block_on_close = False
    success = ""
    back = ""
    address = ""
    fits: Callable[[str], bool] = staticmethod(bool)
    came = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._room = BoundedSemaphore(MOST_AT_ONCE)

    def process_request(self, request: Any, client_address: Any) -> None:
        """As many at once as a browser may open, and some."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def only(self, fits: Callable[[str], bool]) -> None:
        """Take no address but one that fits."""
        self.fits = fits

    def wait(self, seconds: float) -> str:
        """Serve until the answer came."""
        ends = time.monotonic() + seconds
        while not self.came and time.monotonic() < ends:
            self.timeout = min(TICK_SECONDS, max(0.0, ends - time.monotonic()))
            self.handle_request()
        if not self.came:
            raise SignInRequired(
                "No answer came from the browser in time.",
                hint="If Google's page shows an error, paste its address at the next try, and it is"
                " explained: photosync auth",
            )
        return self.came

    def hand_over(self, answer: str) -> None:
        """It came by another way."""
        self.came = answer

    def handle_error(self, *_: object) -> None:
        """Say nothing: a browser that hangs up early is no news, and a traceback tells too much."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        """Take the answer; other requests (an icon, say) are none."""
        values = _values(self.path)
        if not {"code", "error"} & values.keys():
            self.send_error(404)
            return
        came = f"http://{LOOPBACK}:{self.server.server_port}{self.path}"
        if not self.server.fits(came):
            self._say(400, OTHER)
            return
        try:  # the browser is told first: who waits for the answer may end the program
            self._say(200, self.server.success if "code" in values else DECLINED, self.server.back)
        finally:
            self.server.came = came

    def _say(self, code: int, text: str, back: str = "") -> None:
        link = f'<p><a href="{html.escape(back)}">Back to photosync</a></p>' if back else ""
        page = f"<!doctype html><title>photosync</title><p>{html.escape(text)}</p>{link}".encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing: the address holds a secret."""


def _values(path: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(path).query)
    except ValueError:
        return {}
