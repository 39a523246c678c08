"""adb's sync service on one connection: list, stat, pull, push; requests sent ahead.

Why not adbutils' own: it fails on large folders, cuts sizes at 32 bits, loses names that are not
UTF-8, and takes 26 to 51 ms for each file (phone.md §0 and §2). One connection with eight
requests under way gets 90 % of a USB 2 link (phone.md §3).
"""

from __future__ import annotations

import errno
import os
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from photosync.device import wire
from photosync.domain.media import readable
from photosync.errors import (
    FileUnreadable,
    FileVanished,
    PhoneFull,
    PhoneGarbled,
    PhoneGone,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from photosync.device.stream import Stream

AHEAD = 8
"""Requests under way at once."""

BLOCK_BYTES = 256 * 1024
"""Handed on at once: whoever hashes and writes does so a quarter as often as the phone sends."""

NO_ROOM = (b"No space left on device", b"Quota exceeded")
"""Android's own words for ENOSPC and EDQUOT (bionic_errdefs.h)."""

NO_SUCH = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which versions of the requests the phone knows (host-serial:S:features)."""

    stat: int
    list: int

    @classmethod
    def of(cls, features: frozenset[str]) -> Self:
        """The newest that ``features`` allow."""
        return cls(2 if "stat_v2" in features else 1, 2 if "ls_v2" in features else 1)


class Target(Protocol):
    """Where a pulled file goes."""

    def write(self, block: memoryview, /) -> object:
        """The next bytes; the view is used again afterwards."""


class Sync:
    """One sync connection; not for two threads at once.

    After any error but ``FileVanished`` of a ``stat`` it is of no more use: close it, open another.
    """

    def __init__(self, stream: Stream, dialect: Dialect) -> None:
        self._stream = stream
        self._dialect = dialect
        self._block = memoryview(bytearray(BLOCK_BYTES))
        self._under_way = 0
        self._amidst = False
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def usable(self) -> bool:
        """Whether something else may be asked on this connection."""
        return not (self._closed or self._amidst or self._under_way)

    @property
    def wraps_sizes(self) -> bool:
        """Whether listings tell sizes modulo 4 GiB, while ``stat`` tells them exactly."""
        return self._dialect.list == 1 and self._dialect.stat == 2  # noqa: PLR2004 - a version

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._stream.close()

    def interrupt(self) -> None:
        """Make a call that runs in another thread end with PhoneGone."""
        self._stream.interrupt()

    def stat(self, path: bytes) -> wire.Stat:
        """What lies at ``path``; ``errno`` says why if it cannot be told.

        Raises:
            PhoneGone, PhoneStalled, PhoneGarbled.
        """
        return next(self.stats([path]))

    def stats(self, paths: Iterable[bytes]) -> Iterator[wire.Stat]:
        """The same for many, in order, at a fraction of the time."""
        kind, size = (b"STA2", 72) if self._dialect.stat == 2 else (b"STAT", 16)  # noqa: PLR2004
        for _ in self._sent_ahead(kind, paths):
            found = wire.stat_answer(self._stream.read(size), version=self._dialect.stat)
            self._answered()
            if self._dialect.list == 1:  # it has to be the time that a listing says
                found = found._replace(mtime=wire.signed32(found.mtime))
            yield found

    def lists(self, folders: Iterable[bytes]) -> Iterator[Iterator[wire.Named]]:
        """What each folder holds, without "." and "..", in order.

        One that cannot be listed is empty here: ask ``stat`` first (phone.md §0.6). ``folders``
        is read a few steps ahead. Each listing has to be read to its end before the next.
        """
        kind = b"LIS2" if self._dialect.list == 2 else b"LIST"  # noqa: PLR2004
        for _ in self._sent_ahead(kind, folders):
            yield self._listing()

    def _listing(self) -> Iterator[wire.Named]:
        version, read = self._dialect.list, self._stream.read
        size = 76 if version == 2 else 20  # noqa: PLR2004
        while True:
            found = wire.dent(read(size), version=version)
            if found is None:
                self._answered()
                return
            stat, length = found
            name = read(length)
            if name in (b".", b".."):
                continue
            yield wire.Named(name, stat)

    def pull(self, path: bytes, target: Target) -> int:
        """Copy a file; how many bytes came.

        Fewer than its size is no error of the protocol's: the file may have shrunk.

        Raises:
            FileVanished, FileUnreadable: The phone refused; open another connection.
            PhoneGone, PhoneStalled, PhoneGarbled.
        """
        return next(self.pulls([(path, target)]))

    def pulls(self, files: Iterable[tuple[bytes, Target]]) -> Iterator[int]:
        """The same for many, in order.

        Raises:
            FileVanished, FileUnreadable: About the file whose turn it is. All later requests are
                lost with the connection.
        """
        targets: deque[tuple[bytes, Target]] = deque()

        def paths() -> Iterator[bytes]:
            for path, target in files:
                targets.append((path, target))
                yield path

        for _ in self._sent_ahead(b"RECV", paths()):
            received_bytes = self._receive(*targets.popleft())
            self._answered()
            yield received_bytes

    def _receive(self, path: bytes, target: Target) -> int:
        gathered = _Gathered(self._block, target)
        try:
            self._gather(path, gathered)
        finally:
            gathered.hand_on()  # what came before the phone went away is good
        return gathered.size_bytes

    def _gather(self, path: bytes, gathered: _Gathered) -> None:
        while True:
            kind, number = wire.header(self._stream.read(8))
            if kind == b"DATA" and number <= wire.DATA_BYTES:
                self._stream.read_into(gathered.room(number))
                gathered.add(number)
            elif kind == b"DONE":
                return
            elif kind == b"FAIL":
                raise refusal(path, self._text(number))
            else:
                raise PhoneGarbled(f"The phone sent {kind!r} ({number}) in the middle of a file.")

    def push(self, path: bytes, blocks: Iterable[bytes], *, mtime: int, mode: int = 0o644) -> None:
        """Write a file on the phone; whatever lay there is gone the moment it begins.

        Folders above it are made by the phone (phone.md §10.8).

        Raises:
            PhoneFull: No room; the phone has removed what was written.
            FileUnreadable: The phone refused.
            PhoneGone, PhoneStalled, PhoneGarbled.
        """
        self._amidst = True
        try:
            self._stream.send(wire.send_request(path, 0o100000 | mode))
            for block in blocks:
                view = memoryview(block)
                for at in range(0, len(view), wire.DATA_BYTES):
                    piece = view[at : at + wire.DATA_BYTES]
                    self._stream.send(wire.data(piece), piece)
            self._stream.send(wire.done(mtime))
        except PhoneGone:
            self._explain_refusal(path)
            raise
        self._pushed(path)

    def _explain_refusal(self, path: bytes) -> None:
        """The phone says why before it hangs up, if it does: look for that."""
        self._stream.wait_at_most(1.0)
        self._pushed(path)

    def _pushed(self, path: bytes) -> None:
        kind, number = wire.header(self._stream.read(8))
        if kind == b"OKAY":
            self._amidst = False
            return
        if kind != b"FAIL":
            raise PhoneGarbled(f"The phone answered {kind!r} after a push.")
        text = self._text(number)
        if text.rstrip().endswith(NO_ROOM):
            raise PhoneFull(f"There is no room on the phone for {shown(path)}.")
        raise FileUnreadable(f"The phone cannot write {shown(path)}: {said(text)}.", hint="")

    def _sent_ahead(self, kind: bytes, paths: Iterable[bytes]) -> Iterator[None]:
        """Send the requests, a few of them ahead; one turn for each answer that is due."""
        more = iter(paths)
        exhausted = False
        while True:
            requests = []
            while not exhausted and self._under_way < AHEAD:
                path = next(more, None)
                exhausted = path is None
                if path is not None:
                    requests.append(wire.request(kind, path))
                    self._under_way += 1
            if requests:
                self._stream.send(*requests)
            if not self._under_way:
                return
            self._amidst = True  # whoever leaves now leaves an answer half read
            yield
            if self._amidst:
                text = "an answer was not read to its end before the next"
                raise RuntimeError(text)

    def _answered(self) -> None:
        self._amidst = False
        self._under_way -= 1

    def _text(self, size: int) -> bytes:
        if size > wire.LONGEST_TEXT:
            raise PhoneGarbled(f"The phone sent an error of {size:,} bytes.")
        return self._stream.read(size)


class _Gathered:
    """Gathers what a phone sends of a file in small pieces, and hands it on in large blocks."""

    def __init__(self, block: memoryview, target: Target) -> None:
        self._block = block
        self._target = target
        self._filled = 0
        self.size_bytes = 0

    def room(self, size: int) -> memoryview:
        """Where the next piece goes."""
        if self._filled + size > len(self._block):
            self.hand_on()
        return self._block[self._filled : self._filled + size]

    def add(self, size: int) -> None:
        """It is there."""
        self._filled += size
        self.size_bytes += size

    def hand_on(self) -> None:
        """All that is there, to the target."""
        filled, self._filled = self._filled, 0
        if filled:
            self._target.write(self._block[:filled])


def refusal(path: bytes, text: bytes) -> FileVanished | FileUnreadable:
    """What adbd's or a shell's words about a file mean.

    They end with the system's own; before these stands the file's name, which may say anything.
    """
    if text.rstrip().endswith(tuple(os.strerror(number).encode() for number in NO_SUCH)):
        return FileVanished(f"{shown(path)} is not on the phone any more.")
    return FileUnreadable(f"The phone cannot read {shown(path)}: {said(text)}.")


def why_not(path: bytes, number: int) -> FileVanished | FileUnreadable:
    """The same for the number that a ``Stat`` brings."""
    return refusal(path, os.strerror(number).encode())


def shown(path: bytes) -> str:
    """A phone's path for people."""
    return readable(os.fsdecode(path))


def said(text: bytes) -> str:
    """What the phone said, without its trailing dot."""
    return readable(text.decode("utf-8", "replace")).strip().rstrip(".")[:300]
