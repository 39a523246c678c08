"""The user's Google Photos: uploads, media items, albums."""

from __future__ import annotations

import json
import logging
import re
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from photosync.errors import (
    DailyQuotaSpent,
    FileRefused,
    ItemTrouble,
    PhotosyncError,
    ServerTrouble,
    StorageFull,
    TokenLost,
)
from photosync.google.answers import Kind, error_of, is_storage_text
from photosync.google.faults import clean
from photosync.google.http import Call
from photosync.google.ports import Created

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from photosync.google.faults import Answer
    from photosync.google.http import Api
    from photosync.google.ports import NewItem, Progress, Spending, UploadFile
    from photosync.google.retrying import Patience
    from photosync.google.uploading import Uploads

log = logging.getLogger(__name__)

MOST_ITEMS = 50
WRITE_SECONDS = 300.0  # §6.4: a hung batchCreate may answer after four minutes
ALBUM_PAGE = 50
MOST_PAGES = 400
MOST_UNUSED = 2000
"""Of those that are never created the oldest are forgotten."""

NOT_FOUND = 5
UNKNOWN_ID = frozenset({400, 404})
"""§4: Google's answer to an album that it does not know; which of the two is not documented."""

COUNT = re.compile(r"[0-9]{1,9}")
EXISTS = 6
PASSING_CODES = frozenset({1, 2, 4, EXISTS, 8, 10, 12, 13, 14, 15})
"""google.rpc.Code values that may pass (§3.2). 6: the bytes were in the same batch or a parallel
one; created alone, the item gets its id."""
TOKEN_CODES = frozenset({5, 9, 11})
"""Not seen in the wild: not found, failed precondition, out of range can only mean the token."""


class PhotosLibrary:
    """Writes are made one at a time: two that meet are refused (§3.4)."""

    def __init__(
        self,
        api: Api,
        *,
        api_url: str,
        uploads: Uploads,
        spending: Spending,
        patience: Patience,
        clock: Callable[[], float],
    ) -> None:
        self._api = api
        self._url = f"{api_url}/v1"
        self._uploads = uploads
        self._spending = spending
        self._patience = patience
        self._clock = clock
        self._writing = Lock()
        self._unused = _Unused()

    def upload(self, file: UploadFile, progress: Progress) -> str:
        """Send the bytes; the upload token. Raises like ``Uploads.send``."""
        who, was_begun = self._api.who(), self._uploads.was_begun(file)
        with self._quota_noted():
            token = self._uploads.send(file, progress)
        if who == self._api.who() and not was_begun:
            self._unused.add(token, who)
        return token

    def create(self, items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        """Make media items of up to 50 tokens; what became of each, in the same order.

        Never tried twice here: one that timed out may still run at Google.

        Raises:
            RequestRefused, TokenLost, AlbumGone: The request as a whole; no item was made.
            TransientError: Unknown whether items were made; they may be asked for again.
            BlockedError: Nothing can be made.
        """
        assert 0 < len(items) <= MOST_ITEMS
        body: dict[str, Any] = {
            "newMediaItems": [
                {"simpleMediaItem": {"uploadToken": one.token, "fileName": one.file_name}}
                for one in items
            ]
        }
        if album_id is not None:
            body["albumId"] = album_id
        url = f"{self._url}/mediaItems:batchCreate"
        who = self._api.who()
        good = {one.token for one in items if self._unused.take(one.token) == who != ""}
        answer = self._write(url, body, Kind.CREATE, "create")
        if who != self._api.who():
            good.clear()
        return list(_results(items, answer, good))

    def create_album(self, title: str) -> str:
        """Make an album; its id. Titles are not unique at Google: asked twice, there are two.

        Raises:
            Like ``create``.
        """
        body = {"album": {"title": title}}
        answer = self._write(f"{self._url}/albums", body, Kind.ALBUM, "album")
        found = answer.json()
        album_id = found.get("id") if isinstance(found, dict) else None
        if not isinstance(album_id, str) or not album_id:
            raise ServerTrouble("Google made an album but did not say which.")
        return album_id

    def find_album(self, title: str) -> str | None:
        """The id of an album that photosync made, or None."""
        with self._quota_noted():
            return self._find_album(title)

    def _find_album(self, title: str) -> str | None:
        found = (one for one in self._own_albums() if one["title"] == title)
        return next((str(one["id"]) for one in found), None)

    def albums(self) -> dict[str, tuple[str, int]]:
        """All albums that photosync made, however long ago: title → (id, number of photos).

        Of several with one title the first.

        Raises:
            TransientError, BlockedError.
        """
        found: dict[str, tuple[str, int]] = {}
        with self._quota_noted():
            for one in self._own_albums():
                found.setdefault(one["title"], (one["id"], _count(one)))
        return found

    def album_size(self, album_id: str) -> int | None:
        """How many photos are in that album; None if there is no such album (any more).

        Raises:
            TransientError, BlockedError.
        """
        with self._quota_noted():
            return self._patience.call(partial(self._album_size, album_id))

    def _album_size(self, album_id: str) -> int | None:
        call = Call("GET", f"{self._url}/albums/{quote(album_id, safe='')}")
        answer = self._api.send(call, "albums")
        if answer.status in UNKNOWN_ID:
            return None
        found = self._checked(answer, Kind.ALBUMS).json()
        if not isinstance(found, dict):
            raise ServerTrouble("Google's answer about an album cannot be read.")
        return _count(found)

    def _own_albums(self) -> Iterator[dict[str, Any]]:
        """Those with a title and an id, page by page."""
        page = ""
        seen = {page}
        while len(seen) <= MOST_PAGES:
            found = self._patience.call(partial(self._albums, page))
            for album in _dicts(found.get("albums")):
                if isinstance(album.get("title"), str) and isinstance(album.get("id"), str):
                    yield album
            page = found.get("nextPageToken") or ""
            if not isinstance(page, str) or not page:
                return
            if page in seen:
                raise ServerTrouble("Google's list of albums runs in a circle.")
            seen.add(page)

    def _albums(self, page: str) -> dict[str, Any]:
        parameters = {"pageSize": str(ALBUM_PAGE), "excludeNonAppCreatedData": "true"}
        if page:
            parameters["pageToken"] = page
        call = Call("GET", f"{self._url}/albums", parameters=parameters)
        answer = self._checked(self._api.send(call, "albums"), Kind.ALBUMS)
        found = answer.json()
        if not isinstance(found, dict):
            raise ServerTrouble("Google's list of albums is no list.")
        return found

    def holds(self, ids: Sequence[str]) -> list[bool | None]:
        """Whether the library (still) holds each of up to 50 items; None if Google will not say.

        Only what photosync made itself is told of (§1.1). What lies in the bin counts as gone.

        Raises:
            RequestRefused: One of the ids is none.
            TransientError, BlockedError.
        """
        assert 0 < len(ids) <= MOST_ITEMS
        with self._quota_noted():
            return self._patience.call(partial(self._holds, ids))

    def _holds(self, ids: Sequence[str]) -> list[bool | None]:
        query = urlencode([("mediaItemIds", one) for one in ids])
        call = Call("GET", f"{self._url}/mediaItems:batchGet?{query}")
        found = self._checked(self._api.send(call, "items"), Kind.ITEMS).json()
        listed = found.get("mediaItemResults") if isinstance(found, dict) else None
        if not isinstance(listed, list) or len(listed) != len(ids):
            raise ServerTrouble("Google's answer about photos cannot be read.")
        return [_is_held(one, result) for one, result in zip(ids, listed, strict=True)]

    def _write(self, url: str, body: dict[str, Any], kind: Kind, spent_as: str) -> Answer:
        content = json.dumps(body).encode()
        call = Call(
            "POST",
            url,
            {"Content-Type": "application/json"},
            body=lambda: content,
            read_seconds=WRITE_SECONDS,
        )
        with self._writing, self._quota_noted():
            while (wait := self._spending.write_wait()) > 0:
                log.debug("write.waits seconds=%.1f", wait)
                self._patience.rest(wait)
            return self._checked(self._api.send(call, spent_as), kind)

    @contextmanager
    def _quota_noted(self) -> Iterator[None]:
        """Write down that Google calls the day spent, and until when."""
        try:
            yield
        except DailyQuotaSpent as error:
            if error.until is None:
                error.until = self._spending.quota_spent()
            raise

    def _checked(self, answer: Answer, kind: Kind) -> Answer:
        error = error_of(kind, answer, now=self._clock())
        if error is not None:
            raise error
        return answer


class _Unused:
    """Upload tokens that Google gave to this process and that were never asked to become items.

    Each with who was signed in. A refusal of any other token may be about the token. Of an upload
    that was begun before nobody knows whether its end, and its create, were taken off the record.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._given: dict[str, str] = {}

    def add(self, token: str, who: str) -> None:
        with self._lock:
            self._given[token] = who
            if len(self._given) > MOST_UNUSED:
                del self._given[next(iter(self._given))]

    def take(self, token: str) -> str | None:
        """Who was signed in when it was given; from now on it counts as used."""
        with self._lock:
            return self._given.pop(token, None)


def _results(
    items: Sequence[NewItem], answer: Answer, good: Collection[str] = ()
) -> Iterator[Created]:
    """What became of each line: by its token, and by its place where the token is not told."""
    found = answer.json()
    listed = found.get("newMediaItemResults") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise ServerTrouble("Google's answer to creating photos cannot be read.")
    by_token = {one["uploadToken"]: one for one in _dicts(listed) if _has_token(one)}
    by_place = listed if len(listed) == len(items) else []
    for place, item in enumerate(items):
        result = by_token.get(item.token)
        if result is None and by_place and isinstance(by_place[place], dict):
            result = None if _has_token(by_place[place]) else by_place[place]
        yield replace(_created(result), token_is_good=item.token in good)


def _has_token(result: dict[str, Any]) -> bool:
    return isinstance(result.get("uploadToken"), str)


def _created(result: dict[str, Any] | None) -> Created:
    if result is None:
        return Created(None, ItemTrouble("Google's answer leaves this photo out."))
    item = result.get("mediaItem")
    google_id = item.get("id") if isinstance(item, dict) else None
    status = result.get("status")
    code = status.get("code", 0) if isinstance(status, dict) else 0
    if code in (0, EXISTS) and isinstance(google_id, str) and google_id:
        return Created(google_id, None)
    message = status.get("message") if isinstance(status, dict) else ""
    return Created(None, item_error(code if isinstance(code, int) else 2, message))


def item_error(code: int, message: object) -> PhotosyncError:
    """The error for a google.rpc.Code of one item; the text is the same for many codes (§3.2)."""
    words = clean(message)
    if is_storage_text(words.lower()):
        return StorageFull("The Google account has no room for more photos.")
    if code in PASSING_CODES or code == 0:
        return ItemTrouble(f"Google could not create it at the moment (code {code}): {words}")
    if code in TOKEN_CODES or "upload token" in words.lower():
        return TokenLost(f"Google does not know its upload token (code {code}).")
    return FileRefused(f"Google Photos does not take the file (code {code}): {words}")


def _count(album: dict[str, Any]) -> int:
    """An int64, which JSON has as text; a fresh album has none (§4)."""
    told = str(album.get("mediaItemsCount", "0"))
    return int(told) if COUNT.fullmatch(told) else 0


def _is_held(google_id: str, result: object) -> bool | None:
    """By one line of batchGet (§5)."""
    told = result if isinstance(result, dict) else {}
    item, status = told.get("mediaItem"), told.get("status")
    if isinstance(item, dict):
        return True if item.get("id") == google_id else None
    return False if isinstance(status, dict) and status.get("code") == NOT_FOUND else None


def _dicts(values: object) -> Iterator[dict[str, Any]]:
    if isinstance(values, list):
        yield from (value for value in values if isinstance(value, dict))
