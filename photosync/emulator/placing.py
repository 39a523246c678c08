"""Where in an album something goes (google-photos-api.md §3.1, §3.3, §4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies

if TYPE_CHECKING:
    from photosync.emulator.library import Album, Library
    from photosync.emulator.options import Options

_END: Final = ("LAST_IN_ALBUM", "POSITION_TYPE_UNSPECIFIED")
_AFTER: Final = {
    "AFTER_MEDIA_ITEM": "relativeMediaItemId",
    "AFTER_ENRICHMENT_ITEM": "relativeEnrichmentItemId",
}


def album_for(library: Library, user: str, album_id: str, *, unknown: bodies.Refusal) -> Album:
    """The user's album.

    Raises:
        Refusal: ``unknown``, if there is none.
    """
    album = library.album(album_id)
    if album is None or album.user != user:
        raise unknown
    return album


def writable_album(library: Library, user: str, album_id: str) -> Album:
    """The album, if the app may add to it.

    Raises:
        Refusal: 400: no such album, or not one of the app's (§3.3).
    """
    unknown = bodies.wrapped(400, bodies.ALBUM_UNKNOWN)
    album = album_for(library, user, album_id, unknown=unknown)
    if not album.by_app or not album.writeable:
        raise bodies.wrapped(400, bodies.ALBUM_FORBIDDEN)
    return album


def check_room(album: Album, adding: int, options: Options) -> None:
    """Albums hold up to 20,000 items (§4).

    Raises:
        Refusal: 400: they do not all fit.
    """
    if len(album.item_ids) + adding > options.album_items_limit:
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)


def position_after(library: Library, album_id: str, wanted: dict[str, Any]) -> int | None:
    """The position behind which ``wanted`` (an AlbumPosition) lies; None is the end.

    Raises:
        Refusal: 400: it says nothing, or is relative to what is not in the album.
    """
    name = wanted.get("position", "LAST_IN_ALBUM")
    if name in _END:
        return None
    if name == "FIRST_IN_ALBUM":
        return 0
    if name not in _AFTER:
        message = f"Invalid value at 'album_position.position' (TYPE_ENUM), \"{name}\""
        raise bodies.invalid_field("album_position.position", message)
    position = library.entry_position(album_id, wanted.get(_AFTER[name], ""))
    if position is None:
        raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
    return position
