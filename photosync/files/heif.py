"""Where the EXIF lies in a HEIC, HEIF or AVIF picture (ISO/IEC 23008-12, 14496-12 §8.11).

A picture's ``meta`` box holds a list of items (``iinf``: number and type of each) and one of
places (``iloc``: for each number, where in the file).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BOX_HEAD = 8
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
        if number == wanted and extents and method == IN_THE_FILE:
            entry.take(index_size)
            return base + entry.number(offset_size), entry.number(length_size)
        entry.take(extents * (index_size + offset_size + length_size))
    return None
