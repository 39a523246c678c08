"""One request on its way through the emulator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosync.emulator import bodies
from photosync.emulator.transport import ClientGone, HangUp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from photosync.emulator.faults import Fault
    from photosync.emulator.options import Options
    from photosync.emulator.requestlog import Record

_LONGEST_JSON_BYTES = 4 * 1024**2


@dataclass(slots=True)
class Call:
    """A request, what is known of its sender, and the trouble that is in store for it."""

    request: Request
    record: Record
    options: Options
    user: str = ""
    fault: Fault | None = None
    content: bytes = b""
    ended: bool = field(default=False, init=False)

    @property
    def kind(self) -> str:
        """What is asked, like ``batchCreate``."""
        return self.record.kind

    @property
    def origin(self) -> str:
        """Scheme, host and port under which the client sees this server."""
        host = self.request.headers.get("host", "localhost")
        return f"{self.request.url.scheme}://{host}"

    def struck_by(self, name: str) -> bool:
        """Whether the fault ``name`` happens to this request."""
        return self.fault is not None and self.fault.fault == name

    def header(self, name: str) -> str | None:
        """A header, or the query parameter of that name (§2.1); None if neither is there."""
        value = self.request.headers.get(name)
        if value is not None:
            return value.strip()
        for key, given in self.request.query_params.items():
            if key.lower() == name:
                return given.strip()
        return None

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, at the speed the options allow.

        Raises:
            ClientGone: The client hung up.
            HangUp: The fault ``reset-middle`` strikes.
        """
        limit = self.fault.after_bytes if self.fault and self.struck_by("reset-middle") else None
        arrived = 0
        while not self.ended:
            chunk = await self._next()
            if limit is not None and arrived + len(chunk) >= limit:
                self.record.bytes += limit - arrived
                if limit > arrived:
                    yield chunk[: limit - arrived]
                raise HangUp(reset=True)
            arrived += len(chunk)
            self.record.bytes += len(chunk)
            if chunk:
                yield chunk
        if limit is not None:
            raise HangUp(reset=True)

    async def _next(self) -> bytes:
        message = await self.request.receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        self.ended = not message.get("more_body", False)
        chunk: bytes = message.get("body", b"")
        speed = self.options.bandwidth_bytes_per_second
        if speed and chunk:
            await asyncio.sleep(len(chunk) / speed)
        return chunk

    async def read(self) -> None:
        """Take a small body into ``content``.

        Raises:
            Refusal: 413: it is larger than any JSON the API takes.
        """
        parts = bytearray()
        async for chunk in self.chunks():
            parts += chunk
            if len(parts) > _LONGEST_JSON_BYTES:
                raise bodies.wrapped(413, "Request payload size exceeds the limit.")
        self.content = bytes(parts)

    async def drain(self) -> None:
        """Let the client finish sending, so that it is able to read the refusal."""
        self.fault = None
        async for _ in self.chunks():
            pass
