"""Signing in to Google from the page: for who sits at this machine, and has to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from photosync.config.hosts import is_loopback
from photosync.errors import PhotosyncError
from photosync.web.caller import is_own_user

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from photosync.web.actions import Actions
    from photosync.web.assets import Assets
    from photosync.web.notes import Form, Notes
    from photosync.web.site import Site, Threads

PAGE = "/signin"
LONGEST_ANSWER = 8192
SOMEBODY_ELSE = (
    "Another user of this machine may not choose the account that photos go to, unless the page "
    "has a password."
)


class SignInSide(Protocol):
    """What the page needs of whoever signs in."""

    def is_needed(self) -> bool:
        """Whether there is a reason to."""

    def lacking(self) -> PhotosyncError | None:
        """What is wrong with the OAuth client to sign in with; None if nothing is."""

    def client_file(self) -> str:
        """Where the settings have it."""

    def begin(self) -> None:
        """Begin, unless that is done.

        Raises:
            PhotosyncError: Nobody has to, or it cannot be begun.
        """

    def address(self) -> str:
        """Google's page, while its answer is waited for; else ""."""

    def trouble(self) -> PhotosyncError | None:
        """What is wrong with the answer that came last."""

    def answer(self, text: str) -> None:
        """The address that the browser ended at, brought by the user."""


class SigningIn:
    """The page ``/signin`` and its forms. Google's page is reached by a link: no form leaves us."""

    def __init__(
        self, site: Site, threads: Threads, assets: Assets, notes: Notes, actions: Actions
    ) -> None:
        self._side = site.signing_in
        self._threads = threads
        self._assets = assets
        self._notes = notes
        self._actions = actions

    async def page(self, request: Request) -> Response:
        """How to sign in, from where one is."""
        here = is_here(request)
        may = here and await self._threads.read(lambda: may_choose(request))
        address = self._side.address()
        lacking = None if address else await self._threads.read(self._side.lacking)
        return self._assets.page(
            "signin.html",
            here="overview",
            **self._notes.around(request),
            is_needed=await self._threads.read(self._side.is_needed),
            is_here=here,
            may=may,
            lacking=lacking,
            client_file=self._side.client_file(),
            address=address if may else "",
            trouble=self._side.trouble() if may else None,
        )

    async def begin(self, request: Request, form: Form) -> Response:
        """Begin; the page that follows leads to Google."""
        return await self._done(request, form, self._side.begin)

    async def answer(self, request: Request, form: Form) -> Response:
        """What the browser ended at, where it could not come back by itself."""
        text = form.one("answer").strip()[:LONGEST_ANSWER]
        if not text:
            return self._actions.said(request, _to_page(form), "No address was pasted.")
        return await self._done(request, form, lambda: self._side.answer(text))

    async def _done(self, request: Request, form: Form, what: Callable[[], None]) -> Response:
        if not is_here(request):
            text = "That goes only at the machine on which photosync runs."
            return self._actions.said(request, _to_page(form), text)
        if not await self._threads.read(lambda: may_choose(request)):
            return self._actions.said(request, _to_page(form), SOMEBODY_ELSE)
        try:
            await self._threads.read(what)
        except PhotosyncError as error:
            return self._actions.said(request, _to_page(form), str(error))
        return self._actions.said(request, _to_page(form), "")


def is_here(request: Request) -> bool:
    """Whether the browser runs on this machine, or says so through a tunnel that its user made.

    Google leads back to the browser's own loopback address: from elsewhere that is another
    machine, and nobody who is not at this one chooses the account that photos go to.
    """
    host = urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    asked_by = request.client.host if request.client else ""
    return is_loopback(host.rstrip(".")) and is_loopback(asked_by)


def may_choose(request: Request) -> bool:
    """Whether who asks may choose the account: with the password, else only the daemon's own user.

    Whoever else works on this machine reaches a page without a password, too.
    """
    return "photosync.session" in request.scope or is_own_user(request)


def _to_page(form: Form) -> Form:
    """The same, but that the page for signing in follows."""
    return type(form)({**form.values, "back": [PAGE]})
