"""The bytes behind base URLs (google-photos-api.md §5)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from photosync.emulator.call import Call
    from photosync.emulator.library import Item, Library
    from photosync.emulator.shapes import Shapes

#: The only types shown as what they are: no script can hide in them.
INERT: Final = frozenset(
    (
        *("image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/heif"),
        *("image/bmp", "image/tiff", "video/mp4", "video/quicktime", "video/x-matroska"),
        *("video/3gpp", "video/mpeg", "video/x-msvideo"),
    )
)
SAFE_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
}

# 404s of Google's image server are pictures (§5).
_PIXEL: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII="
)


def bytes_of(item: Item, headers: dict[str, str] | None = None) -> FileResponse:
    """An item's bytes, labelled so that a browser runs nothing."""
    kind = item.mime_type if item.mime_type in INERT else "application/octet-stream"
    return FileResponse(item.file, media_type=kind, headers={**SAFE_HEADERS, **(headers or {})})


class Downloads:
    """``/lr/TOKEN=d``, ``=dv``, ``=w800-h600``.

    Pictures come in their own size, since the emulator scales nothing; a client that asks for
    ``=w800`` gets more pixels than it asked for, never fewer.
    """

    def __init__(self, library: Library, shapes: Shapes) -> None:
        self._library = library
        self._shapes = shapes

    async def serve(self, call: Call) -> Response:
        """The bytes; 403 once the URL is too old, 404 for what is not there."""
        token, _, parameters = call.request.path_params["token"].partition("=")
        item, over = self._shapes.opened(token)
        if item is None:
            return Response(_PIXEL, 404, SAFE_HEADERS, media_type="image/png")
        if over:
            return Response("Base URL has expired.", 403, SAFE_HEADERS, media_type="text/plain")
        names = re.split(r"-", parameters)
        if not parameters or not all(re.fullmatch(r"dv|d|c|no|[wh]\d{1,5}", n) for n in names):
            return Response("Bad parameters.", 400, SAFE_HEADERS, media_type="text/plain")
        if ("dv" in names) != item.is_video and {"d", "dv"} & set(names):
            return Response(_PIXEL, 404, SAFE_HEADERS, media_type="image/png")
        if item.is_video and not self._shapes.ready(item):
            return Response(_PIXEL, 404, SAFE_HEADERS, media_type="image/png")
        return bytes_of(item)
