"""JPEG pictures inside other files: EXIF's thumbnail, and what cameras put beside raw data.

Found by the directories of TIFF (TIFF 6.0 §2; DNG 1.7; Exif 2.32 §4.6), which most raw formats are
made of, else by looking for the beginning of a JPEG. Whatever a file says of itself is bounded.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_DIRECTORIES = 32
MOST_ENTRIES = 1000
MOST_POINTERS = 16
MOST_PREVIEWS = 16
MOST_BYTES = 64 << 20
"""No preview is larger."""
SEARCHED_BYTES = 16 << 20
BLOCK_BYTES = 1 << 20
LEAST_BYTES = 512
HEADER_BYTES = 8
ENTRY_BYTES = 12
SHORT, LONG, IFD = 3, 4, 13
SIZES = {SHORT: 2, LONG: 4, IFD: 4}

COMPRESSION, STRIP_AT, STRIP_BYTES = 0x103, 0x111, 0x117
ORIENTATION = 0x112
SUB_DIRECTORIES, EXIF = 0x14A, 0x8769
JPEG_AT, JPEG_BYTES = 0x201, 0x202
PANASONIC_JPEG = 0x2E
OLD_JPEG, NEW_JPEG = 6, 7
ORIENTATIONS = range(1, 9)

FUJI, FUJI_PLACE = b"FUJIFILMCCD-RAW", 84
JPEG_START = b"\xff\xd8\xff"
BIG, LITTLE = b"MM", b"II"


@dataclass(slots=True)
class Previews:
    """Where JPEGs lie: (offset, length). ``orientation``: EXIF's 1 to 8, of the whole file."""

    places: list[tuple[int, int]] = field(default_factory=list)
    orientation: int = 1

    def add(self, at: int, size_bytes: int) -> None:
        """Note one, unless it cannot be."""
        if at > 0 and LEAST_BYTES <= size_bytes <= MOST_BYTES and len(self.places) < MOST_PREVIEWS:
            self.places.append((at, size_bytes))


def previews(file: BinaryIO) -> Previews:
    """The pictures in a raw file, or any other that is made like a TIFF; empty if there are none.

    Raises:
        OSError, PhotosyncError: The file cannot be read.
    """
    file.seek(0)
    head = file.read(FUJI_PLACE + 8)
    found = Previews()
    if head.startswith(FUJI) and len(head) == FUJI_PLACE + 8:
        found.add(*struct.unpack(">II", head[FUJI_PLACE:]))
    else:
        _in_directories(file, 0, found)
    if not found.places:
        for place in _searched(file):
            found.add(*place)
    return found


def exif_previews(exif: bytes) -> Previews:
    """The thumbnail in EXIF, whose offsets count from its own beginning."""
    from io import BytesIO

    found = Previews()
    _in_directories(BytesIO(exif), 0, found)
    return found


def exif_of_jpeg(head: bytes) -> bytes:
    """The EXIF in the beginning of a JPEG, as far as it is there; b"" if there is none."""
    at = 2
    while head[:2] == JPEG_START[:2] and len(head) - at >= 4 and head[at] == JPEG_START[0]:  # noqa: PLR2004 - marker and length
        kind, size = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        content = head[at + 4 : at + 2 + size]
        if kind == 0xE1 and content.startswith(b"Exif\0\0"):  # noqa: PLR2004 - APP1
            return content[6:]
        if kind == 0xDA or size < 2:  # noqa: PLR2004 - the picture itself begins
            return b""
        at += 2 + size
    return b""


def _in_directories(file: BinaryIO, base: int, found: Previews) -> None:
    """Follow every directory once; the way round in a circle is never gone twice."""
    file.seek(base)
    head = file.read(HEADER_BYTES)
    order = {BIG: ">", LITTLE: "<"}.get(head[:2])
    if order is None or len(head) < HEADER_BYTES:
        return
    to_see = [struct.unpack(f"{order}I", head[4:])[0]]
    seen: set[int] = set()
    while to_see and len(seen) < MOST_DIRECTORIES:
        at = to_see.pop(0)
        if at in seen or at < HEADER_BYTES:
            continue
        seen.add(at)
        values, following = _directory(file, base, at, order)
        _note(values, found, is_first=len(seen) == 1)
        to_see += [*values.get(SUB_DIRECTORIES, ()), *values.get(EXIF, ()), following]


def _directory(
    file: BinaryIO, base: int, at: int, order: str
) -> tuple[dict[int, tuple[int, ...]], int]:
    """The numbers of each entry that matters, and where the next directory is."""
    file.seek(base + at)
    head = file.read(2)
    count = struct.unpack(f"{order}H", head)[0] if len(head) == 2 else 0  # noqa: PLR2004 - a short
    if not 0 < count <= MOST_ENTRIES:
        return {}, 0
    table = file.read(count * ENTRY_BYTES + 4)
    values: dict[int, tuple[int, ...]] = {}
    for start in range(0, min(count * ENTRY_BYTES, len(table) - ENTRY_BYTES + 1), ENTRY_BYTES):
        tag, kind, number = struct.unpack(f"{order}HHI", table[start : start + 8])
        if tag == PANASONIC_JPEG:
            values[tag] = (struct.unpack(f"{order}I", table[start + 8 : start + 12])[0], number)
        elif tag in WANTED and kind in (SHORT, LONG, IFD) and 0 < number <= MOST_POINTERS:
            values[tag] = _numbers(file, base, order, table[start : start + ENTRY_BYTES])
    rest = table[count * ENTRY_BYTES :]
    return values, struct.unpack(f"{order}I", rest)[0] if len(rest) == 4 else 0  # noqa: PLR2004


WANTED = frozenset(
    {COMPRESSION, STRIP_AT, STRIP_BYTES, ORIENTATION, SUB_DIRECTORIES, EXIF, JPEG_AT, JPEG_BYTES}
)


def _numbers(file: BinaryIO, base: int, order: str, entry: bytes) -> tuple[int, ...]:
    """What an entry holds: within itself if it is small, else where it points to."""
    kind, number = struct.unpack(f"{order}HI", entry[2:8])
    size_bytes = SIZES[kind] * number
    content = entry[8:]
    if size_bytes > len(content):
        file.seek(base + struct.unpack(f"{order}I", content)[0])
        content = file.read(size_bytes)
    if len(content) < size_bytes:
        return ()
    letter = "H" if kind == SHORT else "I"
    return struct.unpack(f"{order}{number}{letter}", content[:size_bytes])


def _note(values: dict[int, tuple[int, ...]], found: Previews, *, is_first: bool) -> None:
    """What one directory says of pictures."""
    orientation = values.get(ORIENTATION, ())
    if is_first and orientation and orientation[0] in ORIENTATIONS:
        found.orientation = orientation[0]
    at, size = values.get(JPEG_AT, ()), values.get(JPEG_BYTES, ())
    if at and size:
        found.add(at[0], size[0])
    if PANASONIC_JPEG in values:
        place, size_bytes = values[PANASONIC_JPEG]
        found.add(place, size_bytes)
    at, size = values.get(STRIP_AT, ()), values.get(STRIP_BYTES, ())
    if values.get(COMPRESSION, ()) in ((OLD_JPEG,), (NEW_JPEG,)) and len(at) == len(size) == 1:
        found.add(at[0], size[0])


def _searched(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """(offset, length up to the next, or the end) of what begins like a JPEG."""
    starts, end = _starts(file)
    for number, at in enumerate(starts):
        following = starts[number + 1] if number + 1 < len(starts) else min(end, at + MOST_BYTES)
        yield at, min(following - at, MOST_BYTES)


def _starts(file: BinaryIO) -> tuple[list[int], int]:
    starts: list[int] = []
    file.seek(0)
    at, kept = 0, b""
    while at < SEARCHED_BYTES and len(starts) < MOST_PREVIEWS:
        block = file.read(BLOCK_BYTES)
        if not block:
            break
        text, begin = kept + block, at - len(kept)
        place = text.find(JPEG_START)
        while place >= 0 and len(starts) < MOST_PREVIEWS:
            starts.append(begin + place)
            place = text.find(JPEG_START, place + 1)
        at += len(block)
        kept = text[-2:]
    return starts, file.seek(0, 2)
