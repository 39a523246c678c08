"""A connection that does not wait for ever: uvicorn's has no end for a request that drips in."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

MOST_AT_ONCE = 64
REQUEST_SECONDS = 30.0
"""So long a request may take to come whole, its form with it."""


class PatientProtocol(H11Protocol):
    """Uvicorn's, but for two things.

    A request that is not whole in time is given up; and where there are as many connections as
    there may be, a new one takes the place of that which has been silent for the longest: which
    sends no request, or does not read its answer.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._due: asyncio.TimerHandle | None = None
        self.waits_since: float | None = time.monotonic()
        """None while a request that came whole is answered, and the answer is read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        if len(self.connections) >= MOST_AT_ONCE - 1:
            self._make_room()
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """See uvicorn."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """See asyncio: more of the answer waits to be read than is sent ahead."""
        super().pause_writing()
        self.waits_since = time.monotonic()

    def resume_writing(self) -> None:
        """See asyncio."""
        super().resume_writing()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Whether a request is whole by now; else it has to be in time."""
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            if not self.flow.write_paused:
                self.waits_since = None
            self._wait_no_more()
            return
        if self.waits_since is None:
            self.waits_since = time.monotonic()
        is_idle = self.timeout_keep_alive_task is not None  # that ends by itself
        if self._due is None and not is_idle and not self.transport.is_closing():
            self._due = self.loop.call_later(REQUEST_SECONDS, self._give_up)

    def _wait_no_more(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _give_up(self) -> None:
        self._due = None
        self.transport.abort()

    def _make_room(self) -> None:
        waiting = [
            one
            for one in self.connections
            if isinstance(one, PatientProtocol) and one.waits_since is not None
        ]
        if waiting:
            oldest = min(waiting, key=lambda one: one.waits_since or 0.0)
            self.connections.discard(oldest)
            oldest.transport.abort()
