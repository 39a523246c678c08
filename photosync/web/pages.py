"""Every page that is looked at."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, Response

from photosync.domain.media import readable
from photosync.domain.states import State
from photosync.errors import UnknownItem
from photosync.store.gallery import Sought
from photosync.web import words
from photosync.web.asked import (
    GROUPS,
    TYPES,
    Asked,
    Nonsense,
    asked,
    folder_key,
    number,
    place,
    within_day,
)
from photosync.web.pictures import SHOWN_TYPES
from photosync.web.tiles import Tile, shown_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from photosync.store.gallery import FolderTally
    from photosync.web.assets import Assets
    from photosync.web.notes import Notes
    from photosync.web.site import Site, SourceCard, Threads

Json = dict[str, Any]

PAGE_ITEMS = 60
THUMBNAILS_OF_FOLDER = 5
MOST_FOLDERS = 500
MOST_UNDER_WAY = 8
GOOGLE_PHOTOS = "https://photos.google.com/lr/photo/"


class Pages:
    """Reads what a page shows in one go, in a thread, and fills in its template."""

    def __init__(self, site: Site, threads: Threads, assets: Assets, notes: Notes) -> None:
        self._site = site
        self._threads = threads
        self._assets = assets
        self._notes = notes

    async def overview(self, request: Request) -> Response:
        """What happens now."""
        live = await self._threads.read(self.live)
        return self._page(request, "overview.html", here="overview", **live)

    def live(self) -> Json:
        """What the overview is made of; for its parts too."""
        status = self._site.status()
        busy = [*status["uploads"], *status["copies"]][:MOST_UNDER_WAY]
        return {
            "status": status,
            "headline": words.headline(status),
            "restores": self._site.restoring.asked(),
            "under_way": [one for one in map(self._moving, busy) if one is not None],
        }

    def _moving(self, one: Json) -> Json | None:
        try:
            item = self._site.overview.item(one["id"])
        except UnknownItem:
            return None
        gone = one.get("sent_bytes", one.get("copied_bytes", 0))
        verb = "Uploading" if "sent_bytes" in one else "Copying"
        return {"tile": Tile.of(item), "verb": verb, "gone": gone, "whole": one["size_bytes"]}

    async def photos(self, request: Request) -> Response:
        """The gallery, or that part of it which an address asks for."""
        wanted = asked(request.query_params)
        sought, after = wanted.sought(), place(request.query_params.get("after", ""))

        def look() -> Json:
            gallery = self._site.gallery
            since = gallery.last_event()  # before all else: what happens meanwhile is told later
            items = gallery.page(sought, after=after, limit=PAGE_ITEMS + 1)
            sources = self._site.overview.sources()
            tiles = [Tile.of(item) for item in items[:PAGE_ITEMS]]
            source_id = sought.source_id
            folders = gallery.folders(source_id) if source_id is not None else []
            return {
                "since": since,
                "days": [(day, list(some)) for day, some in groupby(tiles, lambda one: one.day)],
                "more": f"{tiles[-1].at}.{tiles[-1].id}" if len(items) > PAGE_ITEMS else "",
                "is_first": not request.query_params.get("after"),
                "sources": [one.source for one in sources],
                "folders": _folder_options(folders),
                "counts": self._counts(wanted, sought),
                "headline": words.headline(self._site.status()),
            }

        return self._page(
            request,
            "photos.html",
            here="photos",
            asked=wanted,
            groups=GROUPS,
            types=TYPES,
            chunk=PAGE_ITEMS,
            **await self._threads.read(look),
        )

    def _counts(self, wanted: Asked, sought: Sought) -> Json:
        """How many there are by each value of a filter, the other filters being as they are.

        ``states``, ``types``, ``sources`` by how they stand in an address; ``sought``: all that is
        shown. None for what would take too long to count.
        """
        numbers = self._site.gallery.numbers(sought)
        if numbers is None:
            return {"states": None, "types": None, "sources": None, "sought": None}

        def count(
            states: Sequence[str] = (), *, video: bool | None = None, source_id: int | None = None
        ) -> int:
            return sum(
                one.items
                for one in numbers
                if (not states or one.state in states)
                and video in (None, one.video)
                and source_id in (None, one.source_id)
            )

        now, kind, source_id = sought.states, sought.video, sought.source_id
        by_state = {
            name: count(states, video=kind, source_id=source_id)
            for name, (_, states) in GROUPS.items()
        }
        every = count(video=kind, source_id=source_id)
        return {
            "states": {"": every, **by_state},
            "types": {
                "": count(now, source_id=source_id),
                **{
                    name: count(now, video=video, source_id=source_id)
                    for name, (_, video) in TYPES.items()
                },
            },
            "sources": None
            if wanted.folder
            else {
                "": count(now, video=kind),
                **{
                    str(view.source.id): count(now, video=kind, source_id=view.source.id)
                    for view in self._site.overview.sources()
                },
            },
            "sought": by_state[wanted.state] if wanted.state else every,
        }

    async def counts(self, request: Request) -> Response:
        """The numbers of the filters as they are now."""
        wanted = asked(request.query_params)
        sought = wanted.sought()
        return JSONResponse(await self._threads.read(lambda: self._counts(wanted, sought)))

    async def days(self, request: Request) -> Response:
        """Each day and how many items it has, for the scroll bar."""
        sought = asked(request.query_params).sought()
        return JSONResponse(await self._threads.read(lambda: self._site.gallery.days(sought)))

    async def tiles(self, request: Request) -> Response:
        """Some tiles of one day, to be put where their room is kept."""
        query = request.query_params
        sought = within_day(asked(query).sought(), query.get("of", ""))
        skip = number(query.get("skip", "0")) if query.get("skip", "0") != "0" else 0
        items = await self._threads.read(
            lambda: self._site.gallery.page(sought, skip=skip, limit=PAGE_ITEMS)
        )
        text = self._assets.text(
            "_tiles.html", tiles=[Tile.of(item) for item in items], asked=asked(query)
        )
        return HTMLResponse(text)

    async def item(self, request: Request) -> Response:
        """All of one item."""
        wanted, item_id = asked(request.query_params), number(request.path_params["item"])
        sought = wanted.sought()

        def look() -> Json:
            item = self._site.overview.item(item_id)
            at = (shown_at(item), item.id)
            behind = self._site.gallery.places(sought, after=at, limit=1)
            return {
                "item": item,
                "tile": Tile.of(item),
                "facts": self._site.page(item),
                "newer": self._site.gallery.ahead_of(at, sought),
                "older": behind[0][1] if behind else None,
            }

        found = await self._threads.read(look)
        item = found["item"]
        return self._page(
            request,
            "item.html",
            here="photos",
            asked=wanted,
            is_shown=item.mime_type in SHOWN_TYPES,
            library=f"{GOOGLE_PHOTOS}{item.google_id}" if item.state is State.DONE else "",
            **found,
        )

    async def folders(self, request: Request) -> Response:
        """Where photos come from, and what of it is taken."""

        def look() -> Json:
            cards = self._site.sources.cards()
            return {"cards": cards, "samples": {one.id: self._samples(one) for one in cards}}

        return self._page(
            request,
            "folders.html",
            here="folders",
            most=MOST_FOLDERS,
            folder_key=folder_key,
            readable=readable,
            **await self._threads.read(look),
        )

    def _samples(self, card: SourceCard) -> dict[str, list[Tile]]:
        """A few tiles of each folder."""
        return {
            one.path: [
                Tile.of(item)
                for item in self._site.gallery.page(
                    Sought(source_id=card.id, folder=one.path), limit=THUMBNAILS_OF_FOLDER
                )
            ]
            for one in card.folders[:MOST_FOLDERS]
            if one.is_found
        }

    async def settings(self, request: Request) -> Response:
        """What is in force, and where it comes from."""
        shown = await self._threads.read(lambda: list(self._site.settings()))
        tables: dict[str, list[Any]] = {}
        for one in shown:
            tables.setdefault(_table_of(one.key), []).append(one)
        return self._page(request, "settings.html", here="settings", tables=tables)

    def _page(self, request: Request, template: str, *, code: int = 200, **values: Any) -> Response:
        return self._assets.page(
            template,
            code=code,
            **self._notes.around(request),
            address=address_of(request),
            **values,
        )

    def nonsense(self, request: Request, error: Exception) -> Response:
        """What no page of ours asks for."""
        code = 404 if isinstance(error, UnknownItem) else getattr(error, "status_code", 400)
        text = (
            str(error) if isinstance(error, (Nonsense, UnknownItem)) else "There is no such page."
        )
        return self._page(request, "wrong.html", code=code, here="", title="Not found", text=text)


def address_of(request: Request) -> str:
    """The page's own address, for forms to come back to."""
    query = "&".join(
        part for part in request.url.query.split("&") if part and not part.startswith("said=")
    )
    return f"{request.url.path}?{query}" if query else request.url.path


def _folder_options(folders: list[FolderTally]) -> list[tuple[str, str, int]]:
    return [
        (folder_key(one.path), readable(one.path) or "(the top)", one.items)
        for one in folders[:MOST_FOLDERS]
    ]


def _table_of(key: str) -> str:
    table, dot, _ = key.partition(".")
    return table.partition("[")[0] if dot or table == "folder" else ""
