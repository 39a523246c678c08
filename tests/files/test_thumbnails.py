"""Thumbnails of everything that Google takes, and of what was made to do harm."""

from __future__ import annotations

import functools
import os
import resource
import signal
import struct
import threading
import time
import zlib
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from photosync.files import drawing
from photosync.files.samples import make_samples
from photosync.files.thumbnails import EDGE, Thumbnailer, thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterator

RED, GREEN, BLUE = (230, 20, 20), (20, 200, 20), (20, 20, 230)
GPS = 0x8825


@pytest.fixture(scope="module")
def maker() -> Iterator[Thumbnailer]:
    with Thumbnailer() as made:
        yield made


def picture(width: int = 800, height: int = 600) -> Image.Image:
    """Red at its upper left, blue at its lower right."""
    made = Image.new("RGB", (width, height), GREEN)
    pen = ImageDraw.Draw(made)
    pen.rectangle((0, 0, width // 2, height // 2), fill=RED)
    pen.rectangle((width // 2, height // 2, width, height), fill=BLUE)
    return made


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    image.save(out, kind, **options)
    return out.getvalue()


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    image = Image.open(BytesIO(content))
    image.load()
    assert image.format == "JPEG"
    return image


def near(found: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 40 for one, other in zip(found, wanted, strict=True))


def corners(image: Image.Image) -> tuple[Any, Any]:
    """The pixels near the upper left and the lower right."""
    width, height = image.size
    return image.getpixel((8, 8)), image.getpixel((width - 9, height - 9))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF", "AVIF", "GIF", "TIFF", "BMP"])
def test_each_kind_of_picture_has_a_thumbnail(maker: Thumbnailer, kind: str) -> None:
    made = opened(maker.of_bytes(encoded(picture(), kind), kind))
    assert made.size == (EDGE, 240)
    upper, lower = corners(made)
    assert near(upper, RED)
    assert near(lower, BLUE)


def test_an_icon_and_a_small_picture_are_not_made_larger(maker: Thumbnailer) -> None:
    icon = opened(maker.of_bytes(encoded(picture(64, 64), "ICO"), "icon"))
    assert max(icon.size) <= 64
    assert opened(maker.of_bytes(encoded(picture(40, 30), "PNG"), "small")).size == (40, 30)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_thumbnail_stands_upright(maker: Thumbnailer, kind: str, orientation: int) -> None:
    lying = (
        picture().transpose(Image.Transpose(BACK[orientation])) if orientation > 1 else picture()
    )
    exif = Image.Exif()
    exif[0x112] = orientation
    made = opened(maker.of_bytes(encoded(lying, kind, exif=exif), "lying"))
    assert made.size == (EDGE, 240)
    upper, lower = corners(made)
    assert near(upper, RED)
    assert near(lower, BLUE)


BACK = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
"""What undoes each of EXIF's orientations."""


def test_nothing_that_the_file_says_of_itself_is_left(maker: Thumbnailer) -> None:
    exif = Image.Exif()
    exif[0x10F] = "Secret Camera"
    exif.get_ifd(GPS)[1] = "N"
    content = encoded(picture(), "JPEG", exif=exif, comment=b"my secret")
    made = maker.of_bytes(content, "secret.jpg")
    assert made is not None
    image = opened(made)
    assert not dict(image.getexif())
    assert "comment" not in image.info
    assert b"ecret" in content
    assert b"ecret" not in made


def test_what_can_be_seen_through_lies_on_white(maker: Thumbnailer) -> None:
    image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    assert near(
        opened(maker.of_bytes(encoded(image, "PNG"), "clear")).getpixel((50, 50)), (255,) * 3
    )


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "CMYK", "I;16", "F", "YCbCr"])
def test_every_kind_of_pixel_becomes_a_thumbnail(maker: Thumbnailer, mode: str) -> None:
    source = picture(400, 300)
    image = (
        source.convert("L").convert("F" if mode == "F" else "I")
        if mode in ("I;16", "F")
        else source
    )
    image = image.convert(mode)
    made = opened(maker.of_bytes(encoded(image, "TIFF"), mode))
    assert (made.mode, made.size) == ("RGB", (EDGE, 240))


def test_wide_colours_are_brought_to_those_of_screens(maker: Thumbnailer) -> None:
    from PIL import ImageCms

    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with_profile = maker.of_bytes(encoded(picture(), "JPEG", icc_profile=lab), "profile")
    broken = maker.of_bytes(encoded(picture(), "JPEG", icc_profile=b"nonsense"), "broken")
    for one in (with_profile, broken):
        assert near(corners(opened(one))[0], RED)
        assert "icc_profile" not in opened(one).info


def test_the_first_picture_stands_for_a_moving_one(maker: Thumbnailer) -> None:
    frames = [picture(), Image.new("RGB", (800, 600), BLUE)]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(corners(opened(maker.of_bytes(moving, "moving.gif")))[0], RED)


def test_a_film_has_no_thumbnail(maker: Thumbnailer, tmp_path: Path) -> None:
    film = make_samples(tmp_path, 1, start=10)[0]
    assert film.suffix == ".mp4"
    assert maker.of_bytes(film.read_bytes(), film.name) is None


def test_one_picture_needs_no_maker_kept(tmp_path: Path) -> None:
    (file,) = make_samples(tmp_path, 1)
    with file.open("rb") as content:
        assert max(opened(thumbnail(content, file.name, edge=100)).size) == 100


# Raw files


def tiff(
    directories: list[dict[int, tuple[int, int]]], jpegs: list[bytes], order: str, magic: bytes
) -> bytes:
    """Directories one after another; a value of -n stands for where the n-th JPEG lies."""
    at, starts = 8, []
    for one in directories:
        starts.append(at)
        at += 2 + 12 * len(one) + 4
    places = []
    for jpeg in jpegs:
        places.append(at)
        at += len(jpeg)
    out = bytearray(magic + struct.pack(f"{order}I", starts[0]))
    for number, one in enumerate(directories):
        out += struct.pack(f"{order}H", len(one))
        for tag, (kind, value) in one.items():
            real = places[-value - 1] if value < 0 else value
            number_of = 1 if tag != 0x2E else len(jpegs[0])
            packed = (
                struct.pack(f"{order}HH", real, 0) if kind == 3 else struct.pack(f"{order}I", real)
            )
            out += struct.pack(f"{order}HHI", tag, kind, number_of) + packed
        following = starts[number + 1] if number + 1 < len(starts) and 0x14A not in one else 0
        out += struct.pack(f"{order}I", following)
    return bytes(out) + b"".join(jpegs)


def raws() -> dict[str, bytes]:
    large, small = encoded(picture(), "JPEG", quality=95), encoded(picture(160, 120), "JPEG")
    size, small_size = len(large), len(small)
    second = 8 + 2 + 12 * 2 + 4
    fuji = bytearray(b"FUJIFILMCCD-RAW 0201" + bytes(300))
    fuji[84:92] = struct.pack(">II", 320, size)
    return {
        "dng": tiff(
            [
                {0x112: (3, 6), 0x14A: (4, second)},
                {0x103: (3, 7), 0x111: (4, -1), 0x117: (4, size)},
            ],
            [large],
            "<",
            b"II*\0",
        ),
        "nef": tiff(
            [
                {0x112: (3, 6), 0x201: (4, -1), 0x202: (4, small_size)},
                {0x201: (4, -2), 0x202: (4, size)},
            ],
            [small, large],
            ">",
            b"MM\0*",
        ),
        "rw2": tiff([{0x2E: (7, -1)}], [large], "<", b"IIU\0"),
        "raf": bytes(fuji) + large,
        "crw": b"II\x1a\0\0\0HEAPCCDR" + bytes(500) + small + bytes(100) + large + bytes(2000),
    }


@pytest.mark.parametrize("kind", ["dng", "nef", "rw2", "raf", "crw"])
def test_a_raw_file_shows_the_preview_that_the_camera_made(maker: Thumbnailer, kind: str) -> None:
    made = opened(maker.of_bytes(raws()[kind], f"a.{kind}"))
    turned = kind in ("dng", "nef")
    assert made.size == ((240, EDGE) if turned else (EDGE, 240))
    assert near(made.getpixel((made.width - 9, 8)) if turned else corners(made)[0], RED)


def test_directories_that_lead_in_a_circle_are_gone_through_once(maker: Thumbnailer) -> None:
    circle: bytes = tiff(
        [{0x112: (3, 1), 0x14A: (4, 8), 0x8769: (4, 8)}], [], "<", b"II*\0\x10\0\0\0CR"[:4]
    )
    began = time.monotonic()
    assert maker.of_bytes(circle + bytes(4096), "circle.dng") is None
    assert time.monotonic() - began < 30


# What was made to do harm


def png(width: int, height: int, *, depth: int = 8, colour: int = 2, rows: bytes = b"") -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@functools.cache
def bombs() -> dict[str, bytes]:
    zeros = zlib.compressobj(9)
    packed = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(400)) + zeros.flush()
    jpeg = bytearray(encoded(picture(), "JPEG"))
    at = jpeg.find(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    gif = encoded(picture(), "GIF")
    return {
        "a thousand megapixels": png(32_000, 32_000, depth=1, colour=0, rows=packed),
        "more than the memory": png(10_900, 10_900, depth=16, colour=6, rows=packed),
        "a JPEG that says it is huge": bytes(jpeg),
        "wider than anything": png(100_000_000, 1, rows=packed[:1000]),
        "a GIF that says it is huge": gif[:6] + b"\xff\xff\xff\xff" + gif[10:],
        "half a JPEG": encoded(picture(), "JPEG")[:2000],
        "text that unpacks to gigabytes": text_bomb(packed),
        "nothing": b"",
        "a head alone": b"\xff\xd8\xff",
        "a HEIC of nothing": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(3000),
    }


def text_bomb(packed: bytes) -> bytes:
    whole = png(10, 10)
    text = b"zTXt" + b"Comment\0\0" + packed
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    return whole[:33] + chunk * 8 + whole[33:]


@pytest.mark.parametrize(
    "name",
    [
        "a thousand megapixels",
        "more than the memory",
        "a JPEG that says it is huge",
        "wider than anything",
        "a GIF that says it is huge",
        "half a JPEG",
        "text that unpacks to gigabytes",
        "nothing",
        "a head alone",
        "a HEIC of nothing",
    ],
)
def test_what_was_made_to_do_harm_takes_little_and_the_next_is_made(
    maker: Thumbnailer, name: str
) -> None:
    bomb = bombs()[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    assert maker.of_bytes(bomb, name) is None
    assert time.monotonic() - began < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000
    assert maker.of_bytes(encoded(picture(), "JPEG"), "good") is not None


def test_a_cut_photo_still_shows_the_thumbnail_in_its_exif(maker: Thumbnailer) -> None:
    small = encoded(picture(160, 120), "JPEG")
    exif = tiff([{0x112: (3, 1)}, {0x201: (4, -1), 0x202: (4, len(small))}], [small], ">", b"MM\0*")
    whole = encoded(picture(), "JPEG", exif=b"Exif\0\0" + exif)
    head = whole[: len(exif) + 200]
    made = opened(maker.of_bytes(head, "head.jpg"))
    assert made.size == (160, 120)
    assert near(corners(made)[0], RED)


def test_what_takes_too_long_is_given_up_and_the_next_is_made() -> None:
    slow = encoded(Image.effect_noise((6000, 6000), 90).convert("RGB"), "PNG", compress_level=1)
    with Thumbnailer(seconds=60) as maker:
        assert maker.of_bytes(encoded(picture(), "JPEG"), "first") is not None
        first = maker.pid
        maker._seconds = 0.05
        assert maker.of_bytes(slow, "slow.png") is None
        maker._seconds = 60
        assert maker.of_bytes(encoded(picture(), "JPEG"), "next") is not None
        assert maker.pid != first
    assert not Path(f"/proc/{first}").exists()


def test_nobody_waits_for_a_picture_when_the_program_ends() -> None:
    good = encoded(picture(), "JPEG")
    maker = Thumbnailer(seconds=3600)
    assert maker.of_bytes(good, "first") is not None
    assert maker.pid is not None
    os.kill(maker.pid, signal.SIGSTOP)  # it never answers
    made: list[bytes | None] = []
    waiting = threading.Thread(target=lambda: made.append(maker.of_bytes(good, "second")))
    waiting.start()
    while not maker._lock.locked():
        time.sleep(0.001)
    maker.close()
    waiting.join()
    assert made == [None]
    assert maker.of_bytes(encoded(picture(), "JPEG"), "late") is None
    assert maker.pid is None


def test_a_process_that_dies_costs_one_picture() -> None:
    with Thumbnailer() as maker:
        maker.of_bytes(encoded(picture(), "JPEG"), "first")
        assert maker.pid is not None
        os.kill(maker.pid, signal.SIGSEGV)
        wait_gone(maker.pid)
        maker.of_bytes(encoded(picture(), "JPEG"), "perhaps lost")
        assert maker.of_bytes(encoded(picture(), "JPEG"), "next") is not None


def test_it_ends_when_nothing_is_asked_and_comes_back_when_something_is() -> None:
    with Thumbnailer(idle_seconds=0.05) as maker:
        assert maker.of_bytes(encoded(picture(), "JPEG"), "first") is not None
        first = maker.pid
        assert first is not None
        wait_gone(first)
        assert maker.of_bytes(encoded(picture(), "JPEG"), "second") is not None
        assert maker.pid != first


def wait_gone(pid: int) -> None:
    ends = time.monotonic() + 60
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_the_process_may_do_little(maker: Thumbnailer) -> None:
    maker.of_bytes(encoded(picture(), "JPEG"), "first")
    pid = maker.pid
    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) >= drawing.NICENESS
    limits = {
        line[:26].strip(): line[26:].split()[0]
        for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
    }
    assert int(limits["Max address space"]) <= drawing.MEMORY_BYTES
    assert limits["Max file size"] == "0"
    assert limits["Max core file size"] == "0"
    assert int(limits["Max cpu time"]) <= drawing.CPU_SECONDS + 60


SEEDS = [
    *(encoded(picture(60, 40), kind) for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")),
    *raws().values(),
]


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 6000),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_in_a_file_it_ends_well(
    maker: Thumbnailer, seed: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    content = bytearray(seed)
    for at, value in changes:
        content[at % len(content)] = value
    made = maker.of_bytes(bytes(content[: max(cut, 12)]), "changed")
    assert made is None or max(opened(made).size) <= EDGE
