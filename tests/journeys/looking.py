"""Looks at a state as ``photosync status`` does, from a process that has all imported.

Tests look again and again while they wait; half a second of start for each would be most of what
they take. ``Looker.look`` forks a child for each look, which runs the verb to its end with
arguments, variables and output of its own; what a test is about is started anew (``World.run``).
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from tests.forking import become, serve, without_coverage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERBS = frozenset({"status", "list", "show"})
"""They change nothing, and start nothing."""


class Looker:
    """The process, and where its children write."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="photosync-looks-")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.looking"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=without_coverage(os.environ),
            cwd=Path(__file__).parents[2],
            text=True,
        )

    def look(
        self, arguments: Sequence[str], environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """One verb, to its end."""
        out, err = (Path(self._folder.name, name) for name in ("out", "err"))
        order = {
            "arguments": ["photosync", *arguments],
            "environ": without_coverage(environ),
            "folder": str(Path.cwd()),
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
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


@cache
def looker() -> Looker:
    """The one of this process of pytest."""
    made = Looker()
    atexit.register(made.close)
    return made


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
    sys.argv = order["arguments"]
    from photosync.cli.main import main

    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 71
    return 70


def main() -> None:
    """Fork a child for each look until stdin ends."""
    serve(_child)


if __name__ == "__main__":
    main()
