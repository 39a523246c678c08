"""When a picture or film was taken, by its own word."""

from __future__ import annotations

import logging
import struct
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

EXIF_IFD, TAKEN, OFFSET, CHANGED = 0x8769, 0x9003, 0x9011, 0x0132
FROM_1904 = 2_082_844_800  # seconds between 1904 and 1970
MOST_BOXES = 1000
CONTAINERS = frozenset({b"moov"})


def taken_at(file: BinaryIO, name: str) -> int | None:
    """Seconds UTC; None if the file does not say, or nonsense. Never raises for its content.

    EXIF has local time, with an offset in newer files; without one it is the computer's zone.
    MP4 and QuickTime have UTC (google-photos-api.md §7).
    """
    try:
        file.seek(0)
        box = file.read(8)[4:8]
        file.seek(0)
        moment = _movie(file) if box in (b"ftyp", b"moov", b"mdat", b"wide") else None
        return _picture(file) if moment is None else moment
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
        log.debug("date.unreadable file=%r error=%s", name, type(error).__name__)
        return None


def _picture(file: BinaryIO) -> int | None:
    from PIL import Image

    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a bomb of pixels is never decoded here
        with Image.open(file) as image:
            exif = image.getexif()
            ifd = exif.get_ifd(EXIF_IFD)
            return _moment(ifd.get(TAKEN) or exif.get(CHANGED), ifd.get(OFFSET))


def _moment(text: Any, offset: Any) -> int | None:
    if not isinstance(text, str):
        return None
    local = datetime.strptime(text.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - below
    if isinstance(offset, str) and len(offset.strip("\0 ")) == len("+01:00"):
        sign = -1 if offset.startswith("-") else 1
        hours, minutes = offset.strip("\0 ")[1:].split(":")
        zone = timezone(sign * timedelta(hours=int(hours), minutes=int(minutes)))
        return int(local.replace(tzinfo=zone).timestamp())
    return int(local.astimezone(UTC).timestamp())


def _movie(file: BinaryIO) -> int | None:
    """The creation time in the ``mvhd`` box."""
    for kind, start, _ in _boxes(file, 0, None):
        if kind == b"moov":
            for inner, at, _ in _boxes(file, start, None):
                if inner == b"mvhd":
                    return _creation(file, at)
    return None


def _boxes(file: BinaryIO, at: int, end: int | None) -> Iterator[tuple[bytes, int, int]]:
    """(kind, start of content, end) of each box; bounded, however the sizes lie."""
    for _ in range(MOST_BOXES):
        if end is not None and at >= end:
            return
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:  # noqa: PLR2004 - size and kind of a box
            return
        size, kind = struct.unpack(">I4s", head[:8])
        start = at + 8
        if size == 1:
            size, start = int.from_bytes(head[8:16], "big"), at + 16
        if size < start - at:
            return
        yield kind, start, at + size
        at += size


def _creation(file: BinaryIO, at: int) -> int | None:
    file.seek(at)
    content = file.read(12)
    seconds = struct.unpack(">Q", content[4:12] if content[0] else b"\0" * 4 + content[4:8])[0]
    moment = seconds - FROM_1904
    return moment if 0 < moment < 2**33 else None
