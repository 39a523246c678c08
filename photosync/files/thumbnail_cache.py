"""Thumbnails on the disk, made once: by the hash of what they show, within a limit.

A loss costs nothing but making them again, so nothing is synced, and a full disk only means that
they are not kept. What was not looked at for longest goes first.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from photosync.files.thumbnails import EDGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "thumbnails"
LIMIT_BYTES = 512 << 20
"""Some 40,000 of them."""
EASED = 0.9
"""To so much of the limit it is brought when it is reached."""
FRESH_SECONDS = 86_400
"""How exactly it is known when one was last looked at."""
LEFT_OVER_SECONDS = 3600
KEY = re.compile(r"[0-9a-f]{64}")
JPEG_START = b"\xff\xd8"
NONE = b"-"
"""What stands for a file of which no picture can be made."""
BLOCK_BYTES = 4096
"""What a small file takes on most disks."""


class ThumbnailCache:
    """Thumbnails by key: 64 hexadecimal digits. For any number of threads."""

    def __init__(
        self,
        state_dir: Path,
        *,
        limit_bytes: int = LIMIT_BYTES,
        edge: int = EDGE,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = state_dir / FOLDER / str(edge)
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._size_bytes: int | None = None

    def get(self, key: str, make: Callable[[], bytes | None]) -> bytes | None:
        """The thumbnail, made if it is not there; None if none can be made, which is kept too."""
        content = self._read(key)
        if content is None:
            content = make() or NONE
            self._write(key, content)
        return None if content == NONE else content

    def peek(self, key: str) -> bytes | None:
        """What is there: the thumbnail, b"" if none can be made, None if nobody knows."""
        content = self._read(key)
        return b"" if content == NONE else content

    def _file(self, key: str) -> Path:
        if KEY.fullmatch(key) is None:
            text = f"not a key: {key!r}"
            raise ValueError(text)
        return self._folder / key[:2] / key[2:]

    def _read(self, key: str) -> bytes | None:
        file = self._file(key)
        try:
            content = file.read_bytes()
            if content != NONE and not content.startswith(JPEG_START):
                return None  # torn by a power cut
            now = self._clock()
            if now - file.stat().st_mtime > FRESH_SECONDS:
                os.utime(file, (now, now))
        except OSError:
            return None
        return content

    def _write(self, key: str, content: bytes) -> None:
        file = self._file(key)
        part = file.with_name(f".{file.name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            self._make(file.parent)
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(content)
            part.replace(file)
            self._grow(len(content))
        except OSError as error:
            log.debug("thumbnail.not_kept reason=%s", error)
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _make(self, folder: Path) -> None:
        """The folder and those above it, for their owner alone."""
        for one in (self._folder.parent, self._folder, folder):
            one.mkdir(mode=0o700, exist_ok=True)

    def _grow(self, size_bytes: int) -> None:
        with self._lock:
            if self._size_bytes is None:
                self._size_bytes = sum(size for _, size, _ in self._all())
            else:
                self._size_bytes += _on_disk(size_bytes)
            if self._size_bytes > self._limit_bytes:
                self._size_bytes = self._ease()

    def _ease(self) -> int:
        """Take away what was not looked at for longest; how many bytes are left."""
        found = sorted(self._all())
        left = sum(size for _, size, _ in found)
        for _, size_bytes, path in found:
            if left <= self._limit_bytes * EASED:
                break
            path.unlink(missing_ok=True)
            left -= size_bytes
        return left

    def _all(self) -> Iterator[tuple[float, int, Path]]:
        """(when it was last looked at, bytes on the disk, path) of each; what is torn goes."""
        for file in self._folder.glob("??/*"):
            with suppress(FileNotFoundError):  # another thread has given it its name meanwhile
                found = file.stat(follow_symlinks=False)
                if not file.name.endswith(".part"):
                    yield found.st_mtime, _on_disk(found.st_size), file
                elif self._clock() - found.st_mtime > LEFT_OVER_SECONDS:
                    file.unlink()


def _on_disk(size_bytes: int) -> int:
    return -(-size_bytes // BLOCK_BYTES) * BLOCK_BYTES
