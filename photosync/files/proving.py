"""Whether a dated copy shows what its original shows, to the last bit.

Pictures are decoded and compared pixel for pixel; of films, what is played is compared byte for
byte, and that every piece of it is where the index says. Runs in a process of its own
(``files/dater.py``), for decoders of hostile files may do anything.
"""

from __future__ import annotations

import hashlib
import os
import struct
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from photosync.files.dates import boxes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

MOST_PIXELS = 120_000_000
"""Decoded, three bytes each: more is not worth the memory, and goes as it is."""

MOST_FRAMES = 2000
BAND_ROWS = 256
BLOCK_BYTES = 1 << 20
MOST_OFFSETS_BYTES = 64 << 20
WITHOUT_PLAY = frozenset({b"moov", b"free", b"skip", b"wide"})
WAY = (b"trak", b"mdia", b"minf", b"stbl")
OFFSETS = {b"stco": "I", b"co64": "Q"}


class Unproven(Exception):
    """The copy cannot be shown to be the same picture."""


def prove(original: str, copy: str, mime: str) -> None:
    """Raises if ``copy`` may show something else than ``original``.

    Raises:
        Unproven: It does, or nobody can tell.
    """
    if mime.startswith("video/"):
        _prove_film(original, copy)
        return
    if mime == "image/jpeg" and _coded(original) != _coded(copy):
        raise Unproven("its coded picture is another")
    if mime == "image/webp" and _chunks(original) != _chunks(copy):
        raise Unproven("its coded picture is another")
    if _pixels(original) != _pixels(copy):
        raise Unproven("its pixels are others")


def _coded(name: str) -> str:
    """The hash of all from the first scan of a JPEG on, with whatever trails the picture."""
    with Path(name).open("rb") as file:
        at = 2
        while True:
            file.seek(at)
            head = file.read(4)
            if len(head) < 4 or head[0] != 0xFF:  # noqa: PLR2004 - a marker and a length
                raise Unproven("its segments are damaged")
            if head[1] == 0xDA:  # noqa: PLR2004 - SOS (ITU T.81 table B.1)
                return _hash(file, at, None)
            at += 2 + int.from_bytes(head[2:], "big")


def _chunks(name: str) -> list[tuple[bytes, str]]:
    """Every chunk of a WebP in its order, but for EXIF and the head that announces it."""
    found = []
    with Path(name).open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        at = len(b"RIFF....WEBP")
        while at < size:
            file.seek(at)
            kind, length = file.read(4), int.from_bytes(file.read(4), "little")
            if kind not in (b"VP8X", b"EXIF"):
                found.append((kind, _hash(file, at, min(at + 8 + length, size))))
            at += 8 + length + length % 2
    return found


def _hash(file: BinaryIO, start: int, end: int | None) -> str:
    digest = hashlib.sha256()
    file.seek(start)
    while block := file.read(BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - file.tell())):
        digest.update(block)
    return digest.hexdigest()


def _pixels(name: str) -> list[str]:
    """The hash of each frame as it is decoded."""
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # looked at below
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(name) as image:
            frames = getattr(image, "n_frames", 1)
            if image.width * image.height > MOST_PIXELS or frames > MOST_FRAMES:
                raise Unproven("it is too large to be compared")
            found = []
            for number in range(frames):
                if number:
                    image.seek(number)
                found.append(_frame(image))
    return found


def _frame(image: Image) -> str:
    image.load()
    digest = hashlib.sha256(repr((image.mode, image.size, image.info.get("duration"))).encode())
    palette = image.getpalette()
    digest.update(repr((palette, image.info.get("transparency"))).encode())
    for top in range(0, image.height, BAND_ROWS):
        band = image.crop((0, top, image.width, min(top + BAND_ROWS, image.height)))
        digest.update(band.tobytes())
    return digest.hexdigest()


def _prove_film(original: str, copy: str) -> None:
    with Path(original).open("rb") as one, Path(copy).open("rb") as other:
        if _played(one) != _played(other):
            raise Unproven("what is played is another")
        if _places(one) != _places(other):
            raise Unproven("its index leads elsewhere")


def _top(file: BinaryIO) -> Iterator[tuple[bytes, int, int]]:
    size_bytes = os.fstat(file.fileno()).st_size
    for kind, start, end in boxes(file, 0, None):
        if kind == b"moof":
            raise Unproven("it is in fragments")
        yield kind, start, size_bytes if end is None else end


def _played(file: BinaryIO) -> list[tuple[bytes, str]]:
    found = [
        (kind, _hash(file, at, end)) for kind, at, end in _top(file) if kind not in WITHOUT_PLAY
    ]
    if not any(kind == b"mdat" for kind, _ in found):
        raise Unproven("there is nothing to be played in it")
    return found


def _places(file: BinaryIO) -> list[list[tuple[int, int]]]:
    """Each track's chunks: in which ``mdat``, and where in it."""
    tops = list(_top(file))
    media = [(start, end) for kind, start, end in tops if kind == b"mdat"]
    movies = [(start, end) for kind, start, end in tops if kind == b"moov"]
    if len(movies) != 1:
        raise Unproven("it has no index, or several")
    return [
        [_place(offset, media) for offset in _offsets(file, start, end)]
        for start, end in _within(file, *movies[0], WAY)
    ]


def _place(offset: int, media: list[tuple[int, int]]) -> tuple[int, int]:
    for number, (start, end) in enumerate(media):
        if start <= offset < end:
            return number, offset - start
    raise Unproven("its index leads out of the file")


def _within(
    file: BinaryIO, start: int, end: int, way: tuple[bytes, ...]
) -> Iterator[tuple[int, int]]:
    """The boxes at the end of each such way."""
    for kind, inner, inner_end in boxes(file, start, end):
        if kind == way[0] and inner_end is not None:
            if len(way) == 1:
                yield inner, inner_end
            else:
                yield from _within(file, inner, inner_end, way[1:])


def _offsets(file: BinaryIO, start: int, end: int) -> tuple[int, ...]:
    for kind, at, inner_end in boxes(file, start, end):
        letter = OFFSETS.get(kind)
        if letter is None or inner_end is None:
            continue
        file.seek(at)
        count = int.from_bytes(file.read(8)[4:], "big")
        size_bytes = count * struct.calcsize(f">{letter}")
        if size_bytes > min(inner_end - at - 8, MOST_OFFSETS_BYTES):
            break
        return struct.unpack(f">{count}{letter}", file.read(size_bytes))
    raise Unproven("a track has no index")
