"""What gphotos-uploader-cli keeps, by its own code, and the hash that it computes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.other_programs import SEED, Tracked, tracked
from photosync.domain.xxhash32 import XxHash32

# by the xxhash package of PyPI, 4.1.0: xxh32(content, seed=0xCAFE)
KNOWN = {
    0: 2209994115,
    1: 640186904,
    3: 4277146908,
    15: 366615166,
    16: 3041166286,
    17: 3291583413,
    31: 2906251326,
    100: 1725527734,
    65536: 3332138903,
    100003: 2429883575,
}


def content_of(size: int) -> bytes:
    return bytes((one * 7 + one // 251) % 256 for one in range(size))


@pytest.mark.parametrize("size", KNOWN)
def test_the_hash_is_the_one_that_everybody_computes(size: int) -> None:
    hashed = XxHash32(SEED)
    hashed.update(content_of(size))

    assert hashed.digest() == KNOWN[size]


@given(st.lists(st.binary(max_size=70), max_size=20))
def test_however_it_is_fed(parts: list[bytes]) -> None:
    at_once, by_piece = XxHash32(SEED), XxHash32(SEED)
    at_once.update(b"".join(parts))
    for part in parts:
        by_piece.update(part)

    assert by_piece.digest() == at_once.digest()


@pytest.mark.parametrize(
    "value",
    [b"4242", b"1600000000|4242", b"1700000000000000000|4242", b"x|4242"],
    ids=["2.x and 3.0", "until 1.x", "since 3.2", "an odd one of its tests"],
)
def test_every_version_ends_with_the_hash(value: bytes) -> None:
    assert tracked(b"/home/\xfc.jpg", value) == Tracked("/home/\udcfc.jpg", 4242)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"\x01\x02\x03\x04", b""),  # before 0.3
        (b"relative.jpg", b"1"),
        (b"/a.jpg", b""),
        (b"/a.jpg", b"1600000000|"),
        (b"/a.jpg", b"-1"),
        (b"/a.jpg", b"9" * 5000),
        (b"/a\0.jpg", b"1"),
    ],
)
def test_what_names_no_file_and_version_is_left(key: bytes, value: bytes) -> None:
    assert tracked(key, value) is None
