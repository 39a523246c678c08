"""The methods under ``/v1/albums`` (google-photos-api.md §4)."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies, wire
from photosync.emulator.paging import page_size, position_of, token_for
from photosync.emulator.placing import album_for, check_room, position_after, writable_album

if TYPE_CHECKING:
    from photosync.emulator.call import Call
    from photosync.emulator.library import Album, Item, Library
    from photosync.emulator.options import Options
    from photosync.emulator.shapes import Shapes

_LONGEST_TITLE: Final = 500
_MOST_IDS: Final = 50
_MASKS: Final = {"title": "title", "coverphotomediaitemid": "coverPhotoMediaItemId"}


class Albums:
    """Creates, lists and changes albums of the app."""

    def __init__(self, library: Library, shapes: Shapes, options: Options) -> None:
        self._library = library
        self._shapes = shapes
        self._options = options

    async def create(self, call: Call) -> dict[str, Any]:
        """``POST /v1/albums``.

        Raises:
            Refusal: 400: no title, or one of more than 500 characters.
        """
        album = wire.read(call.content, wire.CREATE_ALBUM).get("album", {})
        title = album.get("title", "")
        call.record.summary["title"] = title
        if not title or len(title) > _LONGEST_TITLE:
            raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        return self._shapes.album(self._library.add_album(call.user, title), origin=call.origin)

    async def list_own(self, call: Call) -> dict[str, Any]:
        """``GET /v1/albums``: the app's own, 20 (at most 50) a page."""
        given = call.request.query_params
        size = page_size(given.get("pageSize", "0"), default=20, most=50)
        question = {"list": "albums", "user": call.user}
        after = position_of(given.get("pageToken", ""), question) or 0
        found = self._library.albums_where(
            "user = :user AND by_app AND position > :after ORDER BY position LIMIT :n",
            user=call.user,
            after=after,
            n=size + 1,
        )
        shown = [self._shapes.album(album, origin=call.origin) for album in found[:size]]
        more = token_for(found[size - 1].position, question) if len(found) > size else ""
        return wire.without_defaults({"albums": shown or None, "nextPageToken": more})

    async def get(self, call: Call) -> dict[str, Any]:
        """``GET /v1/albums/{id}``; 404 for what the app did not make."""
        return self._shapes.album(self._own(call), origin=call.origin)

    def _own(self, call: Call) -> Album:
        unknown = bodies.wrapped(404, bodies.NOT_FOUND)
        album_id = call.request.path_params["id"]
        album = album_for(self._library, call.user, album_id, unknown=unknown)
        if not album.by_app:
            raise unknown
        return album

    async def patch(self, call: Call) -> dict[str, Any]:
        """``PATCH /v1/albums/{id}?updateMask=``: title and cover, nothing else.

        Raises:
            Refusal: 400: no mask, another field, or a value that will not do.
        """
        changes = wire.read(call.content, wire.ALBUM)
        album = self._own(call)
        masks = update_masks(call, _MASKS)
        if "title" in masks:
            title = changes.get("title", "")
            if not title or len(title) > _LONGEST_TITLE:
                raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        if "coverPhotoMediaItemId" in masks:
            (cover,) = self._items(call, [changes.get("coverPhotoMediaItemId", "")])
            if album.id not in cover.album_ids:
                raise bodies.wrapped(400, bodies.INVALID_MEDIA_ID)
            self._library.set_cover(album.id, cover.id)
        if "title" in masks:
            self._library.retitle(album.id, changes["title"])
        return self._shapes.album(self._own(call), origin=call.origin)

    async def add_items(self, call: Call) -> dict[str, Any]:
        """``:batchAddMediaItems``: all or none (§4).

        Raises:
            Refusal: 400: an item or the album is not the app's, or the album is full.
        """
        ids = self._item_ids(call)
        album = writable_album(self._library, call.user, call.request.path_params["id"])
        items = self._items(call, ids)
        check_room(album, len(set(ids) - set(album.item_ids)), self._options)
        self._library.place(album.id, [item.id for item in items], after=None)
        return {}

    async def remove_items(self, call: Call) -> dict[str, Any]:
        """``:batchRemoveMediaItems``: no repeats, all in the album, all or none.

        Raises:
            Refusal: 400: one of these is not so.
        """
        ids = self._item_ids(call)
        album = writable_album(self._library, call.user, call.request.path_params["id"])
        if len(set(ids)) != len(ids) or not set(ids) <= set(album.item_ids):
            raise bodies.wrapped(400, bodies.INVALID_MEDIA_ID)
        self._library.take_out(album.id, ids)
        return {}

    def _item_ids(self, call: Call) -> list[str]:
        ids: list[str] = wire.read(call.content, wire.MEDIA_ITEM_IDS).get("mediaItemIds", [])
        call.record.summary["items"] = len(ids)
        if not 1 <= len(ids) <= _MOST_IDS:
            raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        return ids

    def _items(self, call: Call, ids: list[str]) -> list[Item]:
        """The items, all made by the app, or 400 (pitfall 14)."""
        items = []
        for item_id in ids:
            item = self._library.item(item_id)
            if item is None or item.user != call.user or not item.by_app:
                raise bodies.wrapped(400, bodies.INVALID_MEDIA_ID)
            items.append(item)
        return items

    async def add_enrichment(self, call: Call) -> dict[str, Any]:
        """``:addEnrichment``: exactly one kind, with a position.

        Raises:
            Refusal: 400: it is not so, or its text is longer than 1000 characters.
        """
        request = wire.read(call.content, wire.ADD_ENRICHMENT)
        enrichment = request.get("newEnrichmentItem", {})
        text = enrichment.get("textEnrichment", {}).get("text", "")
        if len(enrichment) != 1 or "albumPosition" not in request or len(text) > 1000:
            raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        album = writable_album(self._library, call.user, call.request.path_params["id"])
        after = position_after(self._library, album.id, request["albumPosition"])
        enrichment_id = "AE" + secrets.token_urlsafe(40)
        self._library.place(album.id, [enrichment_id], after=after, text=text)
        return {"enrichmentItem": {"id": enrichment_id}}


def update_masks(call: Call, allowed: dict[str, str]) -> set[str]:
    """The fields an ``updateMask`` names, in lowerCamelCase.

    Raises:
        Refusal: 400: there is none, or it names a field that cannot be changed.
    """
    given = call.request.query_params.get("updateMask", "")
    names = {part.strip().replace("_", "").lower() for part in given.split(",") if part.strip()}
    if not names or not names <= set(allowed):
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
    return {allowed[name] for name in names}
