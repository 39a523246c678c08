"""The way back from the browser: one request to a server on this machine."""

from __future__ import annotations

import html
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from photosync.errors import SettingsError, SignInRequired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"
REQUEST_SECONDS = 10


@contextmanager
def receive(port: int, success: str) -> Iterator[tuple[str, Callable[[float], str]]]:
    """(the address to come back to, wait): ``wait(seconds)`` returns the address that came.

    Raises:
        SettingsError: The port is taken.
    """
    try:
        server = _Server((LOOPBACK, port), _Handler)
    except OSError as error:
        raise SettingsError(
            f"Port {port} cannot be used for the way back: {error.strerror}.",
            hint="Name another one with --port, or leave it out.",
        ) from error
    server.success = success
    with server:
        address = f"http://{LOOPBACK}:{server.server_port}/"
        yield address, server.wait


class _Server(HTTPServer):
    success = ""
    came = ""

    def wait(self, seconds: float) -> str:
        """Serve until the answer came."""
        import time

        ends = time.monotonic() + seconds
        while not self.came and time.monotonic() < ends:
            self.timeout = min(1.0, max(0.0, ends - time.monotonic()))
            self.handle_request()
        if not self.came:
            raise SignInRequired("No answer came from the browser in time.")
        return self.came

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
        self.server.came = f"http://{LOOPBACK}:{self.server.server_port}{self.path}"
        text = self.server.success if "code" in values else "photosync did not get your consent."
        page = f"<!doctype html><title>photosync</title><p>{html.escape(text)}</p>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_: object) -> None:
        """Say nothing: the address holds a secret."""


def _values(path: str) -> dict[str, list[str]]:
    try:
        return parse_qs(urlsplit(path).query)
    except ValueError:
        return {}
