"""A phone that can be used: list it, pull from it, look at beginnings of files."""

from __future__ import annotations

import errno
import logging
import secrets
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from photosync.device import shell, storage, wire
from photosync.device.listing import NANOSECONDS, WRAPPED_BYTES, Walk, tops_of
from photosync.device.sync import Sync, refusal, shown, why_not
from photosync.errors import (
    FileReplaced,
    FileTooLarge,
    FileUnreadable,
    ItemError,
    ItemGone,
    PhoneGarbled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from photosync.device.identity import Identity
    from photosync.device.server import AdbServer
    from photosync.device.stream import Stream
    from photosync.device.sync import Target
    from photosync.domain.media import Entry
    from photosync.domain.selection import Selection

log = logging.getLogger(__name__)

MOST_IDLE = 4
"""Connections kept open for the next call: one for each who copies, and one for looks."""

HEAD_BYTES = 64 * 1024
HEADS_AT_ONCE = 40
"""So many names fit into one command even if each has a thousand bytes."""

BLOCK_BYTES = 64 * 1024
"""Where a broken-off pull goes on is a multiple of this: any ``dd`` can skip blocks."""

NOT_FOUND = 127  # the shell's exit status for a command that is not there
HASH_SECONDS = 3600.0
HEX_SHA256 = 64


class Phone:
    """A phone under the name ``transport`` that adb has for it; for many threads at once.

    Every method raises PhoneGone, PhoneStalled or PhoneNotReady when the phone is not there (any
    more), and PhoneGarbled when it answers nonsense.
    """

    def __init__(self, server: AdbServer, transport: str, identity: Identity) -> None:
        self._server = server
        self.transport = transport
        self.identity = identity
        self._idle: deque[Sync] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def another(self) -> Phone:
        """The same phone with connections of its own."""
        return Phone(self._server, self.transport, self.identity)

    def close(self) -> None:
        """Hang up."""
        while (idle := self._kept()) is not None:
            idle.close()

    def _kept(self) -> Sync | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    @contextmanager
    def sync(self) -> Iterator[Sync]:
        """A sync connection of the caller's alone, kept for the next call if it is of use then."""
        sync = self._kept()
        if sync is None:
            stream = self._server.open(self.transport, b"sync:")
            sync = Sync(stream, self.identity.dialect)
        try:
            yield sync
        finally:
            if sync.usable and len(self._idle) < MOST_IDLE:
                self._idle.append(sync)
            else:
                sync.close()

    def command(self, line: bytes) -> Stream:
        """Start a line of shell; read it with ``shell.packets``. Closing it ends the command."""
        return self._server.open(self.transport, b"shell,v2,raw:" + line)

    def run(self, line: bytes, *, seconds: float = 60.0) -> shell.Answer:
        """Run a line of shell; every name in it has to come out of ``wire.quoted``."""
        return shell.run(self._server, self.transport, line, seconds=seconds)

    def tops(self) -> list[str]:
        """The storages: "" for the internal one, then the SD cards."""
        with self.sync() as sync:
            return tops_of(sync)

    @contextmanager
    def walk(
        self,
        selection: Selection,
        *,
        leave_out: frozenset[str] = frozenset(),
        shallow: frozenset[str] = frozenset(),
    ) -> Iterator[Walk]:
        """A walk through folders of the phone; see ``Walk``."""
        with self.sync() as sync:
            yield Walk(sync, selection=selection, leave_out=leave_out, shallow=shallow)

    def check(self, entry: Entry) -> None:
        """See to it that the file is the version that was listed.

        Raises:
            FileVanished, FileReplaced, FileUnreadable: It is not.
        """
        path = storage.absolute(entry.path)
        with self.sync() as sync:
            difference = _difference(entry, path, sync.stat(path))
        if difference is not None:
            raise difference

    def pull(self, entry: Entry, target: Target, *, have_bytes: int = 0) -> None:
        """Copy that very version of a file, from ``have_bytes`` on.

        ``have_bytes`` has to be a multiple of ``BLOCK_BYTES``. What was written to ``target``
        before the phone went away is good.

        Raises:
            FileVanished, FileReplaced, FileUnreadable: It cannot be had (any more).
        """
        self.check(entry)
        path = storage.absolute(entry.path)
        measured = self._measured(entry, target, have_bytes)
        if have_bytes:
            received_bytes = self._rest(path, measured, have_bytes)
        else:
            with self.sync() as sync:
                received_bytes = sync.pull(path, measured)
        self.check(entry)
        _complete(entry, path, have_bytes + received_bytes)

    def pull_all(self, files: Sequence[tuple[Entry, Target]]) -> list[ItemError | ItemGone | None]:
        """Copy many small files with requests sent ahead; what went wrong with each, or None."""
        paths = [storage.absolute(entry.path) for entry, _ in files]
        measured = [self._measured(entry, target) for entry, target in files]
        wrong = self._differences(files, paths)
        waiting = [index for index, error in enumerate(wrong) if error is None]
        while waiting:
            with self.sync() as sync:
                row = tuple(waiting)
                pulled = sync.pulls((paths[index], measured[index]) for index in row)
                try:
                    for index, received_bytes in zip(row, pulled, strict=True):
                        waiting.remove(index)
                        wrong[index] = _too_short(files[index][0], paths[index], received_bytes)
                except (ItemError, ItemGone) as error:  # the connection is over, the rest is not
                    wrong[waiting.pop(0)] = error
        after = self._differences(files, paths)
        return [before or now for before, now in zip(wrong, after, strict=True)]

    def _measured(self, entry: Entry, target: Target, have_bytes: int = 0) -> _Measured:
        """``target``, for no more than the file has by its listing: else it would fill the disk."""
        wraps_sizes = self.identity.dialect.stat == 1
        return _Measured(entry, target, entry.size_bytes - have_bytes, wraps_sizes=wraps_sizes)

    def _differences(
        self, files: Sequence[tuple[Entry, Target]], paths: Sequence[bytes]
    ) -> list[ItemError | ItemGone | None]:
        with self.sync() as sync:
            stats = list(sync.stats(paths))
        return [
            _difference(entry, path, stat)
            for (entry, _), path, stat in zip(files, paths, stats, strict=True)
        ]

    def _rest(self, path: bytes, target: Target, have_bytes: int) -> int:
        """The file from ``have_bytes`` on; how many bytes came (phone.md §6)."""
        blocks = b"%d" % (have_bytes // BLOCK_BYTES)
        name = wire.quoted(path)
        line = (
            b"if type dd >/dev/null 2>&1;"
            b" then exec dd if=" + name + b" bs=%d skip=" % BLOCK_BYTES + blocks + b" 2>/dev/null;"
            b" else exec tail -c +%d " % (have_bytes + 1) + name + b"; fi"
        )
        received_bytes = 0
        with self.command(line) as stream:
            for kind, content in shell.packets(stream):
                if kind == wire.STDOUT:
                    target.write(memoryview(content))
                    received_bytes += len(content)
                elif kind == wire.EXIT and content != b"\0":
                    raise FileUnreadable(f"The phone could not read {shown(path)} to its end.")
        return received_bytes

    def heads(
        self, paths: Sequence[str], *, size_bytes: int = HEAD_BYTES
    ) -> Iterator[bytes | None]:
        """The first bytes of each file; None for one that cannot be read.

        Without a shell that can be trusted whole files are pulled for it.
        """
        if not self.identity.has_shell:
            yield from (self._whole_head(path, size_bytes) for path in paths)
            return
        for at in range(0, len(paths), HEADS_AT_ONCE):
            yield from self._heads(paths[at : at + HEADS_AT_ONCE], size_bytes)

    def _heads(self, paths: Sequence[str], size_bytes: int) -> Iterator[bytes | None]:
        """One command for all: each beginning is followed by a mark that no file can foresee."""
        mark = secrets.token_hex(16).encode()
        names = b" ".join(wire.quoted(storage.absolute(path)) for path in paths)
        line = (
            b"for f in " + names + b"; do head -c %d " % size_bytes + b'"$f" 2>/dev/null;'
            b" echo " + mark + b"$?; done"
        )
        buffer, left = bytearray(), len(paths)
        with self.command(line) as stream:
            for kind, content in shell.packets(stream):
                if kind != wire.STDOUT:
                    continue
                buffer += content
                for head in _marked(buffer, mark):
                    left -= 1
                    yield head
                if len(buffer) > size_bytes + len(mark) + 10 or left < 0:
                    raise PhoneGarbled("The phone sent more than the beginning of a file.")
        if left:
            raise PhoneGarbled("The phone left out the beginnings of some files.")

    def _whole_head(self, path: str, size_bytes: int) -> bytes | None:
        head = _Head(size_bytes)
        try:
            with self.sync() as sync:
                sync.pull(storage.absolute(path), head)
        except (ItemError, ItemGone):
            return None
        return bytes(head.content)

    def sha256(self, path: str) -> str | None:
        """What the phone itself reads; None if it has no ``sha256sum``.

        Raises:
            FileVanished, FileUnreadable.
        """
        if not self.identity.has_shell:
            return None
        target = storage.absolute(path)
        answer = self.run(b"sha256sum <" + wire.quoted(target), seconds=HASH_SECONDS)
        digest = answer.out[:HEX_SHA256].decode("ascii", "replace").lower()
        if answer.status == 0 and len(digest) == HEX_SHA256:
            return digest
        if answer.status == NOT_FOUND:
            return None
        raise refusal(target, answer.err)


class _Measured:
    """Passes on what comes, up to a limit.

    An old phone tells sizes without their upper bits: what more comes may belong to the file.
    """

    def __init__(self, entry: Entry, target: Target, left_bytes: int, *, wraps_sizes: bool) -> None:
        self._entry = entry
        self._target = target
        self._left_bytes = left_bytes
        self._wraps_sizes = wraps_sizes

    def write(self, block: memoryview) -> None:
        """The next bytes.

        Raises:
            FileReplaced, FileTooLarge: There are more than there should be.
        """
        self._left_bytes -= len(block)
        if self._left_bytes < 0:
            name = shown(storage.absolute(self._entry.path))
            if self._wraps_sizes:
                raise FileTooLarge(
                    f"{name} has more bytes than the phone says; the adb of so old an Android"
                    " cannot tell more than 4 GiB."
                )
            raise FileReplaced(f"{name} became longer while it was copied.")
        self._target.write(block)


class _Head:
    """Keeps the beginning of what is written to it."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self.content = bytearray()

    def write(self, block: memoryview) -> None:
        self.content += block[: max(0, self._size_bytes - len(self.content))]


def _marked(buffer: bytearray, mark: bytes) -> Iterator[bytes | None]:
    """Take every whole "beginning, mark, status, newline" out of the buffer."""
    while True:
        at = buffer.find(mark)
        end = buffer.find(b"\n", at) if at >= 0 else -1
        if end < 0:
            return
        well = buffer[at + len(mark) : end] == b"0"
        yield bytes(buffer[:at]) if well else None
        del buffer[: end + 1]


def _difference(entry: Entry, path: bytes, stat: wire.Stat) -> ItemError | ItemGone | None:
    """What keeps the file from being the version that was listed."""
    if stat.errno:
        return why_not(path, stat.errno)
    if not stat.is_file:
        return why_not(path, errno.ENOENT)
    if (stat.size_bytes, stat.mtime * NANOSECONDS) != (entry.size_bytes, entry.mtime_ns):
        return FileReplaced(f"{shown(path)} has changed on the phone since it was found.")
    return None


def _too_short(entry: Entry, path: bytes, received_bytes: int) -> ItemError | ItemGone | None:
    """A file that shrinks while it is read ends like any other (phone.md §0.8)."""
    more = received_bytes - entry.size_bytes
    if not more:
        return None
    if more > 0 and more % WRAPPED_BYTES == 0:
        return FileTooLarge(
            f"{shown(path)} has more than 4 GiB, which the adb of so old an Android cannot tell."
        )
    return FileReplaced(
        f"{shown(path)} gave {received_bytes:,} bytes instead of {entry.size_bytes:,}."
    )


def _complete(entry: Entry, path: bytes, received_bytes: int) -> None:
    wrong = _too_short(entry, path, received_bytes)
    if wrong is not None:
        raise wrong
