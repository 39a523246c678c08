"""Sample photos and videos for the demo and the tests: real files, each of them different.

Copying one of them into a watched folder is what a newcomer's own photo would do there.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from io import BytesIO
from random import Random
from typing import TYPE_CHECKING

from photosync.files.samples import clips, scenes

if TYPE_CHECKING:
    from pathlib import Path

    from PIL import Image

CAMERA = "photosync sample camera"
FIRST_DAY = datetime(2026, 6, 20, 9, 30)  # noqa: DTZ001 - EXIF times carry no zone
BETWEEN_SAMPLES = timedelta(hours=7, minutes=13, seconds=21)
VIDEO_EVERY, SCREENSHOT_EVERY = 10, 5  # of ten samples eight are photos, one PNG, one video
JPEG_QUALITY = 85

EXIF_IFD = 0x8769
MAKE, MODEL, DATE_TIME = 0x010F, 0x0110, 0x0132
DATE_TIME_ORIGINAL, OFFSET_TIME_ORIGINAL = 0x9003, 0x9011


def make_samples(
    folder: Path, count: int, *, seed: int = 0, start: int = 1, atomic: bool = True
) -> list[Path]:
    """Write samples number ``start`` to ``start + count - 1`` into ``folder``; their files.

    The same ``seed`` and number give the same bytes; any other pair gives other bytes.
    ``atomic``: each appears whole under its name, by a hidden file that is renamed; else it is
    written where it stands, as ``cp`` does. The folder is made if it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number in range(start, start + count):
        name, content = _sample(number, seed)
        written.append(_put(folder / name, content, atomic=atomic))
    return written


def make_broken(folder: Path) -> dict[str, str]:
    """Write files that are named like photos or videos and are none: name to what is wrong."""
    folder.mkdir(parents=True, exist_ok=True)
    photo = _jpeg(1, 0)
    broken = {
        "empty.jpg": (b"", "it has no bytes"),
        "shopping list.jpg": (b"Milk, bread, film for the camera\n", "it is a text"),
        "cut off.jpg": (photo[:2], "it ends within its header"),
        "lost sectors.jpg": (bytes(len(photo)), "it holds nothing but zeros"),
        "not found.png": (b"<!DOCTYPE html><title>404</title>\n", "it is a web page"),
        "archive.mp4": (b"PK\x05\x06" + bytes(18), "it is an archive"),
    }
    for name, (content, _) in broken.items():
        _put(folder / name, content, atomic=True)
    return {name: wrong for name, (_, wrong) in broken.items()}


def _sample(number: int, seed: int) -> tuple[str, bytes]:
    """Name and content of one sample."""
    stamp = f"{_taken(number):%Y%m%d_%H%M%S}_{number:04d}"
    if number % VIDEO_EVERY == 0:
        return f"VID_{stamp}.mp4", clips.clip(number, seed)
    if number % SCREENSHOT_EVERY == 0:
        return f"Screenshot_{stamp}.png", _png(number, seed)
    return f"IMG_{stamp}.jpg", _jpeg(number, seed)


def _taken(number: int) -> datetime:
    return FIRST_DAY + BETWEEN_SAMPLES * (number - 1)


def _jpeg(number: int, seed: int) -> bytes:
    """A photo with the date that cameras write (Exif 2.32 §4.6.6, DateTimeOriginal)."""
    picture = _picture(number, seed)
    at = f"{_taken(number):%Y:%m:%d %H:%M:%S}"
    exif = picture.getexif()
    exif[MAKE], exif[MODEL], exif[DATE_TIME] = "photosync", CAMERA, at
    exif.get_ifd(EXIF_IFD).update({DATE_TIME_ORIGINAL: at, OFFSET_TIME_ORIGINAL: "+00:00"})
    out = BytesIO()
    note = f"sample {number} of seed {seed}"
    picture.save(out, "JPEG", quality=JPEG_QUALITY, exif=exif, comment=note)
    return out.getvalue()


def _png(number: int, seed: int) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    note = PngInfo()
    note.add_text("Comment", f"sample {number} of seed {seed}")
    out = BytesIO()
    _picture(number, seed).save(out, "PNG", pnginfo=note)
    return out.getvalue()


def _picture(number: int, seed: int) -> Image.Image:
    return scenes.scene(number, Random(f"{seed}:{number}"))  # noqa: S311 - pretty, not secret


def _put(file: Path, content: bytes, *, atomic: bool) -> Path:
    if not atomic:
        file.write_bytes(content)
        return file
    hidden = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        hidden.write_bytes(content)
        hidden.replace(file)
    finally:
        hidden.unlink(missing_ok=True)
    return file
