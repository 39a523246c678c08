"""Opens blocks in Google's Snappy format, which LevelDB keeps its tables in.

https://github.com/google/snappy/blob/main/format_description.txt
"""

from __future__ import annotations

LONGEST_BYTES = 64 << 20
"""No block of a table comes near; more is damage, or an attack."""


def opened(packed: bytes) -> bytes:
    """What was packed.

    Raises:
        ValueError: It is damaged.
    """
    size_bytes, at = _length(packed)
    out = bytearray()
    try:
        while at < len(packed):
            tag = packed[at]
            at = _literal(packed, at, out) if tag & 3 == 0 else _copy(packed, at, out)
            if len(out) > size_bytes:
                break
    except IndexError:
        raise ValueError("a packed block is cut off") from None
    if len(out) != size_bytes:
        raise ValueError("a packed block has another size than it says")
    return bytes(out)


def _length(packed: bytes) -> tuple[int, int]:
    length = 0
    for at, byte in enumerate(packed[:5]):
        length |= (byte & 0x7F) << (7 * at)
        if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
            if length > LONGEST_BYTES:
                break
            return length, at + 1
    raise ValueError("a packed block says no size that could be")


def _literal(packed: bytes, at: int, out: bytearray) -> int:
    length = packed[at] >> 2
    at += 1
    if length >= 60:  # noqa: PLR2004 - so many bytes more hold the length
        more = length - 59
        length = int.from_bytes(packed[at : at + more], "little")
        at += more
    end = at + length + 1
    if end > len(packed):
        raise IndexError
    out += packed[at:end]
    return end


def _copy(packed: bytes, at: int, out: bytearray) -> int:
    tag = packed[at]
    kind = tag & 3
    width = {1: 1, 2: 2, 3: 4}[kind]
    back = int.from_bytes(packed[at + 1 : at + 1 + width], "little")
    length = (tag >> 2) + 1
    if kind == 1:
        length, back = (tag >> 2 & 7) + 4, back | (tag >> 5) << 8
    if at + 1 + width > len(packed) or not 0 < back <= len(out):
        raise ValueError("a packed block refers to what is not there")
    for _ in range(length // back):
        out += out[-back:]
    rest = length % back
    if rest:
        start = len(out) - back
        out += out[start : start + rest]
    return at + 1 + width
