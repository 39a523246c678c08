"""Blocks in Snappy's format, by its specification; a real one is in tests/files/test_leveldb.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.snappy import opened


def length(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def literal(content: bytes) -> bytes:
    last = len(content) - 1
    if last < 60:
        return bytes([last << 2]) + content
    width = (last.bit_length() + 7) // 8
    return bytes([(59 + width) << 2]) + last.to_bytes(width, "little") + content


@pytest.mark.parametrize(
    ("copy", "meant"),
    [
        (bytes([0b000_011_01, 3]), b"abcabca"),  # seven bytes, three back
        (bytes([(7 - 1) << 2 | 2, 3, 0]), b"abcabca"),
        (bytes([(7 - 1) << 2 | 3, 3, 0, 0, 0]), b"abcabca"),
        (bytes([(64 - 1) << 2 | 2, 1, 0]), b"c" * 64),
    ],
    ids=["one byte", "two bytes", "four bytes", "one letter over and over"],
)
def test_a_copy_may_reach_into_what_it_makes(copy: bytes, meant: bytes) -> None:
    assert opened(length(3 + len(meant)) + literal(b"abc") + copy) == b"abc" + meant


def test_a_copy_may_reach_far_back() -> None:
    content = bytes(range(256)) * 4
    far = bytes([(3 << 5) | 0b000_000_01 | (4 - 4) << 2, 0xFF])  # 3 * 256 + 255 back

    assert opened(length(len(content) + 4) + literal(content) + far) == content + b"\1\2\3\4"


@given(st.lists(st.binary(min_size=1, max_size=70_000), max_size=4))
def test_literals_of_any_length_come_back(parts: list[bytes]) -> None:
    whole = b"".join(parts)

    assert opened(length(len(whole)) + b"".join(map(literal, parts))) == whole


@given(st.binary(max_size=200))
def test_whatever_stands_there_it_is_opened_or_refused(content: bytes) -> None:
    try:
        opened(content)
    except ValueError:
        return


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"\xff\xff\xff\xff\xff\x0f",
        length(1 << 30) + literal(b"a"),
        length(2) + literal(b"a"),
        length(1) + literal(b"ab"),
        length(4) + literal(b"abcd")[:-1],
        length(5) + literal(b"a") + bytes([0b1, 2]),
        length(5) + literal(b"a") + bytes([0b1, 0]),
        length(5) + literal(b"a") + bytes([0b1]),
    ],
)
def test_what_is_damaged_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"^a packed block"):
        opened(packed)
