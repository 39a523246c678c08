"""xxHash32, as gphotos-uploader-cli computes it of whole files.

The format: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md. Its four lanes stand
side by side in one large number, 64 bits apart, so that one step of Python's arithmetic serves all.
"""

from __future__ import annotations

import sys
from array import array

PRIMES = (2654435761, 2246822519, 3266489917, 668265263, 374761393)
MASK = 0xFFFFFFFF
LANES = sum(MASK << (64 * lane) for lane in range(4))
STRIPE_BYTES = 16


class XxHash32:
    """Fed block by block."""

    def __init__(self, seed: int = 0) -> None:
        first, second, *_ = PRIMES
        starts = (seed + first + second, seed + second, seed, seed - first)
        self._lanes = sum((one & MASK) << (64 * lane) for lane, one in enumerate(starts))
        self._seed = seed
        self._rest = b""
        self._size_bytes = 0

    def update(self, block: bytes) -> None:
        """The next bytes."""
        self._size_bytes += len(block)
        block = self._rest + block
        whole = len(block) // STRIPE_BYTES * STRIPE_BYTES
        self._rest = block[whole:]
        self._stripes(block[:whole])

    def _stripes(self, block: bytes) -> None:
        count = len(block) // 4
        wide = int.from_bytes(_apart(block), "little") * PRIMES[1]
        steps = wide.to_bytes(count * 8 + 8, "little")
        lanes, first, number = self._lanes, PRIMES[0], int.from_bytes
        for at in range(0, count * 8, 32):
            lanes = (lanes + number(steps[at : at + 32], "little")) & LANES
            lanes = ((lanes << 13) | (lanes >> 19)) & LANES
            lanes = (lanes * first) & LANES
        self._lanes = lanes

    def digest(self) -> int:
        """The hash of all bytes so far."""
        first, second, third, fourth, fifth = PRIMES
        found = self._seed + fifth
        if self._size_bytes >= STRIPE_BYTES:
            turns = enumerate((1, 7, 12, 18))
            found = sum(_turned(self._lanes >> (64 * lane) & MASK, by) for lane, by in turns)
        found = (found + self._size_bytes) & MASK
        rest = self._rest
        whole = len(rest) // 4 * 4
        for at in range(0, whole, 4):
            word = int.from_bytes(rest[at : at + 4], "little")
            found = _turned((found + word * third) & MASK, 17) * fourth & MASK
        for byte in rest[whole:]:
            found = _turned((found + byte * fifth) & MASK, 11) * first & MASK
        found = (found ^ found >> 15) * second & MASK
        found = (found ^ found >> 13) * third & MASK
        return found ^ found >> 16


def _apart(block: bytes) -> bytes:
    """Its words of four bytes, each in eight, the lowest first."""
    words = array("I", block)
    if sys.byteorder == "big":
        words.byteswap()
    apart = array("Q", words)
    if sys.byteorder == "big":
        apart.byteswap()
    return apart.tobytes()


def _turned(value: int, by: int) -> int:
    return (value << by | value >> (32 - by)) & MASK
