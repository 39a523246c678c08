"""A phone and a second copy that are folders, and a library that answers what the test wants."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.backups import Kept
from photosync.domain.media import Lying
from photosync.errors import (
    BackupAway,
    BackupLost,
    FileReplaced,
    FileVanished,
    PhoneGone,
    RequestRefused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class DiskPhone:
    """A phone's storage in a folder; the real one is in tests/device and the journeys."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.cut_after: int | None = None
        self.removed: list[str] = []

    def look(self, paths: Sequence[str]) -> list[Lying | None]:
        return [self._lying(path) for path in paths]

    def _lying(self, path: str) -> Lying | None:
        try:
            found = (self.root / path).stat()  # follows links, as adb does
        except OSError:
            return None
        is_file = stat.S_ISREG(found.st_mode)
        return Lying(found.st_size, found.st_mtime_ns) if is_file else None

    def remove(self, path: str, *, size_bytes: int, mtime_ns: int, sha256: str) -> None:
        if self.cut_after is not None and len(self.removed) >= self.cut_after:
            (self.root / path).unlink()  # it was done, but nobody heard of it
            raise PhoneGone("The cable was pulled.")
        file = self.root / path
        if not os.path.lexists(file):
            raise FileVanished(f"{path} is not on the phone any more.")
        if file.is_symlink() or not file.is_file() or file.resolve() != file:
            raise FileReplaced(f"{path} is no regular file.")
        if hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            raise FileReplaced(f"{path} holds other bytes than were uploaded.")
        if self._lying(path) != Lying(size_bytes, mtime_ns):
            raise FileReplaced(f"{path} has changed on the phone.")
        file.unlink()
        self.removed.append(path)

    def is_gone(self, path: str) -> bool:
        return (self.root / path).parent.is_dir() and not os.path.lexists(self.root / path)


class DiskBackup:
    """A second copy in a folder: files by their hash, and a record of what was put there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kept: dict[str, Kept] = {}
        self.away = False
        self.opened = 0
        root.mkdir(parents=True, exist_ok=True)

    @property
    def is_local(self) -> bool:
        return True

    def add(self, content: bytes) -> Path:
        digest = sha256(content)
        file = self.root / digest
        file.write_bytes(content)
        size = len(content)
        self.kept[digest] = Kept(
            str(self.root),
            digest,
            digest,
            size,
            size,
            is_sealed=False,
            mtime_ns=0,
            made_at=0,
            verified_at=0,
        )
        return file

    def find(self, sha256: str) -> Kept | None:
        return self.kept.get(sha256)

    @contextmanager
    def open(self, kept: Kept) -> Iterator[BinaryIO]:
        self.opened += 1
        if self.away:
            raise BackupAway("The server is away.")
        try:
            file = (self.root / kept.path).open("rb")
        except FileNotFoundError as error:
            raise BackupLost(f"{kept.path} is gone.") from error
        with file:
            yield file


@dataclass
class Told:
    """The library's word on each id: True, False, or None for no word."""

    held: dict[str, bool | None] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    error: Exception | None = None
    asked: int = 0

    def holds(self, ids: Sequence[str]) -> list[bool | None]:
        self.asked += 1
        assert len(ids) <= 50
        if self.error is not None:
            raise self.error
        if self.refused & set(ids):
            raise RequestRefused("One of the ids is none.")
        return [self.held.get(one, False) for one in ids]
