"""Hints that something changed in a folder: inotify by way of watchdog.

A hint may be lost and may be wrong; whoever gets one looks for himself, and looks at everything
now and then. What is told here is only *when* looking is likely to be worth it.
"""

from __future__ import annotations

import errno
import logging
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.inotify import InotifyObserver

from photosync.domain.media import readable
from photosync.domain.media_types import Claim, claim
from photosync.domain.selection import junk
from photosync.errors import WatchUnavailable
from photosync.files.mounts import network_disk
from photosync.files.sentinel import Sentinel

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchdog.observers.api import BaseObserver

    Hint = Callable[[str, str | None], None]

log = logging.getLogger(__name__)

STOP_SECONDS = 2.0
EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,  # also a file that is moved in from elsewhere
    FileMovedEvent,
]
LIMITS = Path("/proc/sys/fs/inotify")
WATCHES_FLOOR = 524_288
INSTANCES_FLOOR = 1024


class Watching:
    """Watches one root. ``hint(folder, file)`` is called from another thread, and must be quick.

    ``folder`` is the path of the folder that changed ("" for the root); ``file`` that of a file
    that was closed after writing, created, or moved in; None: look at the whole folder.
    """

    def __init__(self, root: Path, hint: Hint) -> None:
        self._root = root
        self._hint = hint
        self._observer: BaseObserver | None = None
        self._began_at: tuple[int, int] | None = None
        self._sentinel: Sentinel | None = None
        self._incomplete = False
        self._overflow = _OverflowAlarm(self._overflowed)

    def start(self) -> None:
        """Begin.

        Raises:
            WatchUnavailable: The kernel's limits do not allow it, or it would miss changes.
        """
        _refuse_remote(self._root)
        # folders that come up within one another are watched twice over: harmless
        warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning, r"watchdog\.")
        logging.getLogger("watchdog").addHandler(self._overflow)
        self._incomplete = False
        try:
            self._began_at = _identity(self._root)
            self._sentinel = Sentinel(self._root.resolve())
            self._observer = InotifyObserver()
            self._observer.schedule(
                _Handler(self._root, self._hint, self._new_folder),
                str(self._root.resolve()),
                recursive=True,
                event_filter=EVENTS,
            )
            self._observer.start()
            probe(self._root)
        except OSError as error:
            self.stop()
            raise _unavailable(self._root, error) from error

    def stop(self) -> None:
        """End, in less than ``STOP_SECONDS``; nothing happens if it never began."""
        logging.getLogger("watchdog").removeHandler(self._overflow)
        observer, self._observer = self._observer, None
        sentinel, self._sentinel = self._sentinel, None
        if sentinel is not None:
            sentinel.close()
        if observer is None:
            return
        observer.stop()
        if observer.ident is not None:
            observer.join(STOP_SECONDS)

    def alive(self) -> bool:
        """Whether hints can still be expected: the same folder is there, and all of it watched."""
        observer, sentinel = self._observer, self._sentinel
        if observer is None or sentinel is None or self._incomplete:
            return False
        # watchdog has a thread that reads, one for each root, and one that calls us
        reader = getattr(observer, "_inotify_fd", observer)
        if not observer.emitters or not all(
            thread.is_alive() for thread in (reader, observer, *observer.emitters)
        ):
            return False
        try:
            probe(self._root)
            return sentinel.undisturbed() and _identity(self._root) == self._began_at
        except OSError:
            return False

    def _overflowed(self) -> None:
        """Events were lost, and some will be until watchdog has set up its watches anew."""
        self._incomplete = True
        self._hint("", None)

    def _new_folder(self) -> None:
        """A folder came up: was there room to watch it?"""
        try:
            probe(self._root)
        except OSError as error:
            if not self._incomplete:
                log.warning("watch.incomplete root=%r reason=%s", str(self._root), error.strerror)
            self._incomplete = True


class _Handler(FileSystemEventHandler):
    """Turns watchdog's events into hints. ``new_folder`` is called for each that comes up."""

    def __init__(self, root: Path, hint: Hint, new_folder: Callable[[], None]) -> None:
        self._root = os.fspath(root.resolve())
        self._hint = hint
        self._new_folder = new_folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = os.fsdecode(event.dest_path or event.src_path)
        relative = self._relative(path)
        if relative is None:
            return
        if event.is_directory:
            self._new_folder()
            self._hint(relative, None)
        elif claim(relative.rpartition("/")[2]) is not Claim.OTHER:
            self._hint(relative.rpartition("/")[0], relative)

    def _relative(self, path: str) -> str | None:
        """The path below the root; None for what is never looked at."""
        prefix = self._root.rstrip("/") + "/"
        if not path.startswith(prefix):
            return None
        relative = path.removeprefix(prefix)
        return None if any(junk(part) for part in relative.split("/")) else relative


class _OverflowAlarm(logging.Handler):
    """watchdog tells of lost events in its log alone."""

    def __init__(self, alarm: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._alarm = alarm

    def emit(self, record: logging.LogRecord) -> None:
        """Somebody has to look at everything."""
        if "overflow" in str(record.msg):
            log.debug("watch.overflow")
            self._alarm()


def probe(root: Path) -> None:
    """See to it that one more folder could be watched.

    watchdog leaves out subfolders beyond the limit without a word; if there is no room for one
    more, some may have been.

    Raises:
        OSError: With ENOSPC if the limit is reached.
    """
    try:
        Sentinel(root).close()
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE):
            raise  # those limits are of instances: this one runs, so they do not matter


def _refuse_remote(root: Path) -> None:
    kind = network_disk(root)
    if kind:
        raise WatchUnavailable(
            f"The folder {readable(str(root))} lies on a network file system ({kind}), where"
            " changes made elsewhere cannot be noticed: it is looked at every half minute.",
            hint="Nothing to do; run photosync on the machine that holds the disk to be quicker.",
        )


def _identity(root: Path) -> tuple[int, int]:
    found = root.stat()
    return found.st_dev, found.st_ino


def _unavailable(root: Path, error: OSError) -> WatchUnavailable:
    name = readable(str(root))
    if error.errno == errno.ENOSPC:
        return WatchUnavailable(
            f"There are more folders in {name} than the kernel watches for one user: it is looked"
            " at every half minute instead.",
            hint=raise_watches(),
        )
    if error.errno == errno.EMFILE:
        return WatchUnavailable(
            f"Too many programs watch folders, so {name} is looked at every half minute instead.",
            hint=_raise_limit("max_user_instances", INSTANCES_FLOOR),
        )
    return WatchUnavailable(
        f"The folder {name} cannot be watched ({error.strerror}): it is looked at every half"
        " minute instead.",
        hint="Nothing to do unless that is too slow.",
    )


def most_watched() -> int:
    """How many folders the kernel watches for one user; 0 if it does not say."""
    return _limit("max_user_watches")


def raise_watches() -> str:
    """The command that raises that limit."""
    return _raise_limit("max_user_watches", WATCHES_FLOOR)


def _limit(name: str) -> int:
    try:
        return int((LIMITS / name).read_text())
    except (OSError, ValueError):
        return 0


def _raise_limit(name: str, floor: int) -> str:
    """The command that raises a limit, now and for good."""
    now = _limit(name)
    setting = f"fs.inotify.{name}={max(floor, now * 2)}"
    return (
        f"To be quicker: sudo sysctl {setting} (and to keep it: echo {setting} | sudo tee -a"
        " /etc/sysctl.d/60-photosync.conf)"
    )
