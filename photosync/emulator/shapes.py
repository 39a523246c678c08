"""Items and albums as the API shows them: proto3 JSON (google-photos-api.md §4, §5, §10.7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from photosync.emulator.wire import without_defaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.emulator.library import Album, Item, Library
    from photosync.emulator.options import Options

_PRODUCT = "https://photos.google.com/lr/"


class Shapes:
    """Makes the JSON, and signs base URLs so that they end when they should."""

    def __init__(
        self, library: Library, options: Options, clock: Callable[[], float], secret: str
    ) -> None:
        self._library = library
        self._options = options
        self._clock = clock
        self._secret = secret.encode()

    def item(self, item: Item, *, origin: str | None) -> dict[str, Any]:
        """A MediaItem; without ``origin`` it has no baseUrl, as in batchCreate's answer (§3.2)."""
        metadata: dict[str, Any] = {"creationTime": timestamp(item.taken_at)}
        metadata |= without_defaults({"width": str(item.width), "height": str(item.height)})
        if item.is_video:
            metadata["video"] = {"status": "READY" if self.ready(item) else "PROCESSING"}
        else:
            metadata["photo"] = {}
        return without_defaults(
            {
                "id": item.id,
                "description": item.description,
                "productUrl": _PRODUCT + "photo/" + item.id,
                "baseUrl": self.base_url(item, origin) if origin else "",
                "mimeType": item.mime_type,
                "mediaMetadata": metadata,
                "filename": item.file_name,
            }
        )

    def ready(self, item: Item) -> bool:
        """Whether a video has been transcoded (§5)."""
        return self._clock() - item.created_at >= self._options.video_processing_seconds

    def album(self, album: Album, *, origin: str) -> dict[str, Any]:
        """An Album; a fresh one has no ``mediaItemsCount``."""
        cover_id = album.cover_id or (album.item_ids[0] if album.item_ids else "")
        cover = self._library.item(cover_id) if cover_id else None
        return without_defaults(
            {
                "id": album.id,
                "title": album.title,
                "productUrl": _PRODUCT + "album/" + album.id,
                "isWriteable": album.writeable and album.by_app,
                "mediaItemsCount": str(len(album.item_ids)),
                "coverPhotoBaseUrl": self.base_url(cover, origin) if cover else "",
                "coverPhotoMediaItemId": cover_id,
            }
        )

    def base_url(self, item: Item, origin: str) -> str:
        """Where the bytes can be had for about an hour."""
        ends_at = int(self._clock()) + self._options.base_url_seconds
        return f"{origin}/lr/{item.id}.{ends_at}.{self._signature(item.id, ends_at)}"

    def opened(self, token: str) -> tuple[Item | None, bool]:
        """The item a base URL is for, and whether its hour is over."""
        item_id, _, rest = token.partition(".")
        ends_at, _, signature = rest.partition(".")
        if not (ends_at.isascii() and ends_at.isdigit() and signature.isascii()):
            return None, False
        if not hmac.compare_digest(signature, self._signature(item_id, int(ends_at[:15]))):
            return None, False
        return self._library.item(item_id), int(ends_at) <= self._clock()

    def _signature(self, item_id: str, ends_at: int) -> str:
        message = f"{item_id}.{ends_at}".encode()
        digest = hmac.digest(self._secret, message, hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:18]).decode()


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
