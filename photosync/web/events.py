"""What changes while a page is open, as server-sent events (html.spec.whatwg.org, 9.2).

While nobody listens nothing is looked at; while nothing is written, only one number a second.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

from photosync.errors import PhotosyncError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

    from photosync.web.assets import Assets
    from photosync.web.pages import Pages
    from photosync.web.site import Site, Threads

log = logging.getLogger(__name__)

TICK_SECONDS = 1.0
AFTER_BUG_SECONDS = 30.0
STALE_SECONDS = 12.0
"""After the last change once more: a rate that was told is old by then."""
AT_LEAST_SECONDS = 60.0
PULSE_SECONDS = 25.0
MOST_LISTENERS = 12
MOST_WAITING = 20
MOST_MISSED = 10_000
"""So many events a page that comes (again) is told of at most: the latest."""
COME_AGAIN = ": too many pages are open\nretry: 30000\n\n"
MOST_DIGITS = 18
MISSED = ""
"""What is told of no more: who hears it comes again, and hears how everything is."""
PARTS = ("state", "now", "control", "problems", "work", "restores", "sources")


class _Told(StreamingResponse):
    """What is told until the page is closed; then ``ends`` is called, told of anything or not."""

    def __init__(self, told: AsyncIterator[str], *, ends: Callable[[], None]) -> None:
        super().__init__(
            told, media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )
        self._ends = ends

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._ends()


class Events:
    """One look for all that listen."""

    def __init__(self, site: Site, threads: Threads, assets: Assets, pages: Pages) -> None:
        self._site = site
        self._threads = threads
        self._assets = assets
        self._pages = pages
        self._listeners: set[asyncio.Queue[str]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._parts: dict[str, str] = {}
        self._last_event = 0

    async def stream(self, request: Request) -> Response:
        """Everything from now on; first, how it stands."""
        if len(self._listeners) >= MOST_LISTENERS:
            # a browser never asks again after an error; of phones that went, some are listed yet
            return Response(COME_AGAIN, media_type="text/event-stream")
        since = _since(request)
        queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(queue)  # at once: many may come before the first is told anything
        return _Told(self._told(queue, since), ends=lambda: self._listeners.discard(queue))

    async def _told(self, queue: asyncio.Queue[str], since: int | None) -> AsyncIterator[str]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look(since))
        else:  # not what was told last: not all that a page shows is written in the database
            with suppress(PhotosyncError):
                yield await self._threads.read(lambda: self._so_far(since))
        yield "retry: 3000\n\n"
        while True:
            try:
                text = await asyncio.wait_for(queue.get(), PULSE_SECONDS)
            except TimeoutError:
                yield ": well\n\n"  # by this a connection that is dead is noticed
                continue
            if text == MISSED:
                return
            yield text

    async def _look(self, since: int | None) -> None:
        """Until nobody listens any more."""
        self._parts = {}
        self._last_event = await self._threads.read(lambda: self._from(since))
        seen, looked_at = -1, 0.0
        changed_at = time.monotonic()
        while self._listeners:
            now = time.monotonic()
            try:
                mark = self._site.gallery.changes()  # of this very thread: a number of SQLite's
                is_stale = changed_at + STALE_SECONDS <= now and looked_at < (
                    changed_at + STALE_SECONDS
                )
                if mark != seen or is_stale or now - looked_at > AT_LEAST_SECONDS:
                    changed_at = now if mark != seen else changed_at
                    seen, looked_at = mark, now
                    self._tell(await self._threads.read(self._news))
            except PhotosyncError:  # the database rests: a page says so when it is asked for
                seen = -1
            except Exception:  # a bug must not leave pages that are open without news
                log.exception("web.bug")
                seen = -1
                await asyncio.sleep(AFTER_BUG_SECONDS)
            await asyncio.sleep(TICK_SECONDS)

    def _all(self) -> dict[str, str]:
        """Every part as it is now."""
        live = self._pages.live()
        # whoever shows them puts a token of its own into their forms
        return {name: self._assets.text(f"_{name}.html", token="", **live) for name in PARTS}

    def _from(self, since: int | None) -> int:
        """The event after which there is something to tell to who knows all until ``since``."""
        last = self._site.gallery.last_event()
        return last if since is None else min(max(since, last - MOST_MISSED), last)

    def _so_far(self, since: int | None) -> str:
        """How everything is, and what has happened since the page that comes was made."""
        last, happened = self._happened(self._from(since))
        return _event({"parts": self._all(), **happened}, last)

    def _happened(self, last: int) -> tuple[int, dict[str, Any]]:
        """The newest event, and what happened after ``last`` until then, as far as there is any."""
        changed: dict[int, str] = {}
        new = 0
        while True:
            last, changes = self._site.gallery.events_after(last)
            if not changes:
                told = {"changed": changed, "new": new}
                return last, {name: value for name, value in told.items() if value}
            changed |= {one.item_id: one.state for one in changes if not one.is_new}
            new += sum(one.is_new for one in changes)

    def _news(self) -> dict[str, Any]:
        """What is not as it was told last."""
        parts = self._all()
        self._last_event, happened = self._happened(self._last_event)
        fresh = {name: text for name, text in parts.items() if self._parts.get(name) != text}
        self._parts = parts
        return {"parts": fresh, **happened} if fresh else happened

    def _tell(self, news: dict[str, Any]) -> None:
        if not news:
            return
        text = _event(news, self._last_event)
        for queue in self._listeners:
            if queue.full():  # it does not read: a phone that slept, or has a slow line
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(MISSED)
            else:
                queue.put_nowait(text)


def _event(news: dict[str, Any], last: int) -> str:
    """With the number that a page comes again with."""
    return f"id: {last}\ndata: {json.dumps(news)}\n\n"


def _since(request: Request) -> int | None:
    """Until which event the page that asks knows what happened, if it says so.

    A browser that comes again by itself has the latest in a header, and what the page was made
    with in the address.
    """
    told = request.headers.get("last-event-id") or request.query_params.get("since", "")
    is_number = told.isascii() and told.isdecimal() and len(told) <= MOST_DIGITS
    return int(told) if is_number else None
