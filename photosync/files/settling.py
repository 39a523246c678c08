"""Whether somebody is still writing to a file.

The kernel refuses a read lease on a file that is open for writing: that is the one sure sign
(fcntl(2), F_SETLEASE). Where leases do not work (files of other users, network file systems),
only quiet tells. Should somebody open the file for writing in the instant in which we hold the
lease, the kernel sends SIGIO, which would end the program: SIGURG is asked for instead, which
is ignored unless somebody wants it (signal(7)).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.domain.media import Entry

CLOSED_SECONDS = 0.5
QUIET_SECONDS = 2.0
UNKNOWN_SECONDS = 10.0
"""Without leases a pause in writing looks like its end: wait longer."""
OPEN_SECONDS = 600.0
"""A program that holds a file open for writing and has not written for so long never will."""
FORGOTTEN_SECONDS = 2 * OPEN_SECONDS
LOOK_AGAIN_SECONDS = 1.0
MOST_REMEMBERED = 10_000

LEASELESS = frozenset({0x6969, 0x517B, 0xFF534D42, 0xFE534D42})
"""NFS, SMB, CIFS, SMB 2 (statfs(2)): a lease is refused with the errno of an open file when the
server has granted none itself."""

NANOSECONDS = 1_000_000_000


class Writer(Enum):
    """Whether the file is open for writing anywhere."""

    NONE = "none"
    OPEN = "open"
    UNKNOWN = "unknown"


def writer_of(descriptor: int) -> Writer:
    """Ask the kernel by taking a read lease and giving it back at once."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return Writer.UNKNOWN if filesystem_number(descriptor) in LEASELESS else Writer.OPEN
    except OSError:
        return Writer.UNKNOWN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return Writer.NONE


def filesystem_number(descriptor: int) -> int:
    """The number of the file system's type: ``f_type``, the first field of statfs(2).

    Raises:
        OSError: The kernel will not tell.
    """
    answer = (ctypes.c_ulong * 64)()  # four times as long as the kernel's answer
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.fstatfs(descriptor, ctypes.byref(answer)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(answer[0]) & 0xFFFFFFFF


@dataclass(slots=True)
class _Seen:
    version: tuple[int, int, int]
    since: float


class Settling:
    """Tells when a file may be taken. Its own clock is monotonic: file times may be wrong."""

    def __init__(self, *, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def settled_in(self, entry: Entry, descriptor: int, *, closed: bool) -> float:
        """Seconds until it is worth asking again; 0.0: nobody is writing to it.

        ``closed``: a program was seen to close it after writing, or to move it there.
        The time of a file's last change is its ctime, which ``cp -p`` cannot set; times in
        the future count for nothing, and while somebody has the file open only our own
        monotonic clock counts: the computer's may have jumped.
        """
        observed = self._observed_seconds(entry)
        quiet = max(observed, self._clock() - max(entry.ctime_ns, entry.mtime_ns) / NANOSECONDS)
        writer = writer_of(descriptor)
        if writer is Writer.OPEN:
            wait = LOOK_AGAIN_SECONDS if observed < OPEN_SECONDS else 0.0
        elif writer is Writer.UNKNOWN:
            wait = max(0.0, UNKNOWN_SECONDS - quiet)
        else:
            wait = max(0.0, (CLOSED_SECONDS if closed else QUIET_SECONDS) - quiet)
        if wait == 0.0:
            self._seen.pop(entry.path, None)
        return wait

    def _observed_seconds(self, entry: Entry) -> float:
        """For how long we ourselves have seen the file in this version."""
        version = (entry.size_bytes, entry.mtime_ns, entry.ctime_ns)
        now = self._monotonic()
        seen = self._seen.get(entry.path)
        if seen is None or seen.version != version:
            seen = _Seen(version, now)
            self._remember(entry.path, seen)
        return now - seen.since

    def _remember(self, path: str, seen: _Seen) -> None:
        """Note a version, if there is room: the others wait their turn.

        If each pushed out the oldest instead, more files than there is room for would push out
        one another for ever. What nobody asks about any more makes room after a while.
        """
        self._seen.pop(path, None)
        if len(self._seen) >= MOST_REMEMBERED:
            _, oldest = next(iter(self._seen.items()))
            if seen.since - oldest.since <= FORGOTTEN_SECONDS:
                return
            self._seen.popitem(last=False)
        self._seen[path] = seen
