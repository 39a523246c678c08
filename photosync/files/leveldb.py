"""Reads another program's LevelDB, without a byte written to it.

As long as it is read it is locked for its own program, which shuts it by ``flock`` (goleveldb does)
while it runs.
"""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from photosync.domain import leveldb
from photosync.domain.media import readable
from photosync.errors import OtherStateUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LARGEST_BYTES = 1 << 30
"""Tables have 2 MiB and journals 4, unless somebody wants them otherwise."""

MANIFEST = re.compile(rb"MANIFEST-[0-9]+\n?")


def is_leveldb(folder: Path) -> bool:
    """Whether the folder looks like one."""
    return (folder / "CURRENT").is_file()


def contents(folder: Path) -> dict[bytes, bytes]:
    """Every key that is there, with its value.

    Raises:
        OtherStateUnreadable: It is in use, damaged, or cannot be read.
    """
    try:
        with _locked(folder):
            return _contents(folder)
    except OSError as error:
        raise _unreadable(folder, f"{error.strerror} ({readable(str(error.filename))})") from error
    except ValueError as error:
        raise _unreadable(folder, str(error)) from error


def _unreadable(folder: Path, why: str) -> OtherStateUnreadable:
    return OtherStateUnreadable(
        f"The database {readable(str(folder))} cannot be read: {why}.",
        hint="Nothing was taken from it. If its own program can open it, let that run once.",
    )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        descriptor = os.open(folder / "LOCK", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:  # a copy of one, say
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OtherStateUnreadable(
                f"The database {readable(str(folder))} is in use by its own program.",
                hint="Let that end, then try again.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _contents(folder: Path) -> dict[bytes, bytes]:
    current = _read(folder / "CURRENT")
    if not MANIFEST.fullmatch(current):
        raise ValueError("CURRENT names no list of its files")
    live = leveldb.live_files(_read(folder / current.decode("ascii").strip()))
    newest: dict[bytes, tuple[int, bytes | None]] = {}
    for number in sorted(live.tables):
        _take(newest, leveldb.table_entries(_read(_table(folder, number))))
    journals = [one for one in _numbers(folder, ".log") if live.has_journal(one)]
    for number in sorted(journals):
        for record in leveldb.records(_read(folder / f"{number:06}.log")):
            _take(newest, leveldb.writes(record))
    return {key: value for key, (_, value) in newest.items() if value is not None}


def _take(newest: dict[bytes, tuple[int, bytes | None]], entries: Iterable[leveldb.Entry]) -> None:
    for key, sequence, value in entries:
        known = newest.get(key)
        if known is None or known[0] <= sequence:
            newest[key] = sequence, value


def _table(folder: Path, number: int) -> Path:
    file = folder / f"{number:06}.ldb"
    return file if file.exists() else folder / f"{number:06}.sst"  # its name in earlier days


def _numbers(folder: Path, ending: str) -> list[int]:
    return [int(one.stem) for one in folder.glob(f"*{ending}") if one.stem.isdecimal()]


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        found = opened.read(LARGEST_BYTES + 1)
    if len(found) > LARGEST_BYTES:
        raise ValueError(f"{readable(file.name)} is far too large")
    return found
