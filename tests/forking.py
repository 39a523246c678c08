"""A process with everything imported that forks a child for each order on its stdin."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable


def become(standard: tuple[int, int, int]) -> None:
    """Let this process read and write there: stdin, stdout and stderr."""
    for number, to in enumerate(standard):
        os.dup2(to, number)


def serve(child: Callable[[dict[str, Any]], NoReturn]) -> None:
    """A child for each line of JSON until stdin ends; its exit code is the answer."""
    for line in sys.stdin:
        process = os.fork()
        if not process:
            child(json.loads(line))
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
