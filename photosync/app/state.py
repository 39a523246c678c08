"""Opens what lies in the state folder, for the daemon and for every verb."""

from __future__ import annotations

import errno
import logging
import os
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.media import readable
from photosync.errors import NO_ROOM, DiskFull, SettingsError, StateFolderUnusable
from photosync.files.freed_log import FreedLog
from photosync.store.choices import Choices
from photosync.store.control import Control
from photosync.store.database import Database, shipped_migrations
from photosync.store.freeing import Freed
from photosync.store.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from photosync.config import Settings
    from photosync.domain.media import Source


log = logging.getLogger(__name__)

OWN_NAME = "own_name"
MIRROR_MADE = "mirror_made"
"""The flag that says where the mirror was made."""
RECALLED = "freed_log_bytes"
"""The flag that says how much of the log of what went from phones is on record."""
WEB_PORT = "web_port"
"""The flag that says at which port a running daemon answers."""


@dataclass(frozen=True, slots=True)
class State:
    """What verbs work with. ``clock`` gives seconds UTC."""

    database: Database
    overview: Overview
    control: Control
    choices: Choices
    clock: Callable[[], float]

    def now(self) -> int:
        """Seconds UTC."""
        return int(self.clock())


def no_settings(settings: Settings) -> SettingsError | None:
    """What is wrong if nothing says what to back up: no file, and no folder from elsewhere."""
    if settings.file is not None or settings.folder:
        return None
    return SettingsError(
        "There is no settings file, so photosync does not know what to back up.",
        hint="Write one: photosync config init",
    )


def source_named(state: State, wanted: str) -> Source:
    """The source of that label, address or number.

    Raises:
        SettingsError: There is none.
    """
    sources = [view.source for view in state.overview.sources()]
    for source in sources:
        if wanted in (source.label, readable(source.address), str(source.id)):
            return source
    known = ", ".join(source.label for source in sources) or "none yet"
    raise SettingsError(f"There is no source {wanted!r}.", hint=f"Sources: {known}.")


def own_name(state: State) -> str:
    """Tells this photosync from others that write to the same mirror or backup."""
    name = state.control.flag(OWN_NAME)
    if name is None:
        name = secrets.token_hex(8)
        state.control.set_flag(OWN_NAME, name, now=state.now())
    return name


def make_state_dir(state_dir: Path) -> None:
    """Create the state folder, readable by its owner only.

    Raises:
        StateFolderUnusable: It cannot be.
        DiskFull: There is no room for it.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(state_dir, error) from error
    if not os.access(state_dir, os.R_OK | os.W_OK | os.X_OK):
        raise _unusable(state_dir, PermissionError(errno.EACCES, "Permission denied"))


@contextmanager
def opened(settings: Settings, clock: Callable[[], float] = time.time) -> Iterator[State]:
    """The state for a verb that changes something: created and migrated if need be."""
    make_state_dir(settings.state_dir)
    with Database(settings.state_dir) as database:
        database.migrate(today=time.strftime("%Y%m%d", time.gmtime(clock())))
        state = _state(database, clock)
        _recall(settings, state)
        yield state


def _recall(settings: Settings, state: State) -> None:
    """What went from phones since this database was copied, if an older one was put back."""
    freed = FreedLog(settings.state_dir)
    size = freed.size()
    if size and state.control.flag(RECALLED) != str(size):
        recalled = Freed(state.database).recall(freed.lines())
        note_recalled(settings, state)
        if recalled:
            log.warning("freed.recalled items=%d", recalled)


def note_recalled(settings: Settings, state: State) -> None:
    """All that the file tells of is on record."""
    size = FreedLog(settings.state_dir).size()
    if size:
        state.control.set_flag(RECALLED, str(size), now=state.now())


@contextmanager
def looked_at(settings: Settings, clock: Callable[[], float] = time.time) -> Iterator[State | None]:
    """The state for a verb that only looks; None if photosync never ran here.

    Raises:
        DatabaseTooNew, DatabaseDamaged, StateFolderUnusable.
    """
    with Database(settings.state_dir, read_only=True) as database:
        if not _exists(database):
            yield None
            return
        version = database.version()
        if version == 0:  # a daemon is making it right now
            yield None
            return
        if version == len(shipped_migrations()):
            yield _state(database, clock)
            return
    with opened(settings, clock) as state:
        yield state


def _exists(database: Database) -> bool:
    try:
        return database.exists
    except OSError as error:
        raise _unusable(database.file.parent, error) from error


def _state(database: Database, clock: Callable[[], float]) -> State:
    return State(database, Overview(database), Control(database), Choices(database), clock)


def _unusable(state_dir: Path, error: OSError) -> StateFolderUnusable | DiskFull:
    if error.errno in NO_ROOM:
        return DiskFull(f"There is no room for the state folder {state_dir}.")
    return StateFolderUnusable(
        f"The state folder {state_dir} cannot be used: {error.strerror}.",
        hint="Give the user that runs photosync that folder, or set another state_dir.",
    )
