"""Putting items back: where to is asked on a page of its own, and what came of it is told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from photosync.domain.states import State
from photosync.errors import PhotosyncError
from photosync.web import words
from photosync.web.asked import asked, number
from photosync.web.notes import safe_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from photosync.store.gallery import Sought
    from photosync.web.actions import Actions
    from photosync.web.assets import Assets
    from photosync.web.notes import Form, Notes
    from photosync.web.site import Site, Threads

Json = dict[str, Any]

AT_ONCE = 5000
READ = (State.MIRRORED, State.UPLOADED, State.DONE, State.DUPLICATE, State.SKIPPED, State.FAILED)
"""States of items whose bytes are known, at least of most."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A place that photos may be put to; ``key``: how it stands in a form."""

    key: str
    label: str
    words: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked back. ``next_at``: when it is tried again (seconds UTC), None: now.

    ``told``: {"error": {"message", "hint"}, "there": 5, "not_there": 1, "failed": [{"id",
    "message", "hint"}]}, as far as known.
    """

    id: int
    to: str
    items: int
    seen: int
    is_ended: bool
    next_at: int | None
    told: Json


class RestoreSide(Protocol):
    """What the page needs of whoever puts things back."""

    def goals(self) -> list[Goal]:
        """Where photos may go now."""

    def ask(self, ids: Sequence[int], goal: str) -> None:
        """Note that items are wanted there.

        Raises:
            PhotosyncError: There is no such place (any more).
        """

    def asked(self) -> list[Asked]:
        """Everything that was asked back and is not forgotten; what waits first."""

    def hurry(self, number: int) -> None:
        """Try that one at once."""

    def drop(self, number: int) -> None:
        """Nobody wants it (told of) any more."""


class Restoring:
    """The page that asks where to, and the forms on it and on the overview."""

    def __init__(
        self, site: Site, threads: Threads, assets: Assets, notes: Notes, actions: Actions
    ) -> None:
        self._site = site
        self._threads = threads
        self._assets = assets
        self._notes = notes
        self._actions = actions

    async def where(self, request: Request, form: Form) -> Response:
        """Ask where to; nothing is changed yet."""
        ids = await self._threads.read(lambda: self._meant(form))
        if not ids:
            return self._actions.said(request, form, "Nothing is selected that could be restored.")
        is_all = bool(form.one("all"))
        fields = [*asked(form.flat()).fields(), ("all", "1")] if is_all else []
        return self._assets.page(
            "restore.html",
            here="photos",
            **self._notes.around(request),
            goals=await self._threads.read(self._site.restoring.goals),
            things=words.things(len(ids)),
            fields=fields or [("item", ",".join(map(str, ids)))],
            back=safe_back(form.one("back", "/photos")),
        )

    async def ask(self, request: Request, form: Form) -> Response:
        """Note it; the daemon does it."""
        goal = form.one("to")

        def do() -> str:
            ids = self._meant(form)
            if not ids:
                return "Nothing is selected that could be restored."
            self._site.restoring.ask(ids, goal)
            return f"{words.things(len(ids))} {'is' if len(ids) == 1 else 'are'} put back now."

        try:
            text = await self._threads.read(do)
        except PhotosyncError as error:
            text = str(error)
        return self._actions.said(request, form, text)

    async def hurry(self, request: Request, form: Form) -> Response:
        """Try again at once."""
        wanted = number(form.one("request"))
        await self._threads.read(lambda: self._site.restoring.hurry(wanted))
        return self._actions.said(request, form, "It is tried again.")

    async def drop(self, request: Request, form: Form) -> Response:
        """Call it off, or forget what came of it."""
        wanted = number(form.one("request"))
        await self._threads.read(lambda: self._site.restoring.drop(wanted))
        return self._actions.said(request, form, "Done.")

    def _meant(self, form: Form) -> list[int]:
        """The items that are named, or all that a filter shows and whose bytes are known."""
        if not form.one("all"):
            return self._actions.named(form)
        sought = asked(form.flat()).sought()
        states = tuple(one for one in READ if not sought.states or one in sought.states)
        return self._every(sought, states) if states else []

    def _every(self, sought: Sought, states: tuple[State, ...]) -> list[int]:
        pages = self._site.gallery.pages(replace(sought, states=states), limit=AT_ONCE)
        return [number for ids in pages for number in ids]
