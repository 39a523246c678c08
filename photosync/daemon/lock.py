"""Exactly one daemon per state folder: a lock that the kernel lets go of when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.errors import NO_ROOM, AlreadyRunning, DiskFull, StateFolderUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = "lock"
TURN_NAME = "backup-lock"
PATIENCE_SECONDS = 1.0
"""A status command holds the lock for a moment while it looks; a daemon that starts waits."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock: ``since`` in seconds UTC. Both None if it did not say (yet)."""

    pid: int | None
    since: int | None


@contextmanager
def held(state_dir: Path, *, now: int) -> Iterator[None]:
    """Hold the lock of ``state_dir`` while the block runs.

    Raises:
        AlreadyRunning: Another daemon holds it.
        StateFolderUnusable: The lock file cannot be written.
    """
    lock_file = state_dir / LOCK_NAME
    descriptor = _taken(lock_file)
    try:
        _tell(descriptor, lock_file, now)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def holder(state_dir: Path) -> Holder | None:
    """Who holds the lock; None if nobody does."""
    lock_file = state_dir / LOCK_NAME
    if not lock_file.exists():
        return None
    descriptor = _open(lock_file, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    else:
        return None
    finally:
        os.close(descriptor)


@contextmanager
def turn(state_dir: Path) -> Iterator[bool]:
    """Whether nobody else backs up for this state folder during the block.

    The daemon and the verb take turns, a file each: of two that copy the same one, one is in vain.

    Raises:
        StateFolderUnusable: The lock file cannot be written.
    """
    descriptor = _open(state_dir / TURN_NAME, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
    else:
        yield True
    finally:
        os.close(descriptor)


def _open(lock_file: Path, flags: int) -> int:
    try:
        return os.open(lock_file, flags | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(lock_file, error) from error


def _taken(lock_file: Path) -> int:
    """A descriptor that holds the lock of the file which stands there now.

    Somebody may have removed the file and made another while we waited.
    """
    while True:
        descriptor = _open(lock_file, os.O_RDWR | os.O_CREAT)
        try:
            _take(descriptor, lock_file)
            if _is_still(lock_file, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_still(lock_file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), lock_file.stat())
    except FileNotFoundError:
        return False


def _take(descriptor: int, lock_file: Path) -> None:
    patience_ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= patience_ends:
                raise _held_by(_read(descriptor), lock_file) from None
            time.sleep(0.05)
        else:
            return


def _tell(descriptor: int, lock_file: Path, now: int) -> None:
    """Write down who holds it, for those who ask."""
    content = json.dumps({"pid": os.getpid(), "since": now}).encode()
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull(f"The disk that holds {lock_file} is full.") from error
        raise _unusable(lock_file, error) from error


def _held_by(found: Holder, lock_file: Path) -> AlreadyRunning:
    who = "" if found.pid is None else f" as process {found.pid}"
    since = ""
    if found.since is not None:
        since = time.strftime(" since %Y-%m-%d %H:%M:%S", time.localtime(found.since))
    stop = "it" if found.pid is None else f"it: kill {found.pid}"
    return AlreadyRunning(
        f"photosync already runs on {lock_file.parent}{who}{since}.",
        hint=f"See photosync status; to start another one, stop {stop}, or set another state_dir.",
    )


def _unusable(lock_file: Path, error: OSError) -> StateFolderUnusable:
    return StateFolderUnusable(
        f"The lock {lock_file} cannot be used: {error.strerror}.",
        hint="Give the user that runs photosync that folder, or set another state_dir.",
    )


def _read(descriptor: int) -> Holder:
    try:
        content = json.loads(os.pread(descriptor, 1000, 0))
        return Holder(int(content["pid"]), int(content["since"]))
    except (ValueError, KeyError, TypeError):
        return Holder(None, None)  # it has only just taken the lock
