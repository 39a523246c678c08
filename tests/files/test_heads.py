"""How little of a file shows a picture of it, honest and hostile ones."""

from __future__ import annotations

import functools
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from photosync.files.heads import FIRST_BYTES, MOST_BYTES, wanted_bytes
from photosync.files.heif import thumbnail_alone, thumbnail_in
from photosync.files.thumbnails import Thumbnailer
from tests.files.pictures import heic_with_thumbnail

if TYPE_CHECKING:
    from collections.abc import Iterator


@functools.cache
def phones_heic() -> bytes:
    return heic_with_thumbnail(width=1600, height=1200)


@pytest.fixture(scope="module")
def maker() -> Iterator[Thumbnailer]:
    with Thumbnailer() as made:
        yield made


def noise(kind: str, width: int, height: int) -> bytes:
    out = BytesIO()
    Image.effect_noise((width, height), 90).convert("RGB").save(out, kind)
    return out.getvalue()


def test_a_heic_is_shown_by_the_thumbnail_at_its_beginning(maker: Thumbnailer) -> None:
    assert len(phones_heic()) > 8 * FIRST_BYTES
    wanted = wanted_bytes(phones_heic()[:FIRST_BYTES], len(phones_heic()))
    assert 1000 < wanted < FIRST_BYTES
    for head in (phones_heic()[:wanted], phones_heic()[:FIRST_BYTES]):
        made = maker.of_bytes(head, "a.heic")
        assert made is not None
        image = Image.open(BytesIO(made)).convert("RGB")
        assert image.size == (320, 240)
        red, green, blue = image.getpixel((40, 120))  # type: ignore[misc]  # of RGB
        assert red > 180
        assert max(green, blue) < 90
    assert maker.of_bytes(phones_heic()[: wanted - 1], "a.heic") is None


def test_a_whole_heic_is_shown_by_itself(maker: Thumbnailer) -> None:
    assert thumbnail_alone(phones_heic()) is None
    made = maker.of_bytes(phones_heic(), "a.heic")
    assert made is not None
    assert Image.open(BytesIO(made)).size == (320, 240)


def test_a_heic_without_a_thumbnail_is_fetched_if_it_is_small() -> None:
    from tests.files.pictures import heic

    small = heic(width=800, height=600)
    assert wanted_bytes(small[:FIRST_BYTES], len(small)) == len(small)
    assert wanted_bytes(small[:FIRST_BYTES], MOST_BYTES + 1) == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_what_has_no_thumbnail_is_fetched_if_it_is_small(kind: str) -> None:
    content = noise(kind, 900, 700)
    assert wanted_bytes(content[:FIRST_BYTES], len(content)) == len(content)
    assert wanted_bytes(content[:FIRST_BYTES], MOST_BYTES) == MOST_BYTES
    assert wanted_bytes(content[:FIRST_BYTES], MOST_BYTES + 1) == 0


def test_a_jpeg_with_a_thumbnail_needs_nothing_more() -> None:
    from tests.journeys.test_web import photo_with_thumbnail

    content = photo_with_thumbnail()
    assert wanted_bytes(content[:FIRST_BYTES], len(content)) == FIRST_BYTES


def test_nothing_is_fetched_of_a_film_and_of_nonsense() -> None:
    film = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(FIRST_BYTES)
    assert wanted_bytes(film, 10**6) == 0
    assert wanted_bytes(b"hello" * 9999, 10**6) == 0
    assert wanted_bytes(b"", 0) == 0


@given(
    at=st.integers(0, 700), damage=st.binary(min_size=1, max_size=12), cut=st.integers(0, 70_000)
)
@settings(max_examples=300, deadline=None)
def test_whatever_a_beginning_says_it_stays_within_bounds(at: int, damage: bytes, cut: int) -> None:
    head = bytearray(phones_heic()[:FIRST_BYTES])
    head[at : at + len(damage)] = damage
    content = bytes(head[: FIRST_BYTES - cut])
    assert 0 <= wanted_bytes(content, len(phones_heic())) <= MOST_BYTES
    for look in (thumbnail_in, thumbnail_alone):
        with suppress(ValueError):
            look(content)


def test_a_file_that_claims_to_be_huge_takes_no_memory() -> None:
    head = bytearray(phones_heic()[:FIRST_BYTES])
    place = head.index(b"mdat") - 4
    head[place : place + 4] = (0x7FFFFFFF).to_bytes(4, "big")
    assert thumbnail_alone(bytes(head)) is None


def box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


@pytest.mark.parametrize("empty", [b"pitm", b"iref"])
def test_a_box_with_nothing_in_it_ends_too_early(empty: bytes) -> None:
    kinds = sorted((b"pitm", b"iref", b"iloc"), key=lambda kind: kind == empty)
    boxes = b"".join(box(kind, b"" if kind == empty else bytes(8)) for kind in kinds)
    head = box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"meta", bytes(4) + boxes)
    with pytest.raises(ValueError, match="too early"):
        thumbnail_in(head)
    assert wanted_bytes(head, 1000) == 1000, "fetched whole, since it is small"
