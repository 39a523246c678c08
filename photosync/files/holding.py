"""A lock file that one process at a time holds; the kernel lets go of it when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.errors import StateFolderUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

FREEING = "freeing.lock"
"""Whoever relies on copies in the mirror, or takes them away, holds it: never both at once."""

BACKING_UP = "backing-up.lock"
"""Whoever backs up to another place than the settings name holds it, shared: it has a queue."""

RESTORING = "restoring.lock"
LOOK_AGAIN_SECONDS = 0.05


@contextmanager
def hold(file: Path, *, patience_seconds: float = 0.0, shared: bool = False) -> Iterator[bool]:
    """Hold the lock during the block; False if another process holds it all the time.

    ``shared``: beside all others who hold it so.

    Raises:
        StateFolderUnusable: The file cannot be opened.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateFolderUnusable(
            f"The lock {file} cannot be used: {error.strerror}.",
            hint="Give the user that runs photosync that folder, or set another state_dir.",
        ) from error
    try:
        yield _taken(
            descriptor,
            fcntl.LOCK_SH if shared else fcntl.LOCK_EX,
            time.monotonic() + patience_seconds,
        )
    finally:
        os.close(descriptor)


def _taken(descriptor: int, kind: int, patience_ends: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= patience_ends:
                return False
            time.sleep(LOOK_AGAIN_SECONDS)
        else:
            return True


def holder_of(file: Path) -> Callable[[], AbstractContextManager[bool]]:
    """``hold`` for whoever tries again later anyway."""
    return lambda: hold(file)
