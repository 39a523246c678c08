"""Runs verbs of photosync in children of a process that has imported what they need.

Half of a second of each start is imports; that would be most of what the journeys take.

``look``: as a test does while it waits. The child ends at once, and coverage does not see it: what
it runs is covered by tests of its own.

``run``: as a user does. The child has the arguments, variables, folder and output of its own that
a program has which is started anew, and ends as that does, with its threads and everything that
is to be done at its end; coverage watches it.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any

import photosync.__main__
from tests.forking import become, serve, without_coverage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

VERBS = frozenset({"status", "list", "show"})
"""They change nothing, and start nothing."""


TAKEN_OVER = ("HOME", "XDG_", "PHOTOSYNC_", "TZ", "PATH", "COLUMNS")
"""How variables begin that are looked at only when a verb runs. Others may matter to how Python
starts, or to the loader: a program that is to have them is started anew."""


class Looker:
    """The process, and where its children write; one child at a time."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="photosync-looks-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.looking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=without_coverage(os.environ),
            cwd=Path(__file__).parents[2],
            start_new_session=True,
            text=True,
        )

    def run(
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        *,
        timeout: float,
        ends_at_once: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """One verb, to its end.

        Raises:
            TimeoutExpired: After ``timeout`` seconds; the child is no more, nor is this.
        """
        out, err = (Path(self._folder.name, name) for name in ("out", "err"))
        order = {
            "arguments": [photosync.__main__.__file__, *arguments],
            "environ": dict(environ),
            "folder": str(Path.cwd()),
            "out": str(out),
            "err": str(err),
            "ends_at_once": ends_at_once,
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        told = False
        try:
            told = bool(select.select([self._process.stdout], [], [], timeout)[0])
        finally:  # it may be a Ctrl-C, too
            if not told:
                os.killpg(self._process.pid, signal.SIGKILL)
        if not told:
            raise subprocess.TimeoutExpired([*arguments], timeout, out.read_bytes())
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(
            arguments, code, out.read_text("utf-8"), err.read_text("utf-8")
        )

    def close(self) -> None:
        """End the process."""
        with self._process as process:
            assert process.stdin is not None
            process.stdin.close()
        self._folder.cleanup()


class _Lookers:
    """As many as are needed at a time."""

    def __init__(self) -> None:
        self._free: LifoQueue[Looker] = LifoQueue()

    @contextmanager
    def one(self) -> Iterator[Looker]:
        try:
            mine = self._free.get_nowait()
        except Empty:
            mine = Looker()
            atexit.register(mine.close)
        yield mine
        self._free.put(mine)  # not after a time-out


_LOOKERS = _Lookers()


def look(arguments: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One of ``VERBS``, to its end."""
    with _LOOKERS.one() as looker:
        return looker.run(arguments, without_coverage(environ), timeout=240, ends_at_once=True)


def run(
    arguments: Sequence[str], environ: Mapping[str, str], *, timeout: float
) -> subprocess.CompletedProcess[str]:
    """One verb, to its end.

    Raises:
        TimeoutExpired: After ``timeout`` seconds; it is no more.
    """
    with _LOOKERS.one() as looker:
        return looker.run(arguments, environ, timeout=timeout)


def can_run_with(environ: Mapping[str, str]) -> bool:
    """Whether only such variables are others than ours that are looked at when a verb runs."""
    others = {name for name, told in environ.items() if os.environ.get(name) != told}
    others |= os.environ.keys() - environ.keys()
    return all(name.startswith(TAKEN_OVER) for name in others)


def _child(order: dict[str, Any]) -> int:
    """Run one verb; its exit code."""
    os.environ.clear()
    os.environ.update(order["environ"])
    os.chdir(order["folder"])
    time.tzset()
    nothing = os.open(os.devnull, os.O_RDONLY)
    out, err = (
        os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for name in ("out", "err")
    )
    become((nothing, out, err))
    for one in (nothing, out, err):
        os.close(one)
    sys.argv = order["arguments"]
    if not order["ends_at_once"]:
        import coverage

        coverage.process_startup()
    program = importlib.import_module("photosync.__main__")
    sys.modules["__main__"] = program
    try:
        program.main()
    except SystemExit as end:
        if not order["ends_at_once"]:
            raise
        return end.code if isinstance(end.code, int) else 71
    return 70


def main() -> None:
    """Fork a child for each look until stdin ends."""
    serve(_child)


if __name__ == "__main__":
    main()
