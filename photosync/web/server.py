"""uvicorn in a thread of the daemon: ready when it says so, gone at once when told."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from photosync import __version__
from photosync.errors import PhotosyncError, PortTaken
from photosync.web import metrics
from photosync.web.guard import Guard, Names
from photosync.web.patience import MOST_AT_ONCE, PatientProtocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from photosync.web.application import Application
    from photosync.web.door import Door
    from photosync.web.metrics import Json
    from photosync.web.site import Site

log = logging.getLogger(__name__)

START_SECONDS = 10.0
TICK_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 30
WELCOME = """photosync runs.
/metrics   for Prometheus
/healthz   200 if it needs nobody, 503 if it does
"""


class Web:
    """Answers on ``host`` and ``port`` (0: any free one) until closed.

    ``status`` gives the status document, ``silent`` the seconds since each worker's last sign of
    life; both are called from threads of the server's own. ``site`` is asked for with the first
    page; without it there are no pages. ``names``: what else the server may be called.

    Raises:
        PortTaken: Another program listens there, or it may not be listened on.
        PasswordUnusable: There is no password in ``password_file``.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        status: Callable[[], Json],
        silent: Callable[[], Mapping[str, float]],
        site: Callable[[], Site] | None = None,
        names: Sequence[str] = (),
        password_file: Path | None = None,
    ) -> None:
        self._status = status
        self._silent = silent
        self._site = site
        self._pages: Application | None = None
        self._door = None if password_file is None else _door(password_file)
        listener = _listen(host, port)
        self.port: int = listener.getsockname()[1]
        known = Names(is_local=is_loopback(listener.getsockname()[0]), more=names)
        self._server = _Server(
            _configuration(Guard(self._application(), names=known, door=self._door))
        )
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
        if self._pages is not None:
            self._pages.close()

    def _application(self) -> Starlette:
        pages = Route("/", self._welcome) if self._site is None else Mount("/", self._page)
        return Starlette(
            routes=[
                Route("/metrics", self._metrics),
                Route("/healthz", self._health),
                pages,
            ],
            exception_handlers={PhotosyncError: _failed},
        )

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The pages take 15 MB: not before somebody looks at one."""
        if self._pages is None:
            from photosync.web.application import Application

            assert self._site is not None
            self._pages = Application(self._site(), self._door)
        await self._pages.asgi(scope, receive, send)

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


def _door(password_file: Path) -> Door:
    from photosync.web.door import Door

    return Door(password_file)


def is_loopback(address: str) -> bool:
    """Whether nobody but this machine reaches us at that address."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


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
        http=PatientProtocol,
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
        """End soon; may be called from any thread once ``ready`` is set, and again."""
        self.should_exit = True
        assert self._loop is not None
        with suppress(RuntimeError):  # a tick saw it: it has ended already
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
