"""The date words of a JPEG's EXIF, out of its first segments: a tenth of what Pillow takes.

Every photo is asked for its date when it is hashed. What is not quite plain is left to Pillow, so
that both give the same answer wherever this one gives any.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, NamedTuple

TAKEN, TAKEN_OFFSET = 0x9003, 0x9011  # DateTimeOriginal, OffsetTimeOriginal
CHANGED, CHANGED_OFFSET = 0x0132, 0x9010  # DateTime, OffsetTime
EXIF_IFD = 0x8769
ASCII, LONG = 2, 4
INLINE_BYTES = 4

START, SCAN, APP1 = b"\xff\xd8", 0xDA, 0xE1
SEGMENTS = range(0xC0, 0xFF)  # with a length; those without one (RST, SOI, EOI) do not come here
BARE = range(0xD0, 0xDA)
EXIF_MARK = b"Exif\0\0"
MOST_SEGMENTS = 200


class Words(NamedTuple):
    """What a picture says of when it was taken, as it says it; None for nothing."""

    taken: str | None
    offset: str | None


NOTHING = Words(None, None)


def date_words(file: BinaryIO) -> Words | None:
    """The words of a JPEG; None if it is none, or Pillow has to be asked."""
    try:
        found = _exif(file)
        return NOTHING if found == b"" else _words(found)
    except (_NotPlain, struct.error, IndexError):
        return None


class _NotPlain(Exception):
    """Something that Pillow may understand otherwise."""


def _exif(file: BinaryIO) -> bytes:
    """The TIFF structure that holds the EXIF; empty if the picture has none."""
    file.seek(0)
    if file.read(2) != START:
        raise _NotPlain
    at, found = 2, b""
    for _ in range(MOST_SEGMENTS):
        file.seek(at)
        fill, marker, length = struct.unpack(">BBH", file.read(4))
        if fill != 0xFF or marker not in SEGMENTS or marker in BARE or length < 2:  # noqa: PLR2004 - its own length
            raise _NotPlain
        if marker == SCAN:
            return found
        if marker == APP1:
            content = file.read(length - 2)
            if content.startswith(EXIF_MARK):
                if found or len(content) != length - 2:
                    raise _NotPlain
                found = content[len(EXIF_MARK) :]
        at += 2 + length
    raise _NotPlain


def _words(tiff: bytes) -> Words:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        raise _NotPlain
    (first,) = struct.unpack_from(f"{order}L", tiff, 4)
    outer = _entries(tiff, order, first)
    inner = {}
    if EXIF_IFD in outer:
        kind, count, value = outer[EXIF_IFD]
        if (kind, count) != (LONG, 1):
            raise _NotPlain
        inner = _entries(tiff, order, *struct.unpack(f"{order}L", value))
    date, offset = inner.get(TAKEN), inner.get(TAKEN_OFFSET)
    if date is None:
        date, offset = outer.get(CHANGED), inner.get(CHANGED_OFFSET)
    return Words(*(None if one is None else _text(tiff, order, one) for one in (date, offset)))


def _entries(tiff: bytes, order: str, at: int) -> dict[int, tuple[int, int, bytes]]:
    """Tag → type, count and the four bytes of its value or offset."""
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    found = {}
    for number in range(count):
        tag, *entry = struct.unpack_from(f"{order}HHL4s", tiff, at + 2 + 12 * number)
        if tag in found:
            raise _NotPlain
        found[tag] = (entry[0], entry[1], entry[2])
    return found


def _text(tiff: bytes, order: str, entry: tuple[int, int, bytes]) -> str:
    kind, length, value = entry
    if kind != ASCII:
        raise _NotPlain
    if length > INLINE_BYTES:
        (at,) = struct.unpack(f"{order}L", value)
        if at + length > len(tiff):
            raise _NotPlain
        value = tiff[at : at + length]
    return value[:length].decode("latin-1")
