"""When a picture or film was taken, by its own word."""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from photosync.errors import PhotosyncError
from photosync.files.heif import exif_place
from photosync.files.jpeg_dates import (
    CHANGED,
    CHANGED_OFFSET,
    EXIF_IFD,
    TAKEN,
    TAKEN_OFFSET,
    date_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Exif

log = logging.getLogger(__name__)

FROM_1904 = 2_082_844_800  # seconds between 1904 and 1970
OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>\d\d):(?P<minutes>\d\d)")
MOST_BOXES = 1000
META_BYTES = 1 << 20
EXIF_BYTES = 1 << 20
MOVIE_STARTS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})


def taken_at(file: BinaryIO, name: str) -> int | None:
    """Seconds UTC; None if the file does not say, or nonsense. Never raises for its content.

    EXIF has local time, with an offset in newer files; without one it is the computer's zone.
    MP4 and QuickTime have UTC (google-photos-api.md §7).

    Raises:
        PhotosyncError: The file itself cannot be read any further.
    """
    reader = io.BufferedReader(cast("io.RawIOBase", file))  # parsers read byte by byte
    try:
        reader.seek(0)
        if reader.read(8)[4:8] not in MOVIE_STARTS:
            return _picture(reader)
        moment = _movie(reader)
        return _heif(reader) if moment is None else moment
    except PhotosyncError:
        raise
    except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
        log.debug("date.unreadable file=%r error=%s", name, type(error).__name__)
        return None
    finally:
        reader.detach()


def _picture(file: BinaryIO) -> int | None:
    words = date_words(file)
    return _by_pillow(file) if words is None else _moment(words.taken, words.offset)


def _by_pillow(file: BinaryIO) -> int | None:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # phones take 200 megapixels; none is ever decoded here
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(file) as image:
            # not image.getexif(): PNG's decodes the whole picture to look behind it
            return _by_exif(Image.Image.getexif(image))


def _heif(file: BinaryIO) -> int | None:
    from PIL import Image

    for kind, start, _ in boxes(file, 0, None):
        if kind == b"meta":
            file.seek(start)
            place = exif_place(file.read(META_BYTES))
            if place is None:
                return None
            offset, length = place
            file.seek(offset)
            content = file.read(min(length, EXIF_BYTES))
            exif = Image.Exif()
            exif.load(b"Exif\0\0" + content[4 + int.from_bytes(content[:4], "big") :])
            return _by_exif(exif)
    return None


def _by_exif(exif: Exif) -> int | None:
    ifd = exif.get_ifd(EXIF_IFD)
    if TAKEN in ifd:
        return _moment(ifd[TAKEN], ifd.get(TAKEN_OFFSET))
    return _moment(exif.get(CHANGED), ifd.get(CHANGED_OFFSET))


def _moment(text: Any, offset: Any) -> int | None:
    if not isinstance(text, str):
        return None
    local = datetime.strptime(text.strip("\0 ")[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - below
    zone = OFFSET.fullmatch(offset.strip("\0 ")) if isinstance(offset, str) else None
    if zone is None:
        return int(local.astimezone(UTC).timestamp())
    away = timedelta(hours=int(zone["hours"]), minutes=int(zone["minutes"]))
    return int(local.replace(tzinfo=timezone(-away if zone["sign"] == "-" else away)).timestamp())


def _movie(file: BinaryIO) -> int | None:
    """The creation time in the ``mvhd`` box."""
    for kind, start, end in boxes(file, 0, None):
        if kind == b"moov":
            for inner, at, _ in boxes(file, start, end):
                if inner == b"mvhd":
                    return _creation(file, at)
    return None


def boxes(file: BinaryIO, at: int, end: int | None) -> Iterator[tuple[bytes, int, int | None]]:
    """(kind, start of content, end) of each box; bounded, however the sizes lie.

    An end of None is the end of the file.
    """
    for _ in range(MOST_BOXES):
        if end is not None and at >= end:
            return
        file.seek(at)
        head = file.read(16)
        if len(head) < 8:  # noqa: PLR2004 - size and kind of a box
            return
        size, kind = struct.unpack(">I4s", head[:8])
        start = at + 8
        if size == 0:  # the last box: up to the end
            yield kind, start, end
            return
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
