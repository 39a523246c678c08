"""The process that makes thumbnails: see ``thumbnails``. It opens no file by name and writes none.

Started as ``python -m photosync.files.drawing DESCRIPTOR IDLE_SECONDS``; each question brings an
open file, each answer is a length and a JPEG, of length 0 if there is no picture to be had.
"""

from __future__ import annotations

import importlib
import os
import resource
import socket
import sys
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.media_types import HEAD_BYTES, RAWS, sniff
from photosync.files.heads import BOXED
from photosync.files.heads import MOST_BYTES as MOST_HEAD_BYTES
from photosync.files.heif import thumbnail_alone
from photosync.files.previews import exif_of_jpeg, exif_previews, previews
from photosync.files.thumbnails import ANSWER, QUESTION

if TYPE_CHECKING:
    from PIL.Image import Image

MEMORY_BYTES = 1536 << 20
CPU_SECONDS = 15
NICENESS = 19
MOST_PIXELS = 120_000_000
"""Of what has to be decoded whole; 48 and 108 megapixels come from phones."""
MOST_JPEG_PIXELS = 400_000_000
"""JPEGs are decoded at an eighth of their size."""
LONGEST_SIDE = 65_500
DECODERS = {
    "image/avif": "Avif",
    "image/bmp": "Bmp",
    "image/gif": "Gif",
    "image/jpeg": "Jpeg",
    "image/png": "Png",
    "image/tiff": "Tiff",
    "image/webp": "WebP",
    "image/x-icon": "Ico",
}
"""What Pillow calls the module that decodes it: no other is loaded, and none guesses."""
HEIFS = ("image/heic", "image/heif")
TURNED = ("HEIF", "TIFF")
"""What is upright once it is decoded: in HEIF only its own boxes turn it, EXIF does not count."""
QUALITY = 78
EXIF_TAGS = {"orientation": 0x112}
WHITE = (255, 255, 255)
TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""EXIF's orientation (Exif 2.32 §4.6.4) to Pillow's ``Transpose``."""


def draw(file: BinaryIO, edge: int) -> bytes:
    """A JPEG of the picture in ``file``, or in it beside others; b"" if there is none.

    Raises:
        Exception: Whatever decoders raise.
    """
    file.seek(0)
    head = file.read(HEAD_BYTES)
    mime = sniff(head) or ""
    if mime.startswith("video/"):
        return b""
    if mime in RAWS.values():
        return _preview(file, edge)
    if mime in BOXED and (alone := _of_a_cut_one(file)) is not None:
        return _jpeg(_open(alone), edge)
    try:
        file.seek(0)
        return _jpeg(_open(file), edge)
    except Exception:
        inside = _preview(file, edge) if mime == "image/tiff" else _embedded(file, edge)
        if not inside:
            raise
        return inside


def _of_a_cut_one(file: BinaryIO) -> BinaryIO | None:
    """A picture of the thumbnail in a beginning of a HEIC or AVIF; None if it is whole."""
    length = file.seek(0, os.SEEK_END)
    if length > MOST_HEAD_BYTES:
        return None
    file.seek(0)
    alone = thumbnail_alone(file.read(MOST_HEAD_BYTES))
    return None if alone is None else BytesIO(alone)


def _open(file: BinaryIO) -> Image:
    """The picture, not decoded yet, if it is not too large."""
    from PIL import Image, ImageFile

    Image.MAX_IMAGE_PIXELS = None  # judged here
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    image = Image.open(file, formats=[_decoder(file)])
    most = MOST_JPEG_PIXELS if image.format in ("JPEG", "MPO") else MOST_PIXELS
    if max(image.size) > LONGEST_SIDE or image.width * image.height > most:
        raise ValueError("too large")
    return image


def _decoder(file: BinaryIO) -> str:
    """Load what decodes it; Pillow's name for that."""
    mime = sniff(file.read(HEAD_BYTES)) or ""
    file.seek(0)
    if mime in HEIFS:
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1
        pillow_heif.options.THUMBNAILS = False
        pillow_heif.register_heif_opener()
        return "HEIF"
    name = DECODERS[mime]
    importlib.import_module(f"PIL.{name}ImagePlugin")
    if name == "Ico":
        importlib.import_module("PIL.PngImagePlugin")
    return name.upper()


def _jpeg(image: Image, edge: int, orientation: int = 1) -> bytes:
    """``image`` small, upright, in sRGB, without metadata."""
    image.draft("RGB", (edge, edge))
    turned = 1 if image.format in TURNED else _orientation(image)
    turned = orientation if turned == 1 else turned
    profile = image.info.get("icc_profile")
    image.thumbnail((edge, edge), reducing_gap=2.0)
    small = _plain(image)
    small = _in_srgb(small, profile)
    if turned in TURNS:
        from PIL.Image import Transpose

        small = small.transpose(Transpose(TURNS[turned]))
    out = BytesIO()
    small.info.clear()
    small.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _orientation(image: Image) -> int:
    from PIL import Image as Pillow

    try:
        # not image.getexif(): PNG's decodes the whole picture to look behind it
        found = Pillow.Image.getexif(image).get(EXIF_TAGS["orientation"], 1)
    except Exception:  # noqa: BLE001 - EXIF that is broken turns nothing
        return 1
    return found if isinstance(found, int) else 1


def _plain(image: Image) -> Image:
    """RGB; what can be seen through lies on white."""
    from PIL import Image as Pillow

    if image.mode.startswith(("I", "F")):  # 16 bits a pixel, or more
        image = image.convert("F")
        low, high = image.getextrema()
        assert isinstance(low, float)
        assert isinstance(high, float)
        scale = 255.0 / ((high - low) or 1.0)
        return image.point(lambda value: value * scale - low * scale).convert("L").convert("RGB")
    if image.has_transparency_data:
        above = image.convert("RGBA")
        below = Pillow.new("RGB", image.size, WHITE)
        below.paste(above, mask=above.getchannel("A"))
        return below
    return image.convert("RGB")


def _in_srgb(image: Image, profile: object) -> Image:
    """Phones' colours are wider than what a picture without a profile is taken for."""
    if not isinstance(profile, bytes) or not profile:
        return image
    from PIL import ImageCms

    try:
        own = ImageCms.ImageCmsProfile(BytesIO(profile))
        found = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):  # one for other kinds of pixels, or broken
        return image
    return image if found is None else found


def _preview(file: BinaryIO, edge: int) -> bytes:
    """The smallest JPEG in a raw file that is large enough, else the largest."""
    found = previews(file)
    best: bytes = b""
    best_side = 0
    for at, size_bytes in sorted(found.places, key=lambda place: place[1]):
        file.seek(at)
        content = file.read(size_bytes)
        try:
            image = _open(BytesIO(content))
            side = max(image.size)
            if side <= best_side:
                continue
            best, best_side = _jpeg(image, edge, found.orientation), side
        except Exception:  # noqa: BLE001, S112 - not a JPEG after all: another may be
            continue
        if side >= edge:
            break
    return best


def _embedded(file: BinaryIO, edge: int) -> bytes:
    """The thumbnail in the EXIF of a JPEG that cannot be decoded, or is cut."""
    file.seek(0)
    exif = exif_of_jpeg(file.read(1 << 17))
    found = exif_previews(exif)
    for at, size_bytes in found.places:
        content = exif[at : at + size_bytes]
        if len(content) == size_bytes:
            return _jpeg(_open(BytesIO(content)), edge, found.orientation)
    return b""


def restrain() -> None:
    """Little memory, no files written, a low priority: for the whole process.

    Where it may not step back (a unit of an earlier version) that is no reason to do without.
    """
    with suppress(PermissionError):
        os.nice(NICENESS)
    for kind, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def _limit_cpu() -> None:
    """From now on the next picture has ``CPU_SECONDS``; then SIGXCPU ends the process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    most = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (most, hard))


def serve(connection: socket.socket, idle_seconds: float) -> None:
    """Answer until nobody has asked for ``idle_seconds``, or whoever asked is gone."""
    connection.settimeout(idle_seconds)
    while True:
        try:
            question, descriptors, _, _ = socket.recv_fds(connection, QUESTION.size, 1)
        except TimeoutError:
            return
        if len(question) < QUESTION.size or len(descriptors) != 1:
            return
        edge, _ = QUESTION.unpack(question)
        _limit_cpu()
        with os.fdopen(descriptors[0], "rb") as file:
            try:
                content = draw(file, edge)
            except Exception:  # noqa: BLE001 - decoders of hostile files raise anything
                content = b""
        connection.sendall(ANSWER.pack(len(content)) + content)


if __name__ == "__main__":
    restrain()
    serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]))
