"""The pages as an application; loaded with the first request for one of them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from photosync.errors import PhotosyncError, UnknownItem
from photosync.web.actions import Actions
from photosync.web.asked import Nonsense
from photosync.web.assets import Assets
from photosync.web.door import COOKIE, SESSION_SECONDS
from photosync.web.events import Events
from photosync.web.notes import Forged, Form, Notes
from photosync.web.pages import Pages
from photosync.web.pictures import Pictures
from photosync.web.restoring import Restoring
from photosync.web.signing_in import PAGE as SIGN_IN
from photosync.web.signing_in import SigningIn
from photosync.web.site import Darkroom, Site, Threads

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from photosync.web.door import Door

    Changing = Callable[[Request, Form], Awaitable[Response]]

log = logging.getLogger(__name__)

STALE = "This page is from before photosync was started anew: load it again, then try once more."


class Application:
    """Every page and everything that they load and change."""

    def __init__(self, site: Site, door: Door | None) -> None:
        self._door = door
        self._notes = Notes()
        self._threads = Threads()
        self._assets = Assets()
        self._darkroom = Darkroom(site)
        self._pages = Pages(site, self._threads, self._assets, self._notes)
        self._actions = Actions(site, self._threads, self._assets, self._notes)
        self._restoring = Restoring(site, self._threads, self._assets, self._notes, self._actions)
        self._signing_in = SigningIn(site, self._threads, self._assets, self._notes, self._actions)
        self._events = Events(site, self._threads, self._assets, self._pages)
        self._pictures = Pictures(site, self._threads, self._darkroom)
        self.asgi = Starlette(
            routes=[*self._looks(), *self._changes()],
            exception_handlers={
                Forged: self._forged,
                Nonsense: self._wrong,
                UnknownItem: self._wrong,
                PhotosyncError: self._failed,
                HTTPException: self._wrong,
            },
        )

    def close(self) -> None:
        """End its threads and its process."""
        self._threads.close()
        self._darkroom.close()

    def _looks(self) -> list[Route]:
        pages, pictures = self._pages, self._pictures
        return [
            Route("/", pages.overview),
            Route("/photos", pages.photos),
            Route("/photos/days", pages.days),
            Route("/photos/tiles", pages.tiles),
            Route("/photos/counts", pages.counts),
            Route("/photos/{item}", pages.item),
            Route("/folders", pages.folders),
            Route("/settings", pages.settings),
            Route(SIGN_IN, self._signing_in.page),
            Route("/events", self._events.stream),
            Route("/thumbnails/{item}", pictures.thumbnail),
            Route("/large/{item}", pictures.large),
            Route("/originals/{item}", pictures.original),
            Route("/static/{name}", self._assets.static),
            Route("/login", self._login),
        ]

    def _changes(self) -> list[Route]:
        actions = self._actions
        found: dict[str, Changing] = {
            "/actions/hurry": actions.hurry,
            "/actions/{verb}": actions.items,
            "/control/pause": actions.pause,
            "/control/resume": actions.resume,
            SIGN_IN: self._signing_in.begin,
            f"{SIGN_IN}/answer": self._signing_in.answer,
            "/restore/where": self._restoring.where,
            "/restore/hurry": self._restoring.hurry,
            "/restore/drop": self._restoring.drop,
            "/restore": self._restoring.ask,
            "/folders/take": actions.take,
            "/folders/mode": actions.mode,
            "/login": self._sign_in,
            "/logout": self._sign_out,
        }
        return [
            Route(path, self._with_form(change), methods=["POST"]) for path, change in found.items()
        ]

    def _with_form(self, change: Changing) -> Callable[[Request], Awaitable[Response]]:
        """Nothing is changed without a form that brings our token."""

        async def checked(request: Request) -> Response:
            return await change(request, await self._notes.form(request))

        return checked

    async def _login(self, request: Request) -> Response:
        if self._door is None:
            return RedirectResponse("/", 303)
        wait = self._door.wait_seconds()
        return self._asks_password(request, f"Wait {wait:.0f} seconds." if wait else "")

    def _asks_password(self, request: Request, text: str, code: int = 200) -> Response:
        return self._assets.page(
            "login.html", code=code, token=self._notes.token_for(request), text=text, here=""
        )

    async def _sign_in(self, request: Request, form: Form) -> Response:
        door = self._door
        if door is None:
            return RedirectResponse("/", 303)
        wait = door.wait_seconds()
        if wait:
            log.warning("web.login_refused reason=too many wrong passwords")
            return self._asks_password(
                request, f"Too many were wrong. Wait {wait:.0f} seconds.", 429
            )
        session = await self._threads.read(lambda: door.sign_in(form.one("password")))
        if session is None:
            log.warning("web.login_refused reason=wrong password")
            return self._asks_password(request, "That is not the password.", 401)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            session,
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.headers.get("origin", "").startswith("https:"),
        )
        return answer

    async def _sign_out(self, request: Request, form: Form) -> Response:
        del form
        if self._door is not None:
            self._door.sign_out(request.scope.get("photosync.session", ""))
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    async def _wrong(self, request: Request, error: Exception) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            code = error.status_code if isinstance(error, HTTPException) else 0
            code = code or (404 if isinstance(error, UnknownItem) else 400)
            return PlainTextResponse(f"{error}\n", code)
        return self._pages.nonsense(request, error)

    async def _forged(self, request: Request, error: Exception) -> Response:
        del error
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"said": STALE, "stale": True}, 403)
        return PlainTextResponse(f"{STALE}\n", 403)

    async def _failed(self, request: Request, error: Exception) -> Response:
        """The database cannot be read, say."""
        log.warning("web.failed reason=%s", error)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"said": str(error)}, 503)
        return PlainTextResponse(f"{error}\n", 503)
