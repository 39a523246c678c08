"""When a photo or film was taken, by its own word; and whatever it says, nothing breaks."""

from __future__ import annotations

import io
import struct
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from photosync.errors import FileUnreadable
from photosync.files.dates import FROM_1904, _by_pillow, taken_at
from photosync.files.jpeg_dates import NOTHING, date_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

NOON = "2024:07:01 12:00:00"
NOON_UTC = 1_719_835_200


@pytest.fixture(autouse=True)
def _in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def photo(kind: str = "JPEG", **tags: object) -> bytes:
    """A picture with EXIF tags: ``taken``, ``taken_offset``, ``changed``, ``changed_offset``."""
    exif = Image.Exif()
    inner = exif.get_ifd(0x8769)
    if "changed" in tags:
        exif[0x0132] = tags["changed"]
    for name, number in (("taken", 0x9003), ("taken_offset", 0x9011), ("changed_offset", 0x9010)):
        if name in tags:
            inner[number] = tags[name]
    written = io.BytesIO()
    Image.new("RGB", (8, 8)).save(written, kind, exif=exif.tobytes())
    return written.getvalue()


def box(kind: bytes, content: bytes, *, wide: bool = False, last: bool = False) -> bytes:
    if last:
        return struct.pack(">I4s", 0, kind) + content
    if wide:
        return struct.pack(">I4sQ", 1, kind, 16 + len(content)) + content
    return struct.pack(">I4s", 8 + len(content), kind) + content


FTYP = box(b"ftyp", b"isom\0\0\0\0isommp42")


def mvhd(at: int, *, version: int = 0) -> bytes:
    times = struct.pack(">QQ" if version else ">II", at, at)
    return box(b"mvhd", bytes([version, 0, 0, 0]) + times + bytes(80))


def told(content: bytes) -> int | None:
    return taken_at(io.BytesIO(content), "a.jpg")


def test_local_time_is_that_of_the_computer() -> None:
    assert told(photo(taken=NOON)) == NOON_UTC - 2 * 3600


@pytest.mark.parametrize(
    ("offset", "seconds"),
    [("+00:00", 0), ("+05:30", -19_800), ("-03:00", 10_800), ("nonsense", -7200), ("", -7200)],
)
def test_an_offset_counts_if_it_is_one(offset: str, seconds: int) -> None:
    assert told(photo(taken=NOON, taken_offset=offset)) == NOON_UTC + seconds


def test_without_a_time_of_taking_that_of_the_file_counts_with_its_own_offset() -> None:
    assert told(photo(changed=NOON)) == NOON_UTC - 7200
    offsets = {"taken_offset": "+09:00", "changed_offset": "+01:00"}
    assert told(photo(changed=NOON, **offsets)) == NOON_UTC - 3600
    assert told(photo(taken=NOON, changed="2030:01:01 00:00:00")) == NOON_UTC - 7200


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_every_kind_of_picture_is_read(kind: str) -> None:
    assert told(photo(kind, taken=NOON, taken_offset="+00:00")) == NOON_UTC


@pytest.mark.parametrize(
    "text", ["", "0000:00:00 00:00:00", "    :  :     :  :  ", "2024-07-01", "\0", "9" * 400]
)
def test_nonsense_is_no_date(text: str) -> None:
    assert told(photo(taken=text)) is None


def test_a_picture_that_says_nothing_has_no_date() -> None:
    assert told(photo()) is None
    assert told(photo(changed=1719835200)) is None


@pytest.mark.parametrize(
    "content",
    [
        FTYP + box(b"moov", mvhd(NOON_UTC + FROM_1904)),
        FTYP + box(b"moov", mvhd(NOON_UTC + FROM_1904, version=1)),
        FTYP + box(b"mdat", bytes(5000)) + box(b"moov", mvhd(NOON_UTC + FROM_1904)),
        FTYP + box(b"mdat", bytes(50), wide=True) + box(b"moov", mvhd(NOON_UTC + FROM_1904)),
        FTYP + box(b"moov", box(b"iods", b"1234") + mvhd(NOON_UTC + FROM_1904), last=True),
        box(b"wide", b"") + box(b"mdat", b"x") + box(b"moov", mvhd(NOON_UTC + FROM_1904)),
        box(b"moov", mvhd(NOON_UTC + FROM_1904)),
    ],
)
def test_a_film_says_when_it_was_made(content: bytes) -> None:
    assert told(content) == NOON_UTC


@pytest.mark.parametrize(
    "content",
    [
        FTYP + box(b"moov", mvhd(0)),  # cameras without a clock
        FTYP + box(b"moov", mvhd(2**63, version=1)),
        FTYP + box(b"moov", box(b"trak", b"")) + mvhd(NOON_UTC + FROM_1904),  # outside of moov
        FTYP + box(b"mdat", bytes(50), last=True) + box(b"moov", mvhd(NOON_UTC + FROM_1904)),
        FTYP + struct.pack(">I4s", 7, b"moov"),
        FTYP + struct.pack(">I4sQ", 1, b"moov", 3),
        FTYP + struct.pack(">I4sQ", 1, b"mdat", 2**63),
        FTYP + box(b"moov", struct.pack(">I4s", 500, b"mvhd")),
        FTYP + box(b"free", b"") * 5000 + box(b"moov", mvhd(NOON_UTC + FROM_1904)),
        FTYP,
        FTYP[:5],
        b"",
        b"only words",
        photo(taken=NOON)[:40],
        b"II*\0" + b"\xff" * 100,
    ],
)
def test_what_is_broken_or_lies_has_no_date(content: bytes) -> None:
    assert told(content) is None


def test_a_bomb_of_pixels_has_no_date_and_takes_no_memory() -> None:
    chunk = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 13, b"IHDR") + chunk + b"\0\0\0\0"
    assert told(png) is None


VALID = [photo(taken=NOON), photo("TIFF", taken=NOON), FTYP + box(b"moov", mvhd(2**32 - 1))]


@given(st.sampled_from(VALID), st.data())
def test_a_file_that_was_tampered_with_never_breaks_anything(
    content: bytes, data: st.DataObject
) -> None:
    tampered = bytearray(content)
    for _ in range(data.draw(st.integers(1, 8))):
        tampered[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    found = told(bytes(tampered[: data.draw(st.integers(0, len(content)))]))
    assert found is None or -(2**40) < found < 2**40


@given(st.binary(max_size=300))
def test_any_content_gives_a_time_or_none(content: bytes) -> None:
    for one in (content, FTYP + content, b"\xff\xd8\xff\xe1" + content):
        found = told(one)
        assert found is None or isinstance(found, int)


def told_by_pillow(content: bytes) -> int | None:
    try:
        return _by_pillow(io.BytesIO(content))
    except Exception:  # noqa: BLE001 - it raises anything
        return None


def reader(content: bytes, *, segments: bytes = b"") -> io.BytesIO:
    """A JPEG, with more segments before all others."""
    return io.BytesIO(content[:2] + segments + content[2:])


def test_a_plain_jpeg_is_understood_without_pillow() -> None:
    own = photo(taken=NOON, taken_offset="+01:00", changed="2030:01:01 00:00:00")
    assert date_words(reader(own)) == (f"{NOON}\0", "+01:00\0")
    comment = b"\xff\xfe\0\x06four"
    assert date_words(reader(photo(taken=NOON), segments=comment)) == (f"{NOON}\0", None)
    assert date_words(reader(photo())) == NOTHING


def test_what_is_not_plain_is_left_to_pillow() -> None:
    twice = b"\xff\xe1\0\x08Exif\0\0"
    assert date_words(reader(photo(taken=NOON), segments=b"\xff\xff")) is None
    assert date_words(reader(photo(taken=NOON), segments=twice + b"\xff\xd8")) is None
    assert date_words(reader(photo("PNG", taken=NOON))) is None
    assert date_words(io.BytesIO(photo(taken=NOON)[:100])) is None


TAGS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("taken", "taken_offset", "changed", "changed_offset"),
        st.sampled_from([NOON, "2019:01:02 03:04:05", "+09:00", "-03:30", ""])
        | st.text(st.characters(max_codepoint=255), max_size=25)
        | st.integers(0, 2**32 - 1),
    ),
)


@given(TAGS, st.data())
def test_whatever_date_pillow_finds_in_a_jpeg_is_its_date(
    tags: dict[str, Any], data: st.DataObject
) -> None:
    content = photo(**tags)
    assert told(content) == told_by_pillow(content)
    tampered = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        tampered[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    by_pillow = told_by_pillow(bytes(tampered))
    assert by_pillow is None or told(bytes(tampered)) == by_pillow


class Failing(io.BytesIO):
    """A file on a disk that fails."""

    def read(self, size: int | None = -1, /) -> bytes:
        raise FileUnreadable(f"a.jpg cannot be read: {size} bytes.")

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return len(self.read(len(memoryview(buffer))))


class Counted(io.BytesIO):
    """Counts how often the disk is asked."""

    asked = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.asked += 1
        return super().read(size)

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self.asked += 1
        return super().readinto(buffer)


def test_a_damaged_picture_is_not_read_byte_by_byte() -> None:
    file = Counted(b"\xff\xd8\xff\xe0" + bytes(range(1, 255)) * 1000)
    assert taken_at(file, "a.jpg") is None
    assert 0 < file.asked < 60
    assert not file.closed


def test_a_disk_that_fails_is_not_taken_for_a_file_without_a_date() -> None:
    with pytest.raises(FileUnreadable):
        taken_at(Failing(), "a.jpg")
