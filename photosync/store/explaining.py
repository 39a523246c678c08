"""SQLite's words as our own errors, each with the way out of it."""

from __future__ import annotations

import shlex
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.errors import (
    DatabaseDamaged,
    DatabaseError,
    DiskFull,
    PhotosyncError,
    StateFolderUnusable,
    Stopping,
)
from photosync.store.health import is_sound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

DATABASE_NAME = "photosync.db"
BUSY_SECONDS = 30.0

BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")
CLOSED = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")
BROKEN = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
TROUBLED = ("SQLITE_IOERR", "SQLITE_NOLFS")


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """SQLite's words about the file as our own errors; everything else passes."""
    try:
        yield
    except PhotosyncError:
        raise
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
            raise Stopping from error  # it is closed while a query runs
        known = _explain(file, error)
        if known is None:
            raise
        raise known from error


def _explain(file: Path, error: sqlite3.DatabaseError) -> PhotosyncError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(BROKEN):
        return damaged(file, str(error), kept_copies(file))
    if name.startswith("SQLITE_FULL"):
        return DiskFull(f"The disk that holds {file} is full.")
    if name.startswith(CLOSED):
        return closed(file, str(error))
    if name.startswith(BUSY):
        return DatabaseError(
            f"The database {file} is locked by another program.",
            hint="Close the program that has it open.",
        )
    if name.startswith(TROUBLED):
        return DiskFull(
            f"The disk that holds {file} answers with an error: {error}.",
            hint="Check that it is mounted, healthy and not full; work goes on by itself.",
        )
    return None


def kept_copies(file: Path) -> list[Path]:
    """The copies kept of an older ``file``, newest first."""
    found = file.parent.glob(f"{DATABASE_NAME}.*.bak")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


def closed(file: Path, why: str) -> StateFolderUnusable:
    """The error for a file that may not be opened or written."""
    return StateFolderUnusable(
        f"The database {file} cannot be opened or written: {why}.",
        hint="Give the user that runs photosync that folder, or set another state_dir.",
    )


def damaged(file: Path, why: str, copies: Sequence[Path]) -> DatabaseDamaged:
    """The error for a file that is no sound database, with the way back.

    The write-ahead log goes with it: SQLite would play it into whatever stands in its place.
    """
    name = shlex.quote(str(file))
    away = f"mkdir -p {name}.damaged && mv -t {name}.damaged {name} {name}-wal {name}-shm"
    copy = next(filter(is_sound, copies), None)
    if copy is not None:
        cure = f"Stop photosync, then: {away}; cp {shlex.quote(str(copy))} {name}"
    else:
        none = "None of its copies is sound" if copies else "No copy is kept"
        cure = (
            f"{none}. Stop photosync, then start anew: {away} - photos that are in the library"
            " already are recognised by their bytes and not doubled."
        )
    return DatabaseDamaged(f"The database {file} is damaged ({why}).", hint=cure)
