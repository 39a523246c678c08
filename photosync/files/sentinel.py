"""Notices that a folder is no longer the one that it was."""

from __future__ import annotations

import ctypes
import os
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

IN_DELETE_SELF, IN_MOVE_SELF = 0x400, 0x800
EVENT_BYTES = 4096


class Sentinel:
    """Watches one folder for its own end: removed, renamed, or unmounted (inotify(7)).

    A new folder in its place often has the same inode number, and a disk that is mounted again
    has the same device number too, but neither is watched any more. An open descriptor would
    notice as well, but it would keep the disk from being unmounted.

    Raises:
        OSError: With EMFILE or ENOSPC if a limit of inotify is reached.
    """

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._lock = Lock()
        self._descriptor: int | None = _checked(libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        mask = IN_DELETE_SELF | IN_MOVE_SELF
        try:
            _checked(libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask))
        except OSError:
            self.close()
            raise

    def undisturbed(self) -> bool:
        """Whether the folder is still the same one at the same place; False for ever after."""
        with self._lock:
            if self._descriptor is None:
                return False
            try:
                os.read(self._descriptor, EVENT_BYTES)
            except BlockingIOError:
                return True
        self.close()
        return False

    def close(self) -> None:
        """End; nothing happens if it has ended already."""
        with self._lock:
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def _checked(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer
