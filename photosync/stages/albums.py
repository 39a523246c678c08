"""Which album photos go to: made once, found again, the next one when it is full or gone."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from photosync.errors import AlbumFull, AlbumGone
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.errors import PhotosyncError
    from photosync.stages.ports import Library
    from photosync.store.albums import Album, Albums
    from photosync.store.control import Control

log = logging.getLogger(__name__)

MOST_ALBUMS = 2
"""A new album that is gone at once, so many times: photos go to the library without one."""


class AlbumKeeper:
    """Albums by the titles that the settings give them; "" is none.

    ``limit``: so many items Google lets into one album.
    """

    def __init__(
        self,
        albums: Albums,
        library: Library,
        control: Control,
        *,
        limit: int,
        clock: Callable[[], float],
    ) -> None:
        self._albums = albums
        self._library = library
        self._control = control
        self._limit = limit
        self._clock = clock
        self._gone: Counter[str] = Counter()

    def goes_without(self, title: str) -> bool:
        """Whether photos meant for it go to the library alone."""
        return not title or self._gone[title] >= MOST_ALBUMS

    def id_of(self, title: str, adding: int) -> str | None:
        """The id of the album of that title with room for so many, made if need be, once."""
        if self.goes_without(title):
            return None
        while True:
            album = self._albums.current(title)
            if not album.began and not self._albums.has_adopted():
                self._adopt(title)
            elif album.google_id is None:
                return self._made(album)
            elif album.items + adding <= self._limit or not self._is_full(album, adding):
                return album.google_id

    def took(self, title: str, items: int) -> None:
        """Google has answered, and has put so many into it: the album is good."""
        if self.goes_without(title):
            return
        if items:
            self._albums.grow(self._albums.current(title).title, items)
        del self._gone[title]

    def has_filled(self, title: str, adding: int) -> bool:
        """Whether it has no room for so many; then the next one is current. Asks Google."""
        album = self._albums.current(title)
        return album.google_id is not None and self._is_full(album, adding)

    def fault_of(self, title: str, refusal: PhotosyncError) -> AlbumGone | AlbumFull:
        """Why it takes nothing, asked of Google.

        One that is there, has photos and takes no other is full, whatever Google's limit is.
        """
        album = self._albums.current(title)
        items = None if album.google_id is None else self._library.album_size(album.google_id)
        return AlbumFull(refusal.message) if items else AlbumGone(refusal.message)

    def lost(self, title: str, error: AlbumGone | AlbumFull) -> None:
        """The user deleted it, or it is full: the next try makes a new one.

        If that is gone too, time after time, the photos matter more than their album.
        """
        self._gone[title] += 1
        if self._gone[title] == MOST_ALBUMS:
            self._tell(title, error)
        log.warning("album.gone title=%r reason=%s", title, error)
        album = self._albums.current(title)
        if isinstance(error, AlbumFull):
            self._fill(album, album.items)
        else:
            self._albums.forget(album.title)

    def _adopt(self, title: str) -> None:
        """Once in a life: those of an earlier one are found again, but for one just deleted."""
        found = self._library.albums()
        if self._gone[title]:
            found.pop(self._albums.current(title).title, None)
        self._albums.adopt(found, now=int(self._clock()))

    def _made(self, album: Album) -> str:
        google_id = None
        if album.began:
            google_id = self._library.find_album(album.title)  # the answer to creating it was lost
        if google_id is None:
            self._albums.begin(album.title, now=int(self._clock()))
            google_id = self._library.create_album(album.title)
            log.info("album.created title=%r", album.title)
        self._albums.remember(album.title, google_id, now=int(self._clock()))
        return google_id

    def _is_full(self, album: Album, adding: int) -> bool:
        """Whether that album is closed now: our own count may be too high, or too low."""
        assert album.google_id is not None
        items = self._library.album_size(album.google_id)
        if items is None:
            self._albums.forget(album.title)  # deleted: it is made anew
            return True
        self._albums.measure(album.title, items)
        if items + adding <= self._limit or not items:
            return False
        self._fill(album, items)
        return True

    def _fill(self, album: Album, items: int) -> None:
        log.info("album.full title=%r items=%d", album.title, items)
        self._albums.fill(album.title, now=int(self._clock()))

    def _tell(self, title: str, error: AlbumGone | AlbumFull) -> None:
        self._control.raise_problem(
            Problem(
                code=error.code,
                subject=title,
                message=f"Google will not have photos in the album {title!r}, not even in a new"
                f" one ({error.message}); they go to the library without an album.",
                hint="Name another album in the settings, or restart photosync to try again.",
                gate="",
                needs_user=False,
                since=int(self._clock()),
                until=None,
            )
        )
