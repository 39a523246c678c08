"""Where EXIF and thumbnail lie in a HEIC, HEIF or AVIF picture (ISO/IEC 23008-12, 14496-12 §8.11).

A picture's ``meta`` box holds a list of items (``iinf``: number and type of each), one of places
(``iloc``: for each number, where in the file), which item is the picture (``pitm``), and what items
are to each other (``iref``: a ``thmb`` is the thumbnail of another).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BOX_HEAD = 8
LARGE_HEAD = 16
MOST_WHOLE_BYTES = 64 << 20
IN_THE_FILE = 0
"""The construction method of an item whose offset counts from the beginning of the file."""


class _Cursor:
    """Reads numbers one after another.

    Raises:
        ValueError: The content ends too early.
    """

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def take(self, size: int) -> bytes:
        taken = self._content[self._at : self._at + size]
        if len(taken) < size:
            raise ValueError("a box ends too early")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def exif_place(meta: bytes) -> tuple[int, int] | None:
    """(offset in the file, length) of the EXIF item by the content of ``meta``; None: none.

    Raises:
        ValueError: A box ends too early.
    """
    boxes = dict(_boxes(meta[4:]))  # behind version and flags
    items = boxes.get(b"iinf"), boxes.get(b"iloc")
    if items[0] is None or items[1] is None:
        return None
    number = _exif_number(items[0])
    return None if number is None else _place(items[1], number)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, content) of each; a size that lies ends it."""
    at = 0
    while len(content) - at >= BOX_HEAD:
        size = int.from_bytes(content[at : at + 4], "big")
        if not BOX_HEAD <= size <= len(content) - at:
            return
        yield content[at + 4 : at + 8], content[at + BOX_HEAD : at + size]
        at += size


def _exif_number(iinf: bytes) -> int | None:
    wide = iinf[:1] != b"\0"  # the count of items has four bytes since version 1
    for kind, content in _boxes(iinf[8 if wide else 6 :]):
        if kind == b"infe":
            entry = _Cursor(content)
            version = entry.number(4) >> 24
            number = entry.number(4 if version > 2 else 2)  # noqa: PLR2004 - wide since version 3
            entry.take(2)  # protection
            if entry.take(4) == b"Exif":
                return number
    return None


def _place(iloc: bytes, wanted: int) -> tuple[int, int] | None:
    """The first extent of an item; EXIF is never in more than one."""
    return next(iter(_places(iloc, wanted)), None)


def _places(iloc: bytes, wanted: int) -> list[tuple[int, int]]:
    """(offset, length) of every extent of an item that lies in the file itself."""
    entry = _Cursor(iloc)
    version = entry.number(4) >> 24
    sizes = entry.number(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    wide = 4 if version > 1 else 2
    for _ in range(entry.number(wide)):
        number = entry.number(wide)
        method = entry.number(2) & 15 if version else IN_THE_FILE
        entry.take(2)  # which other file: none
        base, extents = entry.number(base_size), entry.number(2)
        if number == wanted and method == IN_THE_FILE:
            found = []
            for _ in range(extents):
                entry.take(index_size)
                found.append((base + entry.number(offset_size), entry.number(length_size)))
            return found
        entry.take(extents * (index_size + offset_size + length_size))
    return []


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """The thumbnail in a picture. ``number``: its item's; ``end``: one behind its last byte.

    ``picture_at``, ``picture_size``: where the file says which item it shows, and in how many
    bytes. ``links``: where it says that items are thumbnails of others.
    """

    number: int
    end: int
    picture_at: int
    picture_size: int
    links: tuple[int, ...]


def thumbnail_in(head: bytes) -> Thumbnail | None:
    """What the beginning of a picture says of its thumbnail; None: nothing, or not all of it.

    Raises:
        ValueError: A box ends too early.
    """
    found = next((one for one in _spans(head, 0, len(head)) if one[0] == b"meta"), None)
    if found is None or found[2] > len(head):
        return None
    _, begin, end = found
    spans = {kind: (at, ends) for kind, at, ends in _spans(head, begin + 4, end)}
    if not {b"pitm", b"iref", b"iloc"} <= spans.keys():
        return None
    at, ends = spans[b"pitm"]
    entry = _Cursor(head[at:ends])
    size = 4 if entry.number(4) >> 24 else 2
    picture = entry.number(size)
    number, links = _linked(head, spans[b"iref"], picture)
    if number is None:
        return None
    at, ends = spans[b"iloc"]
    places = _places(head[at:ends], number)
    if not places:
        return None
    last = max(offset + length for offset, length in places)
    return Thumbnail(number, last, spans[b"pitm"][0] + 4, size, links)


def _linked(head: bytes, span: tuple[int, int], picture: int) -> tuple[int | None, tuple[int, ...]]:
    """The item that is the picture's thumbnail, and where each such link has its kind."""
    begin, end = span
    wide = 4 if _Cursor(head[begin:end]).number(4) >> 24 else 2
    number, links = None, []
    for kind, at, ends in _spans(head, begin + 4, end):
        if kind != b"thmb":
            continue
        links.append(at - 4)
        entry = _Cursor(head[at:ends])
        item = entry.number(wide)
        if number is None and picture in [entry.number(wide) for _ in range(entry.number(2))]:
            number = item
    return number, tuple(links)


def _spans(content: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(kind, where its content begins, where it ends) of each box; the last may end behind."""
    while end - at >= BOX_HEAD:
        size, head = int.from_bytes(content[at : at + 4], "big"), BOX_HEAD
        if size == 1 and end - at >= LARGE_HEAD:
            size, head = int.from_bytes(content[at + 8 : at + 16], "big"), LARGE_HEAD
        if size < head:
            return
        yield content[at + 4 : at + 8], at + head, at + size
        at += size


def whole_bytes(head: bytes) -> int:
    """How long the file is by what its boxes say."""
    return max((end for _, _, end in _spans(head, 0, len(head))), default=0)


def thumbnail_alone(head: bytes) -> bytes | None:
    """A picture that shows the thumbnail, out of the beginning of one that is cut; None: no such.

    The same bytes, but that they say that the thumbnail is the picture; what is missing is zeros.

    Raises:
        ValueError: A box ends too early.
    """
    found = thumbnail_in(head)
    whole = whole_bytes(head)
    if found is None or found.end > len(head) or not len(head) < whole <= MOST_WHOLE_BYTES:
        return None
    content = bytearray(head) + bytes(whole - len(head))
    at, size = found.picture_at, found.picture_size
    content[at : at + size] = found.number.to_bytes(size, "big")
    for link in found.links:
        content[link : link + 4] = b"free"
    return bytes(content)
