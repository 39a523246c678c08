"""Puts the Google client together."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from photosync.google.auth import Authorization
from photosync.google.http import Api, Wire
from photosync.google.library import PhotosLibrary
from photosync.google.pace import Pace
from photosync.google.retrying import Patience
from photosync.google.uploading import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.google.ports import DeadTokens, Halt, SessionShelf, Spending
    from photosync.google.width import Width


class Connection:
    """The library and what belongs to it."""

    def __init__(self, library: PhotosLibrary, authorization: Authorization, wire: Wire) -> None:
        self.library = library
        self._authorization = authorization
        self._wire = wire

    def signed_in(self) -> bool:
        """Whether asking Google makes sense. Costs no request."""
        return self._authorization.signed_in()

    def network_changed(self) -> int:
        """Break off what the network that went leaves without an answer; how many connections."""
        return self._wire.network_changed()

    def close(self) -> None:
        """Break off every request under way, from any thread."""
        self._wire.close()


def connect(
    *,
    api_url: str,
    token_file: Path,
    chunk_bytes: int,
    resumable_above_bytes: int,
    spending: Spending,
    sessions: SessionShelf,
    dead_tokens: DeadTokens,
    halt: Halt,
    max_rate: int = 0,
    width: Width | None = None,
    may_go_on: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.time,
) -> Connection:
    """A connection to the user's Google Photos; nothing is sent yet.

    ``max_rate``: bytes a second of all uploads, 0 for no limit; ``width``: what learns from them
    how many may go side by side; ``may_go_on``: see ``Uploads``.
    """
    wire = Wire(halt=halt)
    authorization = Authorization(token_file, wire=wire, dead_tokens=dead_tokens, clock=clock)
    patience = Patience(halt)
    api = Api(wire, authorization, spending.spend, spending.refund)
    uploads = Uploads(
        api,
        api_url=api_url,
        chunk_bytes=chunk_bytes,
        resumable_above_bytes=resumable_above_bytes,
        sessions=sessions,
        patience=patience,
        clock=clock,
        pace=Pace(max_rate, halt=halt),
        width=width,
        may_go_on=may_go_on,
    )
    library = PhotosLibrary(
        api,
        api_url=api_url,
        uploads=uploads,
        spending=spending,
        patience=patience,
        clock=clock,
    )
    return Connection(library, authorization, wire)
