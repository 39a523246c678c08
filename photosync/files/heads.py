"""How much of a file's beginning shows a picture of it, for files that are slow to get at."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO

from photosync.domain.media_types import RAWS, sniff
from photosync.files.heif import thumbnail_in
from photosync.files.previews import exif_of_jpeg, exif_previews, previews

FIRST_BYTES = 128 * 1024
"""EXIF, and the thumbnail in it, lie in the first 64 KiB of a JPEG; the list of what is in a HEIC
right at its beginning."""
MOST_BYTES = 4 << 20
"""No more is fetched, whatever a file says of itself."""
BOXED = ("image/heic", "image/heif", "image/avif")


def wanted_bytes(head: bytes, size_bytes: int) -> int:
    """How many of a file's bytes are needed, by its first ones; 0: there is no picture in few.

    ``size_bytes``: of the whole file.
    """
    mime = sniff(head) or ""
    end = 0
    if mime == "image/jpeg":
        end = len(head) if exif_previews(exif_of_jpeg(head)).places else 0
    elif mime in BOXED:
        with suppress(ValueError):
            thumbnail = thumbnail_in(head)
            end = 0 if thumbnail is None else thumbnail.end
    elif mime in RAWS.values():
        places = previews(BytesIO(head)).places
        end = min((at + size for at, size in places), default=0)
    elif not mime.startswith("image/"):
        return 0
    if 0 < end <= min(MOST_BYTES, size_bytes):
        return end
    return size_bytes if size_bytes <= MOST_BYTES else 0
