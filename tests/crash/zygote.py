"""photosync in a process that dies at a border: at a commit, a request, a change of a file.

Started once, it has everything imported, and forks a child for each line of JSON on stdin:
``{"arguments": [...], "log": FILE, "told": FILE, "die": {"kind", "site", "when", "nth"} | null}``.
The child runs the verb and writes the borders that it crossed to ``told``; the answer is one line
with its exit code, ``DIED`` if it died where it was asked to. With ``"when": "full"`` it does not
die: the disk is full there, and for the next few writes.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import sys
import threading
from collections import Counter
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import photosync
from photosync.backup.local import LocalPart
from photosync.cli import main as program
from photosync.daemon import supervisor, worker
from photosync.device.stream import Stream
from photosync.files.parts import Part
from photosync.google.http import Slice, Wire
from photosync.store.database import Connection
from tests.forking import become, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

DIED = 77
PACKAGE = str(Path(photosync.__file__).parent) + os.sep
FILE_CALLS = (
    "fsync",
    "link",
    "mkdir",
    "rename",
    "replace",
    "rmdir",
    "truncate",
    "ftruncate",
    "unlink",
    "utime",
)
NEED_ROOM = frozenset({"fsync", "link", "mkdir", "rename", "replace", "_put", "commit"})
"""What a full disk refuses."""

FULL_TIMES = 3
COPY_CALLS = ("_put", "go_on", "start_over")
PLUMBING = ("store/database.py", "google/http.py", "device/stream.py")
"""A border is named by who wanted it, not by what all of them go through."""


class Borders:
    """Counts what is crossed, and dies where it is told to."""

    def __init__(self, die: dict[str, Any] | None) -> None:
        self._die = die
        self._lock = threading.Lock()
        self._crossed: Counter[tuple[str, str]] = Counter()
        self._seen: dict[str, set[str]] = {}
        self._full = 0
        self.was_full = False

    def cross(self, kind: str, call: str, do: Callable[[], Any], *own: str) -> Any:
        """Do what changes the world, between two points at which the process may die.

        ``own``: the function of photosync that does it, if it is not on the stack yet.
        """
        stack = [*own, *_stack(sys._getframe(1))]
        if not stack:
            return do()
        site = _wanted_by(stack)
        with self._lock:
            self._crossed[kind, site] += 1
            self._seen.setdefault(kind, set()).update(stack)
            number = self._crossed[kind, site]
        self._maybe_die(kind, site, "before", number)
        if call in NEED_ROOM and self._is_full(kind, site, number):
            raise _no_room(kind)
        result = do()
        self._maybe_die(kind, site, "after", number)
        return result

    def _maybe_die(self, kind: str, site: str, when: str, number: int) -> None:
        here = {"kind": kind, "site": site, "when": when, "nth": number}
        if self._die == here:
            os._exit(DIED)

    def _is_full(self, kind: str, site: str, number: int) -> bool:
        here = {"kind": kind, "site": site, "when": "full", "nth": number}
        with self._lock:
            if self._die == here and not self.was_full:
                self._full, self.was_full = FULL_TIMES, True
            self._full -= 1
            return self._full >= 0

    def told(self) -> dict[str, Any]:
        """What was crossed, how often, and through which functions."""
        crossed = [[kind, site, times] for (kind, site), times in sorted(self._crossed.items())]
        return {
            "crossed": crossed,
            "seen": {kind: sorted(some) for kind, some in self._seen.items()},
            "was_full": self.was_full,
        }


def _no_room(kind: str) -> Exception:
    if kind != "commit":
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorname = "SQLITE_FULL"
    return error


def _wanted_by(stack: list[str]) -> str:
    """Who wanted it, rather than what everybody goes through; of the store, the verb asked for."""
    rest = [one for one in stack if not one.startswith(PLUMBING)]
    verbs = list(takewhile(lambda one: one.startswith("store/"), rest))
    return (verbs[-1:] or rest[:1] or stack[:1])[0]


def _stack(frame: FrameType | None) -> list[str]:
    """photosync's functions on the stack ("store/media.py:MediaItems.fail"), innermost first."""
    found = []
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(PACKAGE):
            file = code.co_filename.removeprefix(PACKAGE)
            found.append(f"{file}:{code.co_qualname}")
        frame = frame.f_back
    return found


def watch(borders: Borders) -> None:
    """Put the borders around everything that outlives the process."""
    execute = Connection.execute

    def execute_watched(self: Connection, sql: str, parameters: Any = (), /) -> Any:
        def do() -> Any:
            return execute(self, sql, parameters)

        lasts = sql == "COMMIT" or sql.startswith(("VACUUM INTO", "PRAGMA journal_mode"))
        return borders.cross("commit", "commit", do) if lasts else do()

    Connection.execute = execute_watched  # type: ignore[method-assign]
    methods: list[tuple[type, str, str, str]] = [
        (Wire, "_exchange", "request", ""),
        (Slice, "read", "body", ""),
        (Stream, "send", "phone", ""),
        *((Part, name, "copy", "files/parts.py:Part.") for name in COPY_CALLS),
        (LocalPart, "_put", "copy", "backup/local.py:LocalPart."),
    ]
    for owner, name, kind, prefix in methods:
        own = [prefix + name] if prefix else []
        setattr(owner, name, _watched(borders, kind, getattr(owner, name), *own))
    for name in FILE_CALLS:
        setattr(os, name, _watched(borders, "file", getattr(os, name)))


def _watched(
    borders: Borders, kind: str, call: Callable[..., Any], *own: str
) -> Callable[..., Any]:
    def watched(*arguments: Any, **options: Any) -> Any:
        return borders.cross(kind, call.__name__, lambda: call(*arguments, **options), *own)

    return watched


def hurry() -> None:
    """Whoever finds the disk full tries again at once."""
    for module, name in ((worker, "BLOCKED_SECONDS"), (supervisor, "STUCK_SECONDS")):
        setattr(module, name, getattr(module, name) / 50)


def child(order: dict[str, Any]) -> int:
    """Run one verb; its exit code."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    become((nothing, log, log))
    borders = Borders(order["die"])
    write = Path(order["told"]).write_text
    watch(borders)
    if order["die"] and order["die"]["when"] == "full":
        hurry()
    os.umask(0o077)
    code = program.outcome(order["arguments"])
    write(json.dumps(borders.told()))
    return code


def main() -> None:
    """Fork a child for each order until stdin ends."""
    serve(child)


if __name__ == "__main__":
    main()
