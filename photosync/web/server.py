"""uvicorn in a thread of the daemon: ready when it says so, gone at once when told."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from photosync import __version__
from photosync.errors import PhotosyncError, PortTaken
from photosync.web import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from photosync.web.metrics import Json

log = logging.getLogger(__name__)

START_SECONDS = 10.0
TICK_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 30
MOST_AT_ONCE = 64
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
WELCOME = """photosync runs.
/metrics   for Prometheus
/healthz   200 if it needs nobody, 503 if it does
"""


class Web:
    """Answers on ``host`` and ``port`` (0: any free one) until closed.

    ``status`` gives the status document, ``silent`` the seconds since each worker's last sign of
    life; both are called from threads of the server's own.

    Raises:
        PortTaken: Another program listens there, or it may not be listened on.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        status: Callable[[], Json],
        silent: Callable[[], Mapping[str, float]],
    ) -> None:
        self._status = status
        self._silent = silent
        listener = _listen(host, port)
        self.port: int = listener.getsockname()[1]
        self._server = _Server(_configuration(_OwnNameOnly(self._application())))
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="web", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(START_SECONDS):
            listener.close()
            raise PortTaken("The web server is off: it did not start in time.")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop()
        self._thread.join()

    def _application(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/", self._welcome),
                Route("/metrics", self._metrics),
                Route("/healthz", self._health),
            ],
            exception_handlers={PhotosyncError: _failed},
        )

    async def _welcome(self, _: Request) -> Response:
        return PlainTextResponse(WELCOME)

    async def _metrics(self, _: Request) -> Response:
        def text() -> bytes:
            return metrics.exposition(self._status(), self._silent(), version=__version__)

        return Response(
            await run_in_threadpool(text), headers={"Content-Type": metrics.CONTENT_TYPE}
        )

    async def _health(self, _: Request) -> Response:
        status = await run_in_threadpool(self._status)
        wrong = [one["code"] for one in status["problems"] if one["needs_user"]]
        return JSONResponse(
            {"status": "fail" if wrong else "pass", "problems": wrong}, 503 if wrong else 200
        )


async def _failed(_: Request, error: Exception) -> Response:
    """The database cannot be read, say: that is what a monitor has to hear of."""
    log.warning("web.failed reason=%s", error)
    return PlainTextResponse(f"{error}\n", 503)


class _OwnNameOnly:
    """Answers only who calls us by this machine's own name.

    Not a page of elsewhere whose name was bent to 127.0.0.1 (DNS rebinding).
    """

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                kept = [one for one in message["headers"] if one[0] not in OWN_HEADERS]
                message = {**message, "headers": [*kept, *OWN_HEADERS.items()]}
            await send(message)

        if scope["type"] != "http":
            return
        names = [value for name, value in scope["headers"] if name == b"host"]
        if len(names) == 1 and _is_here(names[0].decode("latin-1")):
            await self._application(scope, receive, send_with_headers)
        else:
            answer = PlainTextResponse("Ask for http://127.0.0.1 or http://localhost.\n", 421)
            await answer(scope, receive, send_with_headers)


OWN_HEADERS = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}


def _is_here(host: str) -> bool:
    """Whether the Host of a request (RFC 9110, 7.2) is a name or address of the loopback."""
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, ""
    if port and not (port.isascii() and port.isdecimal()):
        return False
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if name.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    with ExitStack() as unless:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, address = found[0]
            listener = unless.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(MOST_AT_ONCE)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken" if taken else f"is refused ({error.strerror})"
            raise PortTaken(f"The web server is off: {host} port {port} {why}.") from error
        unless.pop_all()
    return listener


def _configuration(application: ASGIApp) -> uvicorn.Config:
    """HTTP/1.1 only, no lifespan, no log lines of uvicorn's own, few connections."""
    return uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        limit_concurrency=MOST_AT_ONCE,
    )


class _Server(uvicorn.Server):
    """Ends without waiting for anybody, and idles without waking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    async def main_loop(self) -> None:
        """Uvicorn's, but for its pace: its tenth tick writes the Date of the answers anew."""
        while not await self.on_tick(0):
            try:
                await asyncio.wait_for(self._ended.wait(), TICK_SECONDS)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """End soon; may be called from any thread once ``ready`` is set."""
        self.should_exit = True
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._ended.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut every connection and every request."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
