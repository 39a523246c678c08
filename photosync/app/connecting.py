"""The connection to the library, as the settings have it, for the daemon and for verbs."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

from photosync.errors import OutsideHours, RequestRefused, SignInRequired
from photosync.google.connect import connect
from photosync.store.control import DeadTokens
from photosync.store.sessions import UploadSessions
from photosync.store.spending import Spending

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.google.connect import Connection
    from photosync.google.width import Width


def connection_of(
    settings: Settings, state: State, *, halt: Event, width: Width | None = None
) -> Connection:
    """A connection whose requests are counted in the state; nothing is sent yet."""
    google, upload = settings.google, settings.upload

    def may_go_on() -> None:
        said = upload.hours.resting(state.clock())
        if said:
            raise OutsideHours(said)

    return connect(
        api_url=google.api_url,
        token_file=google.token_file,
        chunk_bytes=upload.chunk,
        resumable_above_bytes=upload.resumable_above,
        max_rate=upload.max_rate,
        width=width,
        may_go_on=may_go_on,
        spending=Spending(
            state.database,
            daily=google.daily_requests,
            per_minute=google.writes_per_minute,
            clock=state.clock,
        ),
        sessions=UploadSessions(state.database),
        dead_tokens=DeadTokens(state.control, clock=state.clock),
        halt=halt,
        clock=state.clock,
    )


NO_ITEM = "photosync-doctor"


@contextmanager
def connected(settings: Settings, state: State, *, halt: Event) -> Iterator[Connection]:
    """The same for a verb: it hangs up at the end, or at once when ``halt`` is set.

    Raises:
        SignInRequired: There is no token yet.
    """
    refuse_without_token(settings)
    connection = connection_of(settings, state, halt=halt)

    def hang_up() -> None:
        halt.wait()
        connection.close()

    Thread(target=hang_up, name="hang-up", daemon=True).start()
    try:
        yield connection
    finally:
        connection.close()


def speaks(settings: Settings, state: State, *, halt: Event) -> None:
    """See to it that Google Photos speaks with us, at the cost of one request.

    Raises:
        SignInRequired, ScopeMissing, ApiNotEnabled, PhotosDisabled, Offline, ...: It does not.
    """
    with connected(settings, state, halt=halt) as connection, suppress(RequestRefused):
        connection.library.holds([NO_ITEM])  # refused: the API is there, and knows no such item


def refuse_without_token(settings: Settings) -> None:
    """See to it that somebody has signed in.

    Raises:
        SignInRequired: There is no token yet.
    """
    if not settings.google.token_file.exists():
        raise SignInRequired(
            f"photosync is not signed in to Google Photos (there is no"
            f" {settings.google.token_file})."
        )
