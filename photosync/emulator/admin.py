"""The emulator's own pages and controls under ``/emulator/``."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from photosync.emulator.downloads import INERT, bytes_of
from photosync.emulator.templates import PAGE_HEADERS, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from photosync.emulator.faults import FaultPlan
    from photosync.emulator.library import Item, Library
    from photosync.emulator.meters import Meters
    from photosync.emulator.options import Options
    from photosync.emulator.people import People
    from photosync.emulator.requestlog import RequestLog

_PAGE_ITEMS: Final = 60
_SHOWN_ALBUMS: Final = 200
_LONGEST_BODY_BYTES: Final = 1024**2

Action = Callable[[Any], Awaitable[Any]]


class Admin:
    """Shows what the emulator holds and changes what it does."""

    def __init__(
        self,
        *,
        library: Library,
        meters: Meters,
        people: People,
        options: Options,
        faults: FaultPlan,
        requests: Callable[[], RequestLog],
        grant: Callable[[Sequence[str] | None], dict[str, Any]],
        client_secret: Callable[[], dict[str, Any]],
    ) -> None:
        self._library = library
        self._meters = meters
        self._people = people
        self._options = options
        self._faults = faults
        self._requests = requests
        self._grant = grant
        self._client_secret = client_secret

    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/emulator/", self.page),
            Route("/emulator/media/{id}", self.media),
            Route("/emulator/library.json", self.library),
            Route("/emulator/requests.json", self.requests),
            Route("/emulator/client_secret.json", self.client_secret),
            Route("/emulator/healthz", self.healthz),
            Route("/emulator/faults", self.faults, methods=["GET", "POST", "DELETE"]),
            Route("/emulator/options", self.options, methods=["GET", "PATCH"]),
            Route("/emulator/grant", self.grant, methods=["POST"]),
            Route("/emulator/revoke", self.revoke, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The library, newest first, 60 items a page."""
        total = self._library.count()
        pages = max(1, -(-total // _PAGE_ITEMS))
        text = request.query_params.get("page", "1")
        page = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1
        page = min(max(page, 1), pages)
        items = self._library.items_where(
            "true ORDER BY position DESC LIMIT :n OFFSET :skip",
            n=_PAGE_ITEMS,
            skip=(page - 1) * _PAGE_ITEMS,
        )
        albums = self._library.albums_where("true ORDER BY position DESC LIMIT :n", n=_SHOWN_ALBUMS)
        return render(
            "library.html",
            items=items,
            inert=INERT,
            total=total,
            page=page,
            pages=pages,
            albums=[(album.title, len(album.item_ids)) for album in albums],
            requests=self._meters.requests_today(),
            spent=self._meters.spent_today(),
            limit=self._options.daily_limit,
            day=self._meters.today(),
        )

    async def media(self, request: Request) -> Response:
        """An item's bytes, for the page."""
        item = self._library.item(request.path_params["id"])
        if item is None:
            return Response("There is no such item.", 404, PAGE_HEADERS, media_type="text/plain")
        return bytes_of(item)

    async def library(self, _: Request) -> Response:
        """Every item and album."""
        items = [_item_json(item) for item in self._library.items()]
        albums = [
            {"id": album.id, "title": album.title, "user": album.user, "item_ids": album.item_ids}
            for album in self._library.albums()
        ]
        return _json({"items": items, "albums": albums})

    async def requests(self, _: Request) -> Response:
        """The request log, counts by kind, and how many writes overlapped."""
        log = self._requests()
        return _json(
            {
                "requests": [record.to_mapping() for record in log.all()],
                "counts": log.counts(),
                "today": self._meters.requests_today(),
                "overlapping_writes": log.overlapping_writes(),
            }
        )

    async def client_secret(self, _: Request) -> Response:
        """What Google Cloud's console downloads for a desktop client."""
        return _json(self._client_secret())

    async def healthz(self, _: Request) -> Response:
        """That it runs."""
        return _json({"status": "ok"})

    async def faults(self, request: Request) -> Response:
        """GET lists what is still to come, POST adds one or a list, DELETE clears."""
        if request.method == "POST":
            given = await _body(request)
            listed = given if isinstance(given, list) else [given]
            return _attempt(lambda: self._faults.add_all(listed), self._faults_json)
        if request.method == "DELETE":
            self._faults.clear()
        return _json(self._faults_json())

    def _faults_json(self) -> list[dict[str, Any]]:
        return [fault.to_mapping() for fault in self._faults.remaining()]

    async def options(self, request: Request) -> Response:
        """GET shows all options, PATCH changes some."""
        if request.method == "PATCH":
            given = await _body(request)
            if not isinstance(given, dict):
                return _json({"error": "The body is an object of options."}, 400)
            return _attempt(lambda: self._options.update(given), self._options.to_mapping)
        return _json(self._options.to_mapping())

    async def grant(self, request: Request) -> Response:
        """A signed-in user without a browser; ``{"scopes": [...]}`` narrows it."""
        given = await _body(request)
        scopes = given.get("scopes") if isinstance(given, dict) else None
        fine = isinstance(scopes, list) and all(isinstance(each, str) for each in scopes)
        if scopes is not None and not fine:
            return _json({"error": "scopes is a list of strings."}, 400)
        return _json(self._grant(scopes))

    async def revoke(self, _: Request) -> Response:
        """Every grant dies, as if the users had removed the app."""
        self._people.revoke_all()
        return _json({})


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "id": item.id,
        "file_name": item.file_name,
        "size_bytes": item.size_bytes,
        "sha256": item.sha256,
        "file": str(item.file),
        "mime_type": item.mime_type,
        "album_ids": item.album_ids,
        "created_at": item.created_at,
        "user": item.user,
        "description": item.description,
        "by_app": item.by_app,
    }


def _json(value: Any, status: int = 200) -> Response:
    return JSONResponse(value, status, {"x-content-type-options": "nosniff"})


def _attempt(change: Callable[[], None], shown: Callable[[], Any]) -> Response:
    try:
        change()
    except ValueError as error:
        return _json({"error": str(error)}, 400)
    return _json(shown())


async def _body(request: Request) -> Any:
    """The JSON body; an unreadable one is None, which no caller takes."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > _LONGEST_BODY_BYTES:
            return None
    try:
        return json.loads(content or b"null")
    except ValueError:
        return None
