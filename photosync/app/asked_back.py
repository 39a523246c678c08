"""What is asked back on the web page, and where it may go.

A page names no path: photos go back where they came from, to a phone that is plugged in, or into
the one folder that the settings allow (``web.restore_to``). Whoever gets past the page's own doors
can fill that folder, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.domain.media import readable
from photosync.domain.restoring import Target, TargetKind
from photosync.errors import UnknownItem
from photosync.store.restore_requests import HOME, RestoreRequests
from photosync.store.sources import Sources
from photosync.web.restoring import Asked, Goal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.store.restore_requests import Home

PHONE, FOLDER = "phone-", "folder"
"""How a phone (its source's number follows) and the folder stand in a form."""


class AskedBack:
    """The page's side of it."""

    def __init__(self, settings: Settings, state: State) -> None:
        self._folder = settings.web.restore_to
        self._state = state
        self._requests = RestoreRequests(state.database)

    def goals(self) -> list[Goal]:
        """Where photos may go now."""
        words = "Where each came from; a phone has to be plugged in."
        found = [Goal(HOME, "Back to the old place", words)]
        found += [
            Goal(f"{PHONE}{one.id}", one.label, "This phone, plugged in now.")
            for one in Sources(self._state.database).phones_there()
        ]
        if self._folder is not None:
            words = "A folder on this computer."
            found.append(Goal(FOLDER, readable(str(self._folder)), words))
        return found

    def ask(self, ids: Sequence[int], goal: str) -> None:
        """Note that items are wanted there.

        Raises:
            UnknownItem: There is no such place (any more).
        """
        self._requests.ask(ids, self._to(goal), now=self._state.now())
        self._state.control.ring(now=self._state.now())

    def _to(self, goal: str) -> Target | Home:
        if goal not in {one.key for one in self.goals()}:
            raise UnknownItem("Photos cannot be put there now.", hint="Choose another place.")
        if goal == HOME:
            return HOME
        if goal == FOLDER:
            return Target(TargetKind.FOLDER, str(self._folder))
        (address,) = (
            one.address for one in Sources(self._state.database).all() if goal == f"{PHONE}{one.id}"
        )
        return Target(TargetKind.PHONE, address)

    def asked(self) -> list[Asked]:
        """Everything that was asked back and is not forgotten."""
        return [
            Asked(
                id=one.id,
                to=_words(one.to, self._state),
                items=one.items,
                seen=one.seen,
                is_ended=one.is_ended,
                next_at=one.not_before if one.not_before > self._state.now() else None,
                told=one.told,
            )
            for one in self._requests.all()
        ]

    def hurry(self, number: int) -> None:
        """Try that one at once."""
        self._requests.hurry(number)
        self._state.control.ring(now=self._state.now())

    def drop(self, number: int) -> None:
        """Nobody wants it (told of) any more."""
        self._requests.drop(number)


def _words(to: Target | Home, state: State) -> str:
    if isinstance(to, str):
        return "the old place"
    if to.kind is TargetKind.FOLDER:
        return readable(to.address)
    labels = {view.source.address: view.source.label for view in state.overview.sources()}
    return labels.get(to.address, readable(to.address))
