"""The connection below HTTP: ending it without an answer, as real networks do."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

    from starlette.types import Receive, Scope, Send

_KEY: Final = "emulator.transport"


class HangUp(Exception):
    """The connection ends here, without an answer; with a TCP reset if ``reset``."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class Wire(H11Protocol):
    """uvicorn's HTTP/1.1, which shows each request the transport it came on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol; uvicorn narrows the type likewise."""
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope[_KEY] = transport
            await app(scope, receive, send)

        self.app = with_transport


class HungUp(Response):
    """No answer: the connection is closed, or reset so that the client sees ECONNRESET."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.status_code = 0
        self._reset = reset

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """End the connection and wait until it is gone."""
        transport: asyncio.Transport = scope[_KEY]
        peer = transport.get_extra_info("socket")
        if self._reset and peer is not None:
            # Lingering for 0 seconds makes close() send RST (socket(7)).
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
        while (await receive())["type"] != "http.disconnect":
            pass
