"""What is a photo or a video, by name and by content (google-photos-api.md §7)."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAD_BYTES = 4096
"""So much of a file's beginning tells what it is."""

UNKNOWN_MIME = "application/octet-stream"
"""Of a file that cannot be read, or is none of the types that Google takes."""

PHOTO_LIMIT_BYTES = 200 * 1000 * 1000
VIDEO_LIMIT_BYTES = 20 * 1000 * 1000 * 1000

IMAGES = {
    "avif": "image/avif",
    "bmp": "image/bmp",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "png": "image/png",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "webp": "image/webp",
}
RAWS = {
    "3fr": "image/x-hasselblad-3fr",
    "arw": "image/x-sony-arw",
    "cr2": "image/x-canon-cr2",
    "cr3": "image/x-canon-cr3",
    "crw": "image/x-canon-crw",
    "dng": "image/x-adobe-dng",
    "erf": "image/x-epson-erf",
    "nef": "image/x-nikon-nef",
    "nrw": "image/x-nikon-nrw",
    "orf": "image/x-olympus-orf",
    "pef": "image/x-pentax-pef",
    "raf": "image/x-fuji-raf",
    "rw2": "image/x-panasonic-rw2",
    "rwl": "image/x-leica-rwl",
    "sr2": "image/x-sony-sr2",
    "srw": "image/x-samsung-srw",
}
VIDEOS = {
    "3g2": "video/3gpp2",
    "3gp": "video/3gpp",
    "asf": "video/x-ms-asf",
    "avi": "video/x-msvideo",
    "divx": "video/x-msvideo",
    "m2t": "video/mp2t",
    "m2ts": "video/mp2t",
    "m4v": "video/x-m4v",
    "mkv": "video/x-matroska",
    "mmv": "video/mp4",
    "mod": "video/mpeg",
    "mov": "video/quicktime",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpeg",
    "mts": "video/mp2t",
    "tod": "video/mpeg",
    "webm": "video/webm",
    "wmv": "video/x-ms-wmv",
}
BY_EXTENSION = {**IMAGES, **RAWS, **VIDEOS}

_OTHERS = """
    aac aae apk apple bak bz2 c cfg conf cpp css csv db doc docx exe flac gpx gz htm html
    ini iso jar java js json kml lnk log m3u m3u8 m4a md mka mp3 nfo nomedia odt ogg opus pdf php
    pl plist ppt pptx psd ps1 py rar rb rs rtf sh so sqlite sqlite3 srt sub svg tar thm toml
    torrent txt url vtt wav wma xls xlsx xml xmp xz yaml yml zip 7z zst
"""
NEVER_MEDIA = frozenset(_OTHERS.split())
"""Files of these kinds are not even opened; anything else unknown is judged by its content."""


class Claim(StrEnum):
    """What a name says of its file."""

    MEDIA = "media"
    OTHER = "other"
    NOTHING = "nothing"


def claim(name: str) -> Claim:
    """Whether a file's name says that it is media, or something else, or nothing."""
    extension = extension_of(name)
    if extension in BY_EXTENSION:
        return Claim.MEDIA
    return Claim.OTHER if extension in NEVER_MEDIA else Claim.NOTHING


def extension_of(name: str) -> str:
    """The extension in lower case, without the dot; "" if there is none."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


TYPE_WORDS = frozenset({"photo", "video", "raw"})
"""Words for many types; RAW files are photos, too."""


def is_of_types(path: str, mime: str, types: Iterable[str]) -> bool:
    """Whether a file is of one of ``types``: TYPE_WORDS, and extensions, each with its synonyms.

    Its name decides; where that says nothing, ``mime`` ("" if it is not known: it may be any).
    """
    named = BY_EXTENSION.get(extension_of(path), mime)
    return named in ("", UNKNOWN_MIME) or any(_is_of_type(named, one.lower()) for one in types)


def _is_of_type(mime: str, kind: str) -> bool:
    if kind == "photo":
        return mime.startswith("image/")
    if kind == "video":
        return mime.startswith("video/")
    if kind == "raw":
        return mime in RAWS.values()
    return _same_type(mime, BY_EXTENSION.get(kind, ""))


def _same_type(one: str, other: str) -> bool:
    return one == other or {one, other} == {"image/heic", "image/heif"}


def mime_type(name: str, head: bytes) -> str | None:
    """What the file is, judged by its first ``HEAD_BYTES``; None if it is no media.

    Where content and extension agree on the family, the extension is the more exact one:
    a DNG and a NEF both begin like a TIFF.
    """
    sniffed = sniff(head)
    named = BY_EXTENSION.get(extension_of(name))
    if sniffed is None or named is None:
        return sniffed
    return named if _same_family(sniffed, named) else sniffed


def limit_bytes(mime: str) -> int:
    """The largest file of that type that Google takes."""
    return VIDEO_LIMIT_BYTES if mime.startswith("video/") else PHOTO_LIMIT_BYTES


def sniff(head: bytes) -> str | None:
    """The MIME type by magic bytes; None if it is none of the types that Google takes."""
    for magic, mime in MAGIC:
        if head.startswith(magic):
            return mime
    for judge in (_sniff_iso, _sniff_riff, _sniff_matroska, _sniff_bitmap, _sniff_stream):
        found = judge(head)
        if found is not None:
            return found
    return None


MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00\x10\x00\x00\x00CR", "image/x-canon-cr2"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),  # BigTIFF
    (b"MM\x00+", "image/tiff"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIRS", "image/x-olympus-orf"),
    (b"MMOR", "image/x-olympus-orf"),
    (b"IIU\x00", "image/x-panasonic-rw2"),
    (b"II\x1a\x00\x00\x00HEAPCCDR", "image/x-canon-crw"),
    (b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
)

BRANDS: dict[bytes, str] = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevm": "image/heic",
    b"hevs": "image/heic",
    b"crx ": "image/x-canon-cr3",
    b"qt  ": "video/quicktime",
    b"M4V ": "video/x-m4v",
    b"M4A ": "",  # sound alone
    b"M4B ": "",
    b"M4P ": "",
}

SOME_IMAGE = frozenset({b"mif1", b"mif2", b"msf1", b"avci", b"avcs"})
OLD_QUICKTIME = frozenset({b"moov", b"mdat"})
SMALL_QUICKTIME = frozenset({b"wide", b"skip", b"free", b"pnot"})
SMALL_BYTES = 1 << 24  # smaller than the number that four letters make
MOST_ICONS = 256
BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Sizes of the header that follows the first 14 bytes of a BMP."""

SAME_FAMILY = (
    frozenset({"image/tiff", *RAWS.values()}),
    frozenset({"image/heic", "image/heif"}),
    frozenset({"video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "video/3gpp2"}),
    frozenset({"video/x-ms-asf", "video/x-ms-wmv"}),
    frozenset({"video/x-matroska", "video/webm"}),
    frozenset({"video/mpeg", "video/mp2t"}),
)


def _same_family(one: str, other: str) -> bool:
    return one == other or any(one in family and other in family for family in SAME_FAMILY)


def _sniff_iso(head: bytes) -> str | None:
    """ISO base media files: the first box is ``ftyp`` with a brand, or an old QuickTime box."""
    size, kind, brand = int.from_bytes(head[:4], "big"), head[4:8], head[8:12]
    if kind in OLD_QUICKTIME or (kind in SMALL_QUICKTIME and size < SMALL_BYTES):
        return "video/quicktime"
    if kind != b"ftyp" or len(brand) < 4:  # noqa: PLR2004 - a brand has four letters
        return None
    if brand in SOME_IMAGE:  # the compatible brands say which
        compatible = (head[at : at + 4] for at in range(16, min(size, len(head)), 4))
        kinds = (BRANDS.get(one, "") for one in compatible)
        return next((one for one in kinds if one.startswith("image/")), "image/heif")
    if brand.startswith(b"3g2"):
        return "video/3gpp2"
    if brand.startswith(b"3g"):
        return "video/3gpp"
    return BRANDS.get(brand, "video/mp4") or None


def _sniff_riff(head: bytes) -> str | None:
    if not head.startswith(b"RIFF"):
        return None
    return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(head[8:12])


def _sniff_matroska(head: bytes) -> str | None:
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return "video/webm" if b"webm" in head[:64] else "video/x-matroska"


def _sniff_bitmap(head: bytes) -> str | None:
    """BMP and ICO: their magic is so short that more has to fit."""
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BITMAP_HEADERS:
        return "image/bmp"
    if (
        head.startswith(b"\x00\x00\x01\x00")
        and 0 < int.from_bytes(head[4:6], "little") < MOST_ICONS
    ):
        return "image/x-icon"
    return None


def _sniff_stream(head: bytes) -> str | None:
    """MPEG transport streams: a sync byte at the start of every packet."""
    for offset, packet in ((0, 188), (4, 192), (0, 204)):
        at = range(offset, offset + 5 * packet, packet)
        if len(head) > at[-1] and all(head[one] == 0x47 for one in at):  # noqa: PLR2004 - sync byte
            return "video/mp2t"
    return None
