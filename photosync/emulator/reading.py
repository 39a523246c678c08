"""Reading media items: get, batchGet, list, search, patch (google-photos-api.md §5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies, wire
from photosync.emulator.albums import update_masks
from photosync.emulator.paging import page_size, position_of, token_for
from photosync.emulator.placing import album_for

if TYPE_CHECKING:
    from photosync.emulator.call import Call
    from photosync.emulator.library import Item, Library
    from photosync.emulator.shapes import Shapes

_MOST_IDS: Final = 50
_MEDIA_TYPES: Final = ("ALL_MEDIA", "PHOTO", "VIDEO")
_ORDERS: Final = ("MediaMetadata.creation_time", "MediaMetadata.creation_time desc")


class Reading:
    """Shows the app what it made, and nothing else."""

    def __init__(self, library: Library, shapes: Shapes) -> None:
        self._library = library
        self._shapes = shapes

    async def get(self, call: Call) -> dict[str, Any]:
        """``GET /v1/mediaItems/{id}``.

        Raises:
            Refusal: 404: the app made no such item.
        """
        item = self._own(call, call.request.path_params["id"])
        if item is None:
            raise bodies.wrapped(404, bodies.NOT_FOUND)
        return self._shapes.item(item, origin=call.origin)

    async def batch_get(self, call: Call) -> dict[str, Any]:
        """``GET /v1/mediaItems:batchGet``: in the order asked; each may fail alone.

        Raises:
            Refusal: 400: no ids, more than 50, or one twice.
        """
        ids = call.request.query_params.getlist("mediaItemIds")
        if not 1 <= len(ids) <= _MOST_IDS or len(set(ids)) != len(ids):
            raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        results = []
        for item_id in ids:
            item = self._own(call, item_id)
            if item is None:
                results.append({"status": {"code": 5, "message": bodies.NOT_FOUND}})
            else:
                results.append({"mediaItem": self._shapes.item(item, origin=call.origin)})
        return {"mediaItemResults": results}

    def _own(self, call: Call, item_id: str) -> Item | None:
        item = self._library.item(item_id)
        return item if item and item.user == call.user and item.by_app else None

    async def patch(self, call: Call) -> dict[str, Any]:
        """``PATCH /v1/mediaItems/{id}?updateMask=description``.

        Raises:
            Refusal: 404 for no such item; 400 for another mask or too long a text.
        """
        changes = wire.read(call.content, wire.MEDIA_ITEM)
        item = self._own(call, call.request.path_params["id"])
        if item is None:
            raise bodies.wrapped(404, bodies.NOT_FOUND)
        update_masks(call, {"description": "description"})
        text = changes.get("description", "")
        if len(text) > 1000:
            raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        self._library.describe(item.id, text)
        return await self.get(call)

    async def list_own(self, call: Call) -> dict[str, Any]:
        """``GET /v1/mediaItems``: newest first, 25 (at most 100) a page."""
        given = call.request.query_params
        size = page_size(given.get("pageSize", "0"), default=25, most=100)
        question = {"list": "items", "user": call.user}
        return self._page(call, question, given.get("pageToken", ""), size, _anything)

    async def search(self, call: Call) -> dict[str, Any]:
        """``POST /v1/mediaItems:search`` by album or by filters.

        Raises:
            Refusal: 400: both at once, an order without dates, or filters that will not do.
        """
        request = wire.read(call.content, wire.SEARCH)
        size = page_size(request.pop("pageSize", 0), default=25, most=100)
        token = request.pop("pageToken", "")
        question = {"search": request, "user": call.user}
        filters = request.get("filters", {})
        if request.get("albumId"):
            if filters or request.get("orderBy"):
                raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
            return self._album_page(call, question, request["albumId"], token, size)
        _check_filters(filters, request.get("orderBy", ""))
        return self._page(call, question, token, size, filters)

    def _page(
        self,
        call: Call,
        question: dict[str, Any],
        token: str,
        size: int,
        filters: dict[str, Any],
    ) -> dict[str, Any]:
        before = position_of(token, question)
        found = [
            item
            for item in self._library.items_where(
                "user = :user AND by_app AND (:before IS NULL OR position < :before) "
                "ORDER BY position DESC",
                user=call.user,
                before=before,
            )
            if _passes(item, filters)
        ]
        return self._shown(call, found[:size], question, more=len(found) > size)

    def _album_page(
        self, call: Call, question: dict[str, Any], album_id: str, token: str, size: int
    ) -> dict[str, Any]:
        unknown = bodies.wrapped(404, bodies.NOT_FOUND)
        album = album_for(self._library, call.user, album_id, unknown=unknown)
        start = position_of(token, question) or 0
        ids = album.item_ids[start : start + size]
        items = [item for item in (self._library.item(each) for each in ids) if item]
        more = start + size < len(album.item_ids)
        return self._shown(call, items, question, more=more, position=start + size)

    def _shown(
        self,
        call: Call,
        items: list[Item],
        question: dict[str, Any],
        *,
        more: bool,
        position: int | None = None,
    ) -> dict[str, Any]:
        shown = [self._shapes.item(item, origin=call.origin) for item in items]
        token = ""
        if more:
            token = token_for(items[-1].position if position is None else position, question)
        return wire.without_defaults({"mediaItems": shown or None, "nextPageToken": token})


_anything: Final[dict[str, Any]] = {}


def _check_filters(filters: dict[str, Any], order: str) -> None:
    dates = filters.get("dateFilter", {})
    types = filters.get("mediaTypeFilter", {}).get("mediaTypes")
    content = filters.get("contentFilter", {})
    wrong = (
        (order and (not dates or order not in _ORDERS))
        or (types is not None and (len(types) != 1 or types[0] not in _MEDIA_TYPES))
        or any(len(dates.get(name, [])) > 5 for name in ("dates", "ranges"))
        or any(len(listed) > 10 for listed in content.values())
    )
    if wrong:
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)


def _passes(item: Item, filters: dict[str, Any]) -> bool:
    types = filters.get("mediaTypeFilter", {}).get("mediaTypes", ["ALL_MEDIA"])
    if types[0] != "ALL_MEDIA" and item.is_video != (types[0] == "VIDEO"):
        return False
    dates = filters.get("dateFilter", {})
    if not dates:
        return True
    taken = datetime.fromtimestamp(item.taken_at, UTC)
    day = (taken.year, taken.month, taken.day)
    return any(_same_day(day, date) for date in dates.get("dates", [])) or any(
        _day(between.get("startDate", {}), 0) <= day <= _day(between.get("endDate", {}), 9999)
        for between in dates.get("ranges", [])
    )


def _same_day(day: tuple[int, int, int], date: dict[str, int]) -> bool:
    """A part of 0 stands for any: all of a year, a day of every year."""
    wanted = (date.get("year", 0), date.get("month", 0), date.get("day", 0))
    return all(part in (0, own) for part, own in zip(wanted, day, strict=True))


def _day(date: dict[str, int], missing: int) -> tuple[int, int, int]:
    return (
        date.get("year") or missing,
        date.get("month") or missing,
        date.get("day") or missing,
    )
