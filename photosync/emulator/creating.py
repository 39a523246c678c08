"""``mediaItems:batchCreate`` (google-photos-api.md §3, §10.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from photosync.emulator import bodies, wire
from photosync.emulator.placing import check_room, position_after, writable_album
from photosync.emulator.sniffing import sniff

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.emulator.blobs import Blobs, UploadToken
    from photosync.emulator.call import Call
    from photosync.emulator.library import Item, Library
    from photosync.emulator.options import Options
    from photosync.emulator.shapes import Shapes

_MOST_ITEMS: Final = 50
_LONGEST_DESCRIPTION: Final = 1000
_LONGEST_FILE_NAME: Final = 255


class ItemRefused(Exception):
    """One item of a batch fails with this google.rpc.Code; the others go on."""

    def __init__(self, code: int, message: str = bodies.ITEM_FAILED) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class _Wanted:
    index: int
    token: str
    file_name: str
    description: str


class Creating:
    """Makes items of upload tokens."""

    def __init__(
        self,
        library: Library,
        blobs: Blobs,
        shapes: Shapes,
        options: Options,
        clock: Callable[[], float],
    ) -> None:
        self._library = library
        self._blobs = blobs
        self._shapes = shapes
        self._options = options
        self._clock = clock

    async def batch_create(self, call: Call) -> tuple[int, dict[str, Any]]:
        """The method itself.

        Raises:
            Refusal: The whole request fails (§3.3).
        """
        request = wire.read(call.content, wire.BATCH_CREATE)
        wanted = self._wanted(request.get("newMediaItems", []))
        album_id = request.get("albumId", "")
        call.record.summary |= {
            "items": len(wanted),
            "album_id": album_id,
            "file_names": [each.file_name for each in wanted],
        }
        after = self._check_album(call.user, album_id, request, len(wanted))
        self._check_storage(call.user, wanted)
        results, complete = self._create_all(call, wanted, album_id, after)
        return self._answer(call, results, complete=complete)

    def _wanted(self, listed: list[dict[str, Any]]) -> list[_Wanted]:
        if not listed:
            raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
        if len(listed) > _MOST_ITEMS:
            raise bodies.wrapped(400, bodies.TOO_MANY)
        wanted = []
        for index, each in enumerate(listed):
            simple = each.get("simpleMediaItem", {})
            line = _Wanted(
                index,
                simple.get("uploadToken", ""),
                simple.get("fileName", ""),
                each.get("description", ""),
            )
            if not line.token:
                raise bodies.wrapped(400, bodies.NO_TOKEN)
            wanted.append(line)
        self._check_lengths(wanted)
        return wanted

    def _check_lengths(self, wanted: list[_Wanted]) -> None:
        for line in wanted:
            too_long = len(line.description) > _LONGEST_DESCRIPTION
            if too_long or len(line.file_name) > _LONGEST_FILE_NAME:
                raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)

    def _check_album(
        self, user: str, album_id: str, request: dict[str, Any], adding: int
    ) -> int | None:
        position = request.get("albumPosition")
        if not album_id:
            if position is not None:
                raise bodies.wrapped(400, bodies.INVALID_ARGUMENT)
            return None
        album = writable_album(self._library, user, album_id)
        check_room(album, adding, self._options)
        return None if position is None else position_after(self._library, album_id, position)

    def _check_storage(self, user: str, wanted: list[_Wanted]) -> None:
        if not self._options.storage_bytes:
            return
        new: dict[str, int] = {}
        for line in wanted:
            token = self._blobs.token(line.token)
            if token and not self._library.with_bytes(user, token.sha256):
                new[token.sha256] = token.size_bytes
        if self._library.used_bytes(user) + sum(new.values()) > self._options.storage_bytes:
            raise bodies.wrapped(400, bodies.STORAGE_FULL)

    def _create_all(
        self, call: Call, wanted: list[_Wanted], album_id: str, after: int | None
    ) -> tuple[list[dict[str, Any]], bool]:
        results, made, seen = [], [], set[str]()
        for line in wanted:
            result: dict[str, Any] = {"uploadToken": line.token}
            try:
                item = self._create(call, line, seen)
            except ItemRefused as refused:
                result["status"] = {"code": refused.code, "message": refused.message}
            else:
                made.append(item.id)
                result["status"] = {"message": "Success"}
                result["mediaItem"] = self._shapes.item(item, origin=None)
            results.append(result)
        if album_id:
            self._library.place(album_id, made, after=after)
        return results, len(made) == len(wanted)

    def _create(self, call: Call, line: _Wanted, seen: set[str]) -> Item:
        fault = call.fault
        struck = fault and fault.fault == "item-code"
        if fault and struck and fault.picks(line.index, line.file_name, default=line.index == 0):
            raise ItemRefused(13 if fault.code is None else fault.code)
        token = self._live_token(call.user, line.token)
        if token.sha256 in seen and self._options.duplicate_in_batch == 6:
            raise ItemRefused(6)
        seen.add(token.sha256)
        item = self._library.with_bytes(call.user, token.sha256)
        if item is None:
            item = self._new(token, line)
        self._blobs.mark_used(token.token)
        return item

    def _live_token(self, user: str, text: str) -> UploadToken:
        token = self._blobs.token(text)
        if token is None or token.user != user:
            raise ItemRefused(3)
        if self._clock() - token.created_at >= self._options.token_seconds:
            raise ItemRefused(3)
        strict = self._options.reused_token == "code-3"  # noqa: S105 -- a rule's name
        if token.used and strict:
            raise ItemRefused(3)
        return token

    def _new(self, token: UploadToken, line: _Wanted) -> Item:
        media = sniff(self._library.blob(token.sha256))
        if media is None:
            raise ItemRefused(3)
        if not media.is_video and token.size_bytes > self._options.max_photo_bytes:
            raise ItemRefused(3)
        return self._library.add(
            token.user,
            token.sha256,
            media,
            file_name=line.file_name or token.file_name,
            description=line.description,
        )

    def _answer(
        self, call: Call, results: list[dict[str, Any]], *, complete: bool
    ) -> tuple[int, dict[str, Any]]:
        fault, last = call.fault, len(results) - 1
        names = call.record.summary["file_names"]
        if fault and call.struck_by("missing-result"):
            results = [
                result
                for index, result in enumerate(results)
                if not fault.picks(index, names[index], default=index == last)
            ]
        if call.struck_by("reordered-results"):
            results = results[::-1]
        return 200 if complete else self._options.partial_status, {"newMediaItemResults": results}
