"""What went from phones, in a file of its own: an older database put back must not forget it.

A line of JSON for each file, only ever added to. Whoever reads it takes a torn line for none.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from photosync.domain.freeing import Gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

NAME = "freed.log"


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
    try:
        told = json.loads(line)
        return Gone(
            address=str(told["address"]),
            path=str(told["path"]),
            size_bytes=int(told["size_bytes"]),
            mtime_ns=int(told["mtime_ns"]),
            sha256=str(told["sha256"]),
            google_id=str(told["google_id"]),
            kept_in=str(told["kept_in"]),
            at=int(told["at"]),
        )
    except (ValueError, KeyError, TypeError):
        return None
