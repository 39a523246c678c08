"""A process that forks a child for each order on its stdin.

What a child imports dies with it: it tells the names, and its parent imports them as well, so that
only the first child of each kind pays for that. ``without_coverage``: what ends at once, as by a
kill, never writes down what coverage has seen.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_COVERAGE = "COVERAGE_PROCESS"
"""How coverage begins in a process (variables)."""


def without_coverage(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables of a process that coverage does not watch."""
    return {name: told for name, told in environ.items() if _COVERAGE not in name}


def become(standard: tuple[int, int, int]) -> None:
    """Let this process read and write there: stdin, stdout and stderr."""
    for number, to in enumerate(standard):
        os.dup2(to, number)


def serve(child: Callable[[dict[str, Any]], int]) -> None:
    """A child for each line of JSON until stdin ends; its exit code is the answer.

    A child that returns ends at once; one that raises SystemExit ends as every program does.
    """
    for line in sys.stdin:
        imported = os.memfd_create("imported")
        process = os.fork()
        if not process:
            _be(child, json.loads(line), imported)
        _, status = os.waitpid(process, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()
        _import_too(imported)
        os.close(imported)


def _be(child: Callable[[dict[str, Any]], int], order: dict[str, Any], imported: int) -> NoReturn:
    code, known = 70, set(sys.modules)
    try:
        code = child(order)
        sys.stdout.flush()
        sys.stderr.flush()
        _tell(known, imported)
    except SystemExit:
        _tell(known, imported)
        raise
    except BaseException:  # noqa: BLE001 - nothing of this child goes on as its parent
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    os._exit(code)


def _tell(known: set[str], imported: int) -> None:
    os.write(imported, "\n".join(sys.modules.keys() - known).encode())


def _import_too(imported: int) -> None:
    size_bytes = os.fstat(imported).st_size
    for name in sorted(os.pread(imported, size_bytes, 0).decode().split()):
        with suppress(ImportError):  # a name that its package made up
            importlib.import_module(name)
