"""The wire format of adb's sync and shell services: values to bytes and back, no socket.

Source: AOSP, packages/modules/adb, ``file_sync_protocol.h`` and ``shell_protocol.h``. All numbers
are little-endian. Paths and names are bytes: a phone's names need not be UTF-8.
"""

from __future__ import annotations

import stat
import struct
from typing import NamedTuple

from photosync.errors import PhoneGarbled

LONGEST_PATH = 1024  # adbd refuses longer ones
LONGEST_NAME = 4096
"""Bytes. No file system has longer names; more is no name but a broken stream."""

LONGEST_TEXT = 1 << 16
LARGEST_ERRNO = 2**31 - 1
LARGEST_SIZE = 1 << 42
"""Bytes. No phone holds 4 TiB, and the sizes of a million such files still add up in 64 bits."""

EARLIEST, LATEST = -(2**31), (2**63 - 1) // 10**9
"""Seconds: 1901, before which no file system of Android's has times, and 2262, until which
nanoseconds fit into 64 bits."""

DATA_BYTES = 64 * 1024
"""The largest piece of a file in one packet (SYNC_DATA_MAX)."""

HEADER = struct.Struct("<4sI")
STAT1 = struct.Struct("<4sIII")
STAT2 = struct.Struct("<4sIQQIIIIQqqq")
DENT1 = struct.Struct("<4sIIII")
DENT2 = struct.Struct("<4sIQQIIIIQqqqI")
SHELL = struct.Struct("<BI")

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)


class Stat(NamedTuple):
    """What a phone says of a path. ``errno``: why it says nothing, 0 if it does.

    ``size_bytes`` is exact with the second version of the protocol; the first knows only 32 bits.
    """

    errno: int
    mode: int
    size_bytes: int
    mtime: int
    inode: int = 0

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.errno == 0 and stat.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, and no link to one."""
        return self.errno == 0 and stat.S_ISDIR(self.mode)


class Named(NamedTuple):
    """One name in a folder."""

    name: bytes
    stat: Stat


def request(kind: bytes, path: bytes) -> bytes:
    """One request about ``path``.

    Raises:
        ValueError: No path of that kind can be asked for.
    """
    if len(kind) != 4 or b"\0" in path or not 0 < len(path) <= LONGEST_PATH:  # noqa: PLR2004
        text = f"a phone cannot be asked for this path of {len(path)} bytes"
        raise ValueError(text)
    return HEADER.pack(kind, len(path)) + path


def send_request(path: bytes, mode: int) -> bytes:
    """The request that begins a push: adbd takes what follows the last comma as the mode."""
    request(b"SEND", path)
    target = path + b",%d" % mode
    return HEADER.pack(b"SEND", len(target)) + target


def data(block: bytes | memoryview) -> bytes:
    """The header of a packet with ``block``, at most ``DATA_BYTES``."""
    return HEADER.pack(b"DATA", len(block))


def done(mtime: int) -> bytes:
    """The end of a push; ``mtime`` in seconds UTC, as far as 32 bits can say it."""
    return HEADER.pack(b"DONE", min(max(mtime, 0), 0xFFFF_FFFF))


def header(raw: bytes) -> tuple[bytes, int]:
    """(kind, number) of the 8 bytes that begin most answers."""
    kind, number = HEADER.unpack(raw)
    return kind, number


def stat_answer(raw: bytes, *, version: int) -> Stat:
    """An answer to STA2 (72 bytes) or STAT (16 bytes).

    Raises:
        PhoneGarbled: It is none.
    """
    if version == 1:
        kind, mode, size_bytes, mtime = STAT1.unpack(raw)
        _expect(kind, b"STAT")
        errno = 0 if mode else 2  # all zeros: there is no such file
        return Stat(errno, mode, size_bytes, signed32(mtime))
    kind, errno, _dev, inode, mode, _n, _uid, _gid, size_bytes, _a, mtime, _c = STAT2.unpack(raw)
    _expect(kind, b"STA2")
    return _bounded(errno, mode, size_bytes, mtime, inode)


def dent(raw: bytes, *, version: int) -> tuple[Stat, int] | None:
    """(what it is, length of the name that follows) of one line of a listing; None at its end.

    ``raw`` is 76 bytes of LIS2 or 20 of LIST.

    Raises:
        PhoneGarbled: It is neither.
    """
    if version == 1:
        kind, mode, size_bytes, mtime, length = DENT1.unpack(raw)
        found = Stat(0, mode, size_bytes, signed32(mtime))
    else:
        kind, errno, _dev, inode, mode, _n, _u, _g, size_bytes, _a, mtime, _c, length = (
            DENT2.unpack(raw)
        )
        found = _bounded(errno, mode, size_bytes, mtime, inode)
    if kind == b"DONE":
        return None
    _expect(kind, b"DENT" if version == 1 else b"DNT2")
    if not 0 < length <= LONGEST_NAME:
        raise PhoneGarbled(f"The phone listed a name of {length:,} bytes.")
    return found, length


def _bounded(errno: int, mode: int, size_bytes: int, mtime: int, inode: int) -> Stat:
    """Only a phone gone mad says more than the numbers that the system and SQLite can hold."""
    return Stat(
        min(errno, LARGEST_ERRNO),
        mode,
        min(size_bytes, LARGEST_SIZE),
        min(max(mtime, EARLIEST), LATEST),
        inode,
    )


def signed32(seconds: int) -> int:
    """The lower 32 bits of a time, as the old protocol has it: 1901 to 2038."""
    return (seconds + 2**31) % 2**32 - 2**31


def _expect(kind: bytes, expected: bytes) -> None:
    if kind != expected:
        raise PhoneGarbled(f"The phone answered {kind!r} where {expected!r} was due.")


def shell_packet(kind: int, content: bytes = b"") -> bytes:
    """One packet to a command that runs on the phone."""
    return SHELL.pack(kind, len(content)) + content


def quoted(word: bytes) -> bytes:
    """``word`` for the phone's shell, so that it is one word whatever it holds.

    Raises:
        ValueError: It holds a NUL, which no word can.
    """
    if b"\0" in word:
        text = "a word for the phone's shell cannot hold a NUL"
        raise ValueError(text)
    return b"'" + word.replace(b"'", b"'\\''") + b"'"
