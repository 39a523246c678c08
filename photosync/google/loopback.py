"""The way back from the browser: one request to a server on this machine."""

from __future__ import annotations

import base64
import hashlib
import html
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Condition
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, urlsplit

from photosync.errors import SettingsError, SignInRequired

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"
REQUEST_SECONDS = 10
TICK_SECONDS = 0.2
MOST_AT_ONCE = 32
OUTCOME_SECONDS = 120
FAREWELL_SECONDS = 5
UNKNOWN = "photosync has your answer, and says where you began to sign in what came of it."
DECLINED = "photosync did not get your consent."
STYLE = (
    ":root{color-scheme:light dark}body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;"
    "margin:4rem auto;padding:0 1rem;overflow-wrap:anywhere}"
)
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'"
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>photosync</title>'
    '<meta name="viewport" content="width=device-width">'
    f"<style>{STYLE}</style><main><p>%s</p>%s</main>"
)
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

    def tell(self, outcome: str) -> None:
        """What came of the answer, for the browser that brought it; it has that on return."""


@contextmanager
def receive(host: str, port: int, *, back: str = "") -> Iterator[Way]:
    """Listen for the answer; ``back``: where the page that says what came of it leads on to.

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
    server.back = back
    server.address = f"http://{LOOPBACK}:{server.server_port}/"
    with server:
        try:
            yield server
        finally:
            server.tell(UNKNOWN)  # unless that is done


class _Server(ThreadingHTTPServer):
    """Each connection has a thread: browsers open some that they send nothing on."""

    block_on_close = False
    back = ""
    address = ""
    fits: Callable[[str], bool] = staticmethod(bool)
    came = ""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._room = BoundedSemaphore(MOST_AT_ONCE)
        self._told = Condition()
        self._outcome = ""
        self._to_tell = 0

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

    def tell(self, outcome: str) -> None:
        """What came of the answer; the first time counts, and is waited for until it is sent."""
        with self._told:
            self._outcome = self._outcome or outcome
            self._told.notify_all()
            # who has told it may end the program, and every connection with it
            self._told.wait_for(lambda: not self._to_tell, FAREWELL_SECONDS)

    @contextmanager
    def outcome_of(self, came: str) -> Iterator[str]:
        """Hand the answer over, and wait for what comes of it."""
        with self._told:
            self._to_tell += 1
        try:
            self.came = came
            with self._told:
                self._told.wait_for(lambda: self._outcome, OUTCOME_SECONDS)
            yield self._outcome or UNKNOWN
        finally:
            with self._told:
                self._to_tell -= 1
                self._told.notify_all()

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
        if "code" in values:
            with self.server.outcome_of(came) as outcome:
                self._say(200, outcome, self.server.back)
            return
        try:  # the browser is told first: who waits for the answer may end the program
            self._say(200, DECLINED, self.server.back)
        finally:
            self.server.came = came

    def _say(self, code: int, text: str, back: str = "") -> None:
        link = f'<p><a href="{html.escape(back)}">Back to photosync</a></p>' if back else ""
        page = (PAGE % (html.escape(text), link)).encode()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Content-Security-Policy", POLICY)
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
