"""What went from phones, in a file of its own: an older database put back must not forget it.

A line of JSON for each file, only ever added to. Whoever reads it takes a torn line for none.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from photosync.domain.freeing import PLACES, Gone
from photosync.domain.media import is_sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

NAME = "freed.log"
MOST = 2**63
"""No number of ours is as large; a file's time may be twice that."""


class FreedLog:
    """The file ``NAME`` in ``state_dir``."""

    def __init__(self, state_dir: Path) -> None:
        self._file = state_dir / NAME

    def add(self, one: Gone) -> None:
        """Note it for good. Where that cannot be, the database alone knows."""
        line = json.dumps(asdict(one))
        try:
            descriptor = os.open(
                self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            with os.fdopen(descriptor, "ab", buffering=0) as out:
                out.write(f"\n{line}\n".encode())  # the last one may have been torn
                os.fsync(out.fileno())
        except OSError as error:
            log.warning("freed.unlogged reason=%s", error)

    def size(self) -> int:
        """How large it is; 0 if there is none."""
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def lines(self) -> Iterator[Gone]:
        """All that went, the oldest first."""
        try:
            with self._file.open("rb") as source:
                for line in source:
                    one = _read(line)
                    if one is not None:
                        yield one
        except OSError as error:
            log.warning("freed.unread reason=%s", error)


def _read(line: bytes) -> Gone | None:
    """A line; None if it is none, or tells what cannot be: every command reads the file."""
    try:
        told = json.loads(line)
        one = Gone(
            address=str(told["address"]),
            path=str(told["path"]),
            size_bytes=int(told["size_bytes"]),
            mtime_ns=int(told["mtime_ns"]),
            sha256=str(told["sha256"]),
            google_id=str(told["google_id"]),
            kept_in=str(told["kept_in"]),
            at=int(told["at"]),
        )
        return one if _is_good(one) else None
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def _is_good(one: Gone) -> bool:
    """Whether it can stand on record.

    Raises:
        ValueError: It holds signs that no name and no number of the library's has.
    """
    for name in (one.address, one.path):
        os.fsencode(name)
    one.google_id.encode()
    are_numbers = all(0 <= number < MOST for number in (one.size_bytes, one.at))
    return (
        are_numbers
        and -MOST <= one.mtime_ns < 2 * MOST
        and is_sha256(one.sha256)
        and one.google_id != ""
        and one.kept_in in PLACES
    )
