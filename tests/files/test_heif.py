"""The date in HEIC, HEIF and AVIF pictures, honest and hostile ones."""

from __future__ import annotations

import io
import struct
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from photosync.files.dates import taken_at
from photosync.files.heif import exif_place

TAKEN = int(datetime(2024, 7, 14, 9, 30, 15, tzinfo=UTC).timestamp())
ITEM = 7


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def tiff() -> bytes:
    exif = Image.Exif()
    ifd = exif.get_ifd(0x8769)
    ifd[0x9003], ifd[0x9011] = "2024:07:14 11:30:15", "+02:00"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def infe(number: int, kind: bytes, version: int = 2) -> bytes:
    wide = ">I" if version > 2 else ">H"
    return box(b"infe", bytes([version, 0, 0, 0]) + struct.pack(wide, number) + b"\0\0" + kind)


def iinf(*entries: bytes, version: int = 0) -> bytes:
    count = struct.pack(">I" if version else ">H", len(entries))
    return box(b"iinf", bytes([version, 0, 0, 0]) + count + b"".join(entries))


def iloc(*places: tuple[int, int, int], version: int = 1, method: int = 0, base: int = 0) -> bytes:
    """Items of two extents each, the first of which counts: (number, offset, length)."""
    content = bytes([version, 0, 0, 0, 0x44, 0x40])
    content += struct.pack(">I" if version > 1 else ">H", len(places))
    for number, offset, length in places:
        content += struct.pack(">I" if version > 1 else ">H", number)
        content += struct.pack(">H", method) if version else b""
        content += struct.pack(">HIHIIII", 0, base, 2, offset, length, 1, 1)
    return box(b"iloc", content)


def meta(*boxes: bytes) -> bytes:
    return bytes(4) + box(b"hdlr", bytes(20)) + b"".join(boxes)


def heic(
    *, item_version: int = 2, list_version: int = 0, place_version: int = 1, before: bytes = b""
) -> bytes:
    """A whole file without a picture: ftyp, meta, mdat."""
    payload = struct.pack(">I", len(before)) + before + tiff()
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic")

    def with_offset(offset: int) -> bytes:
        items = iinf(infe(1, b"hvc1"), infe(ITEM, b"Exif", item_version), version=list_version)
        places = iloc((1, 0, 10), (ITEM, offset, len(payload)), version=place_version)
        return head + box(b"meta", meta(items, places))

    return with_offset(len(with_offset(0)) + 8) + box(b"mdat", payload)


def date_of(content: bytes) -> int | None:
    return taken_at(io.BytesIO(content), "a.heic")


@pytest.mark.parametrize("item_version", [2, 3])
@pytest.mark.parametrize("list_version", [0, 1])
@pytest.mark.parametrize("place_version", [0, 1, 2])
@pytest.mark.parametrize("before", [b"", b"Exif\0\0"])
def test_the_date_is_found_in_every_version_of_the_boxes(
    item_version: int, list_version: int, place_version: int, before: bytes
) -> None:
    content = heic(
        item_version=item_version,
        list_version=list_version,
        place_version=place_version,
        before=before,
    )
    assert date_of(content) == TAKEN


def test_an_avif_of_pillow_is_read_without_decoding_it() -> None:
    exif = Image.Exif()
    exif[0x0132] = "2024:07:14 11:30:15"
    written = io.BytesIO()
    Image.new("RGB", (16, 16), "red").save(written, "AVIF", exif=exif)

    local = datetime(2024, 7, 14, 11, 30, 15).astimezone(UTC)
    assert date_of(written.getvalue()) == int(local.timestamp())


def test_a_base_is_added_to_the_offset() -> None:
    content = meta(iinf(infe(ITEM, b"Exif")), iloc((ITEM, 30, 40), base=1000))
    assert exif_place(content) == (1030, 40)


@pytest.mark.parametrize(
    "content",
    [
        meta(),
        meta(iinf(infe(ITEM, b"Exif"))),
        meta(iloc((ITEM, 1, 2))),
        meta(iinf(), iloc((ITEM, 1, 2))),
        meta(iinf(infe(ITEM, b"mime")), iloc((ITEM, 1, 2))),
        meta(iinf(box(b"free", bytes(20))), iloc((ITEM, 1, 2))),
        meta(iinf(infe(ITEM, b"Exif")), iloc((1, 1, 2))),
        meta(iinf(infe(ITEM, b"Exif")), iloc((ITEM, 1, 2), method=1)),
        b"",
    ],
)
def test_without_an_item_and_its_place_there_is_no_exif(content: bytes) -> None:
    assert exif_place(content) is None


def test_a_picture_without_exif_has_no_date() -> None:
    assert date_of(box(b"ftyp", b"heic\0\0\0\0") + box(b"meta", meta())) is None
    assert date_of(box(b"ftyp", b"heic\0\0\0\0") + box(b"mdat", bytes(30))) is None


def test_boxes_that_end_too_early_are_an_error_that_stays_inside() -> None:
    content = meta(iinf(infe(ITEM, b"Exif")), box(b"iloc", b"\1\0\0\0\x44\x40\xff\xff"))
    with pytest.raises(ValueError, match="ends too early"):
        exif_place(content)
    assert date_of(box(b"ftyp", b"heic\0\0\0\0") + box(b"meta", content)) is None


def test_a_list_of_nothing_but_lies_ends_soon() -> None:
    hostile = bytes([2, 0, 0, 0, 0, 0]) + b"\xff" * 4 + bytes(1 << 20)
    began = time.monotonic()
    with pytest.raises(ValueError, match="ends too early"):
        exif_place(meta(iinf(infe(ITEM, b"Exif")), box(b"iloc", hostile)))
    assert time.monotonic() - began < 30


@given(st.binary(max_size=300))
def test_any_meta_box_gives_a_place_or_an_error_of_its_own(content: bytes) -> None:
    try:
        place = exif_place(content)
    except ValueError:
        return
    assert place is None or len(place) == 2


@given(st.integers(0, len(heic()) - 1), st.binary(min_size=1, max_size=8))
def test_a_damaged_picture_gives_a_date_or_none(at: int, damage: bytes) -> None:
    content = heic()
    found = date_of(content[:at] + damage + content[at + len(damage) :])
    assert found is None or isinstance(found, int)


@given(st.integers(0, len(heic()) - 1))
def test_a_picture_that_is_cut_off_gives_a_date_or_none(at: int) -> None:
    assert date_of(heic()[:at]) in (None, TAKEN)


def test_a_picture_of_more_pixels_than_pillow_likes_has_its_date_read() -> None:
    """200 megapixels (16320 x 12240) are what phones take; Pillow's own limit is 179."""
    exif = Image.Exif()
    exif[0x0132] = "2024:07:14 11:30:15"
    written = io.BytesIO()
    Image.new("1", (16, 16)).save(written, "JPEG", exif=exif)
    small = written.getvalue()
    frame = small.index(b"\xff\xc0") + 5
    huge = small[:frame] + struct.pack(">HH", 65_000, 65_000) + small[frame + 4 :]

    assert date_of(huge) == date_of(small) is not None


def test_no_picture_is_decoded_for_its_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """A PNG of 100 bytes may stand for gigabytes of pixels."""
    exif = Image.Exif()
    exif[0x0132] = "2024:07:14 11:30:15"
    dated, plain = io.BytesIO(), io.BytesIO()
    Image.new("1", (16, 16)).save(dated, "PNG", exif=exif)
    Image.new("1", (16, 16)).save(plain, "PNG")
    decoded: list[str] = []
    monkeypatch.setattr(PngImageFile, "load", lambda image: decoded.append(image.format))

    assert date_of(dated.getvalue()) is not None
    assert date_of(plain.getvalue()) is None
    assert decoded == []
