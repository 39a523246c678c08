"""uvicorn in a thread: ready when it says so, gone at once when told."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from photosync.emulator.transport import Wire

if TYPE_CHECKING:
    from pathlib import Path

_KEEP_ALIVE_SECONDS: Final = 120
_TICK_SECONDS: Final = 0.1


class PortTaken(Exception):
    """Another program listens on ``host`` and ``port``."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is in use")
        self.host = host
        self.port = port


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; ``port`` 0 picks a free one.

    Raises:
        PortTaken: Another program listens there.
    """
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from error
        raise
    return listener


def configuration(application: Any, tls: tuple[Path, Path] | None) -> uvicorn.Config:
    """HTTP/1.1 only, no lifespan, no log lines of uvicorn's own."""
    certificate, key = tls or (None, None)
    return uvicorn.Config(
        application,
        loop="asyncio",
        http=Wire,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )


class Server(uvicorn.Server):
    """Ends without waiting for anybody: what hangs is cut, as by a kill."""

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
        """Uvicorn's, but woken at once by ``stop``."""
        counter = 0
        while not await self.on_tick(counter):
            counter += 1
            try:
                await asyncio.wait_for(self._ended.wait(), _TICK_SECONDS)
            except TimeoutError:
                continue

    def stop(self) -> None:
        """End soon; may be called from any thread once ``ready`` is set, and again."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # a tick saw it: it has ended already
                self._loop.call_soon_threadsafe(self._ended.set)

    def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Cut every connection and every request."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        tasks = list(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        self._cut()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self.server_state.connections:  # uvicorn has no event for it
            self._cut()  # one may have been accepted meanwhile
            await asyncio.sleep(0)
        for server in self.servers:
            await server.wait_closed()
