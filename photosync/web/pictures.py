"""Thumbnails and originals, by the number of their item and by nothing else."""

from __future__ import annotations

import hashlib
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response, StreamingResponse

from photosync.domain.media import SourceKind
from photosync.domain.media_types import BY_EXTENSION
from photosync.domain.states import State
from photosync.errors import PhotosyncError
from photosync.web.asked import number

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import BinaryIO

    from starlette.requests import Request

    from photosync.domain.media import MediaItem
    from photosync.web.site import Darkroom, Site, Threads

BLOCK_BYTES = 256 * 1024
KEPT = "private, max-age=604800, immutable"
"""The address of a thumbnail changes with what it shows."""
RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")
TYPES = frozenset(BY_EXTENSION.values())
"""What a browser may be told that a file is; nothing in it is ever run."""
SHOWN_TYPES = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/avif", "image/bmp"}
)
"""What every browser shows."""
ALONE = "default-src 'none'; style-src 'unsafe-inline'; media-src 'self'; sandbox"
"""For an original in a tab of its own: what browsers wrap around it, and nothing of its own."""

FRAME = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="-44 -44 184 184" fill="none" stroke="#8a9490"'
    ' stroke-width="3" stroke-linejoin="round" stroke-linecap="round">{}</svg>'
)
ICONS = {
    "film": '<rect x="20" y="28" width="56" height="40" rx="6"/><path d="M43 40v16l13-8z"/>',
    "phone": '<rect x="34" y="22" width="28" height="52" rx="6"/><path d="M45 66h6"/>',
    "picture": '<rect x="20" y="26" width="56" height="44" rx="6"/>'
    '<path d="M22 64l17-17 13 13 8-8 14 14"/><circle cx="60" cy="40" r="4"/>',
}
"""What stands for an item of which there is no picture (now)."""


def key_of(item: MediaItem) -> str:
    """By what a thumbnail is kept: the hash of the bytes, else which version of which file."""
    if item.sha256 is not None and item.state not in (State.HELD, State.FOUND):
        return item.sha256  # of what is to be read (anew) it tells what was there before
    version = f"{item.source_id}\0{item.source_path}\0{item.size_bytes}\0{item.source_mtime_ns}"
    return hashlib.sha256(version.encode("utf-8", "surrogatepass")).hexdigest()


class Pictures:
    """Answers for ``/thumbnails/ID``, ``/large/ID`` and ``/originals/ID``."""

    def __init__(self, site: Site, threads: Threads, darkroom: Darkroom) -> None:
        self._site = site
        self._threads = threads
        self._darkroom = darkroom
        self._phones: set[int] = set()

    async def thumbnail(self, request: Request) -> Response:
        """The picture, small; a sign in its place if there is none."""
        return await self._picture(request, large=False)

    async def large(self, request: Request) -> Response:
        """The picture, as large as a screen."""
        return await self._picture(request, large=True)

    async def _picture(self, request: Request, *, large: bool) -> Response:
        item = await self._item(request)
        key = key_of(item)
        if request.headers.get("if-none-match") == f'"{key}"':
            return Response(status_code=304, headers={"ETag": f'"{key}"', "Cache-Control": KEPT})
        cache = self._darkroom.cache(large=large)
        found = await self._threads.read(lambda: cache.peek(key))
        lasting = True
        if found is None:
            if await request.is_disconnected():
                return Response(status_code=204)
            found, lasting = await self._make(item, key, large=large)
        if found:
            headers = {"ETag": f'"{key}"', "Cache-Control": KEPT} if lasting else {}
            return Response(found, media_type="image/jpeg", headers=headers)
        return _sign(item, lasting=lasting, on_phone=item.source_id in self._phones)

    async def _make(self, item: MediaItem, key: str, *, large: bool) -> tuple[bytes | None, bool]:
        """The picture, and whether that stays so."""
        if await self._is_on_phone(item):
            if item.mime_type.startswith("video/"):
                return None, False
            small = self._darkroom.cache(large=False)
            if found := await self._threads.read(lambda: small.peek(key)):
                return found, False  # asked for as a large one, which only a copy can give
            head = await self._threads.ask(lambda: self._site.head(item))
            if head is None:
                return None, False
            made = await self._threads.draw(lambda: self._darkroom.of_head(item, key, head))
            return made, made is not None and not large
        try:
            return await self._threads.draw(
                lambda: self._darkroom.of_file(item, key, large=large)
            ), True
        except PhotosyncError:  # gone, changed, or its disk is away: it may come back
            return None, False

    async def _is_on_phone(self, item: MediaItem) -> bool:
        if item.mirror_path is not None and item.state is not State.FOUND:
            return False
        if item.source_id not in self._phones:
            sources = await self._threads.read(self._site.overview.sources)
            self._phones = {one.source.id for one in sources if one.source.kind == SourceKind.PHONE}
        return item.source_id in self._phones

    async def original(self, request: Request) -> Response:
        """The file as it is, or the part of it that is asked for (RFC 9110, 14)."""
        item = await self._item(request)
        if await self._is_on_phone(item):
            return PlainTextResponse("It is on the phone, and not copied yet.\n", 404)
        span = _span(request.headers.get("range"), item.size_bytes)
        if span is None:
            return Response(
                status_code=416, headers={"Content-Range": f"bytes */{item.size_bytes}"}
            )
        stack = ExitStack()
        try:
            file = await self._threads.read(lambda: stack.enter_context(self._site.opened(item)))
        except PhotosyncError as error:
            return PlainTextResponse(f"{error.message}\n", 404)
        begin, end, is_part = span
        headers = {
            "Accept-Ranges": "bytes",
            "Content-Length": str(end - begin),
            "Content-Disposition": _disposition(item, save="save" in request.query_params),
            "Content-Security-Policy": ALONE,
        }
        if is_part:
            headers["Content-Range"] = f"bytes {begin}-{end - 1}/{item.size_bytes}"
        kind = item.mime_type if item.mime_type in TYPES else "application/octet-stream"
        return StreamingResponse(
            self._blocks(stack, file, begin, end),
            status_code=206 if is_part else 200,
            media_type=kind,
            headers=headers,
        )

    async def _blocks(
        self, stack: ExitStack, file: BinaryIO, begin: int, end: int
    ) -> AsyncIterator[bytes]:
        try:
            await self._threads.read(lambda: file.seek(begin))
            at = begin
            while at < end:
                most = min(BLOCK_BYTES, end - at)
                block = await self._threads.read(lambda most=most: file.read(most))  # type: ignore[misc]
                if not block:
                    return
                at += len(block)
                yield block
        finally:
            _close(stack)

    async def _item(self, request: Request) -> MediaItem:
        wanted = number(request.path_params["item"])
        return await self._threads.read(lambda: self._site.overview.item(wanted))


def _close(stack: ExitStack) -> None:
    """Whoever reads it gets as many bytes as were told: that it changed meanwhile is seen there."""
    try:
        stack.close()
    except PhotosyncError:
        return


def _span(asked: str | None, size_bytes: int) -> tuple[int, int, bool] | None:
    """(first byte, one behind the last, whether it is a part); None: there is no such part.

    Several parts at once, and units of other kinds, are answered with the whole.
    """
    found = RANGE.fullmatch(asked or "")
    if found is None or not (found[1] or found[2]):
        return 0, size_bytes, False
    if not found[1]:
        length = min(int(found[2]), size_bytes)
        return (size_bytes - length, size_bytes, True) if length else None
    begin = int(found[1])
    end = min(int(found[2]) + 1, size_bytes) if found[2] else size_bytes
    return (begin, end, True) if begin < end else None


def _disposition(item: MediaItem, *, save: bool) -> str:
    kind = "attachment" if save else "inline"
    return f"{kind}; filename*=UTF-8''{quote(item.file_name, safe='')}"


def _sign(item: MediaItem, *, lasting: bool, on_phone: bool) -> Response:
    is_film = item.mime_type.startswith("video/")
    name = "film" if is_film else "phone" if on_phone and not lasting else "picture"
    kept = "private, max-age=600" if lasting or is_film else "no-store"
    return Response(
        FRAME.format(ICONS[name]), media_type="image/svg+xml", headers={"Cache-Control": kept}
    )
