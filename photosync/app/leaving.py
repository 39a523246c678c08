"""A source that the user has switched off: what waits of it is let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.store.waiting import Waiting

if TYPE_CHECKING:
    from photosync.app.state import State

LEFT = "Its folder was switched off on the web page."


def leave_out_all(state: State, source_id: int) -> None:
    """What waits of a source that is not taken any more; taken again, it comes back by sight.

    What a worker has in its hands at this moment goes on.
    """
    waiting = Waiting(state.database)
    for some in waiting.pages(source_id):
        out = {one.id: LEFT for one in some}
        waiting.change(left_out=out, albums={}, now=state.now(), alone=False)
