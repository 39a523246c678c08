"""What a file is, told from its bytes as Google does (google-photos-api.md §7)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from pathlib import Path

_HEAD_BYTES: Final = 256 * 1024

_PREFIXES: Final = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIU\0", "image/x-panasonic-rw2"),
    (b"\x1aE\xdf\xa3", "video/x-matroska"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"\0\0\1\xb3", "video/mpeg"),
)
_BRANDS: Final = (
    ((b"avif", b"avis"), "image/avif"),
    ((b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"), "image/heif"),
    ((b"crx ",), "image/x-canon-cr3"),
    ((b"qt  ",), "video/quicktime"),
    ((b"3gp4", b"3gp5", b"3gp6", b"3gp7"), "video/3gpp"),
    ((b"3g2a", b"3g2b"), "video/3gpp2"),
)
_ATOMS: Final = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")


@dataclass(frozen=True, slots=True)
class Media:
    """A file's kind, and what its header says. Sizes in pixels, 0 if unknown."""

    mime_type: str
    width: int = 0
    height: int = 0
    taken_at: float | None = None

    @property
    def is_video(self) -> bool:
        """Whether it has a running time."""
        return self.mime_type.startswith("video/")


def sniff(file: Path) -> Media | None:
    """What ``file`` is; None if Google Photos would not take it."""
    with file.open("rb") as opened:
        head = _read_head(opened)
    mime_type = _mime_type(head)
    if mime_type is None:
        return None
    width, height = _dimensions(mime_type, head)
    return Media(mime_type, width, height, _taken_at(mime_type, head))


def _read_head(opened: BinaryIO) -> bytes:
    return opened.read(_HEAD_BYTES)


def _mime_type(head: bytes) -> str | None:
    for prefix, mime_type in _PREFIXES:
        if head.startswith(prefix):
            return mime_type
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    if head[4:8] in _ATOMS:
        return "video/quicktime"
    return _transport_stream(head)


def _by_brand(brand: bytes) -> str:
    for brands, mime_type in _BRANDS:
        if brand in brands:
            return mime_type
    return "video/mp4"


def _transport_stream(head: bytes) -> str | None:
    """MPEG-TS: a sync byte every 188 bytes; in M2TS every 192, after 4 bytes of time code."""
    for start, step in ((0, 188), (4, 192)):
        if len(head) > start + 3 * step and all(head[start + i * step] == 0x47 for i in range(4)):
            return "video/mp2t"
    return None


def _dimensions(mime_type: str, head: bytes) -> tuple[int, int]:
    if mime_type == "image/png" and len(head) >= 24:
        return struct.unpack(">II", head[16:24])
    if mime_type == "image/gif" and len(head) >= 10:
        return struct.unpack("<HH", head[6:10])
    if mime_type == "image/jpeg":
        return _jpeg_dimensions(head)
    return 0, 0


def _jpeg_dimensions(head: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4], "big")
        # SOF0-SOF15 but for DHT, JPG and DAC (ITU T.81 table B.1).
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return 0, 0


def _taken_at(mime_type: str, head: bytes) -> float | None:
    """EXIF's date as seconds UTC; read as UTC, since older EXIF knows no zone."""
    if mime_type != "image/jpeg" or b"Exif\0\0" not in head[:65536]:
        return None
    match = re.search(rb"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)\0", head[:65536])
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None
