"""Small real pictures and films that say no date, made when they are needed."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import photosync.files.samples as shipped
from tests.lab.lab import want

CLIPS = Path(shipped.__file__).parent / "clips"


def want_exiftool() -> None:
    """Skip the test where exiftool is not there."""
    there = shutil.which("exiftool")
    want(None if there else "needs exiftool: sudo apt install libimage-exiftool-perl")


def picture(number: int = 0, kind: str = "JPEG", **how: object) -> bytes:
    """A picture without metadata; each number's is different."""
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    image = Image.new("RGB", (64, 48), (number * 37 % 256, number * 91 % 256, number % 256))
    image.paste((255, 255, 255), (number % 50, 5, number % 50 + 9, 20))
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def film(number: int = 0) -> bytes:
    """A real film whose clocks were never set; each number's is different."""
    content = (CLIPS / "waves.mp4").read_bytes()
    note = f"film {number}".encode()
    return content + (len(note) + 8).to_bytes(4, "big") + b"skip" + note
