"""The emulator as a whole: started in a thread by tests, in the foreground by people."""

from __future__ import annotations

import logging
import secrets
import signal
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response

from photosync.emulator import bodies, methods
from photosync.emulator.admin import Admin
from photosync.emulator.albums import Albums
from photosync.emulator.blobs import Blobs
from photosync.emulator.consent import Consent
from photosync.emulator.creating import Creating
from photosync.emulator.database import Database
from photosync.emulator.downloads import Downloads
from photosync.emulator.faults import Fault, FaultPlan
from photosync.emulator.gate import Gate
from photosync.emulator.library import Library
from photosync.emulator.meters import Meters
from photosync.emulator.options import Options
from photosync.emulator.people import APPEND, DEFAULT_USER, EDIT, READ, People
from photosync.emulator.reading import Reading
from photosync.emulator.requestlog import RequestLog
from photosync.emulator.running import PortTaken, Server, configuration, listen
from photosync.emulator.sessions import Sessions
from photosync.emulator.shapes import Shapes
from photosync.emulator.tokens import TokenDesk
from photosync.emulator.uploads import Uploads

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

    from starlette.requests import Request

__all__ = ["Emulator", "Fault", "Options", "PortTaken", "serve"]

_START_SECONDS: Final = 10.0
_SERVED_RECORDS: Final = 2_000


class Emulator:
    """A Google of our own on one port: sign-in, Photos Library API, and pages to look at it.

    Everything is kept in ``directory`` and survives a kill -9. Use it as a context manager; it
    stops within two seconds, whatever hangs. ``port`` 0 picks a free one; ``clock`` tells the
    time in seconds UTC; ``tls`` is a certificate and its key.

    Attributes:
        url: The API's base address; OAuth and the pages are on the same port.
        library: The accounts' items and albums (while running).
        faults: Trouble on order.
        options: Google's limits and moods; changeable at any time.
        requests: What was asked.
    """

    library: Library
    people: People

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
        options: Options | None = None,
        tls: tuple[Path, Path] | None = None,
    ) -> None:
        self.url = ""
        self.options = options or Options()
        self.faults = FaultPlan()
        self.requests = RequestLog()
        self._directory = directory
        self._address = (host, port)
        self._clock = clock
        self._tls = tls
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            listener = starting.enter_context(listen(*self._address))
            self.url = self._url(listener)
            self._directory.mkdir(parents=True, exist_ok=True)
            database = Database(self._directory / "emulator.sqlite3")
            starting.callback(database.close)
            server = Server(configuration(self._application(database), self._tls))
            thread = threading.Thread(
                target=server.run, args=([listener],), name="emulator", daemon=True
            )
            thread.start()
            starting.callback(thread.join)
            starting.callback(server.stop)
            if not server.ready.wait(_START_SECONDS):
                raise RuntimeError("The emulator did not start.")
            self._running = starting.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    def _url(self, listener: socket.socket) -> str:
        host, port = self._address[0], listener.getsockname()[1]
        shown = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- compared, not bound
        shown = f"[{shown}]" if ":" in shown else shown
        return f"{'https' if self._tls else 'http'}://{shown}:{port}"

    def _application(self, database: Database) -> Starlette:
        options, clock = self.options, self._clock
        meters = Meters(database, options, clock)
        self.people = People(database, options, clock)
        blobs = Blobs(self._directory, database, clock)
        self.library = Library(database, blobs.directory, clock)
        sessions = Sessions(database, blobs.uploading, options, clock)
        sessions.sweep()
        blobs.sweep(tokens_before=clock() - options.token_seconds)
        key = self.people.secret("base_url", secrets.token_hex(32))
        shapes = Shapes(self.library, options, clock, key)
        gate = Gate(
            options=options,
            faults=self.faults,
            requests=lambda: self.requests,
            meters=meters,
            people=self.people,
            clock=clock,
        )
        creating = Creating(self.library, blobs, shapes, options, clock)
        uploads = Uploads(blobs, sessions, options)
        routes = [
            *methods.oauth_routes(gate, Consent(self.people, options), TokenDesk(self.people)),
            *methods.upload_routes(gate, uploads, Downloads(self.library, shapes)),
            *methods.item_routes(gate, creating, Reading(self.library, shapes)),
            *methods.album_routes(gate, Albums(self.library, shapes, options)),
            *self._admin(meters).routes(),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _stray})

    def _admin(self, meters: Meters) -> Admin:
        return Admin(
            library=self.library,
            meters=meters,
            people=self.people,
            options=self.options,
            faults=self.faults,
            requests=lambda: self.requests,
            grant=self.grant,
            client_secret=self.client_secret,
        )

    def client_secret(self) -> dict[str, Any]:
        """The client's credentials as Google Cloud's console downloads them."""
        installed = {
            "client_id": self.people.client_id,
            "project_id": "photosync-emulated",
            "auth_uri": f"{self.url}/o/oauth2/v2/auth",
            "token_uri": f"{self.url}/token",
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_secret": self.people.client_secret,
            "redirect_uris": ["http://localhost"],
        }
        return {"installed": installed}

    def grant(self, scopes: Sequence[str] | None = None) -> dict[str, Any]:
        """A user who has signed in: what google-auth's ``Credentials.to_json()`` holds."""
        wanted = [APPEND, READ, EDIT] if scopes is None else list(scopes)
        reply = self.people.grant(DEFAULT_USER, wanted)
        ends_at = datetime.fromtimestamp(self._clock() + self.options.access_token_seconds, UTC)
        held = {
            "token": reply["access_token"],
            "refresh_token": reply.get("refresh_token"),
            "token_uri": f"{self.url}/token",
            "client_id": self.people.client_id,
            "client_secret": self.people.client_secret,
            "scopes": wanted,
            "universe_domain": "googleapis.com",
            "account": DEFAULT_USER,
            "expiry": ends_at.replace(tzinfo=None).isoformat() + "Z",
        }
        return {name: value for name, value in held.items() if value is not None}

    def revoke_all(self) -> None:
        """Every user removes the app's access."""
        self.people.revoke_all()


async def _stray(request: Request, error: Exception) -> Response:
    """An unknown path: Google's HTML page; an unknown method of a known one: JSON (§10.9)."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        refusal = bodies.wrapped(404, bodies.NOT_FOUND)
    else:
        title = f"The requested URL {request.url.path} was not found on this server."
        refusal = bodies.html_page(title)
    async for _ in request.stream():
        pass
    return Response(refusal.body, refusal.status, refusal.headers)


def serve(
    directory: Path,
    *,
    port: int,
    host: str,
    options: Options | None = None,
    faults: Iterable[Fault | Mapping[str, Any]] | None = None,
    announce: Callable[[str], None],
    tls: tuple[Path, Path] | None = None,
) -> None:
    """Run in the foreground until SIGINT or SIGTERM; ``announce`` is told the address.

    Raises:
        PortTaken: Another program listens there.
        ValueError: A fault is unknown or malformed.
    """
    emulator = Emulator(directory, port=port, host=host, options=options, tls=tls)
    emulator.requests = RequestLog(limit=_SERVED_RECORDS)
    emulator.faults.add_all(faults or ())
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    with ExitStack() as stack:
        for number in (signal.SIGINT, signal.SIGTERM):
            stack.callback(signal.signal, number, signal.signal(number, end))
        stack.enter_context(emulator)
        logging.getLogger(__name__).info("emulator.serving url=%s", emulator.url)
        announce(emulator.url)
        ended.wait()
