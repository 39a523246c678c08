"""Reads files that another program has uploaded, whole, for the hashes that they are known by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.domain.media import readable
from photosync.domain.xxhash32 import XxHash32
from photosync.errors import FileReplaced, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.domain.media import Entry
    from photosync.files.folder import Folder, Halt

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Known:
    """``xxhash32``: None if nobody asked for it."""

    sha256: str
    xxhash32: int | None


def read_whole(
    folder: Folder,
    entry: Entry,
    *,
    halt: Halt,
    seed: int | None = None,
    tick: Callable[[int], None] = lambda _: None,
) -> Known:
    """Read exactly that version of a file. ``seed``: of its xxHash32; ``tick``: bytes read.

    Raises:
        FileVanished, FileReplaced, FileUnreadable, FileInUse, SourceMissing, Stopping.
    """
    sha256, other = hashlib.sha256(), None if seed is None else XxHash32(seed)
    read_bytes = 0
    with folder.open(entry.path, entry.size_bytes, entry.mtime_ns) as file:
        while block := file.read(BLOCK_BYTES):
            if halt.is_set():
                raise Stopping
            sha256.update(block)
            if other is not None:
                other.update(block)
            read_bytes += len(block)
            tick(len(block))
    if read_bytes != entry.size_bytes:
        raise FileReplaced(f"{readable(entry.path)} gave {read_bytes:,} bytes.")
    return Known(sha256.hexdigest(), None if other is None else other.digest())
