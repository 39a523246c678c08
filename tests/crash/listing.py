"""Every place in the code that changes what outlives the process, read from the code itself."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import photosync

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(photosync.__file__).parent
ELSEWHERE = ("emulator/", "cli/demo.py", "files/samples/")
"""Not the program that people trust their photos to."""

DATABASE = "store/database.py"
FILE_METHODS = frozenset(
    {"unlink", "rename", "mkdir", "hardlink_to", "symlink_to", "touch", "rmdir", "write_text"}
    | {"write_bytes", "chmod", "truncate"}
)
OS_CALLS = frozenset(
    {"fsync", "link", "mkdir", "makedirs", "rename", "replace", "rmdir", "unlink", "remove"}
    | {"truncate", "ftruncate", "utime", "symlink"}
)


def borders() -> dict[str, set[str]]:
    """Functions ("store/media.py:MediaItems.fail") that commit, send, or change files, by kind."""
    found: dict[str, set[str]] = {"commit": set(), "request": set(), "file": set()}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if name.startswith(ELSEWHERE):
            continue
        for function, call in _calls(ast.parse(file.read_text("utf-8")), ""):
            kind = _kind(call, "self" if name == DATABASE else "self._database")
            if kind is not None:
                found[kind].add(f"{name}:{function}")
    return found


def _calls(node: ast.AST, inside: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the qualified name of the function that it stands in."""
    for one in ast.iter_child_nodes(node):
        if isinstance(one, ast.ClassDef):
            yield from _calls(one, f"{inside}{one.name}.")
        elif isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _calls(one, f"{inside}{one.name}.<locals>.")
        else:
            if isinstance(one, ast.Call):
                yield inside.removesuffix(".<locals>."), one
            yield from _calls(one, inside)


def _kind(call: ast.Call, database: str) -> str | None:
    function = call.func
    if not isinstance(function, ast.Attribute):
        return None
    whose = ast.unparse(function.value)
    if function.attr in ("write", "run") and whose == database:
        return "commit"
    if function.attr == "send" and whose.removeprefix("self.") in ("_api", "_wire"):
        return "request"
    if whose == "os":
        return "file" if function.attr in OS_CALLS else None
    if function.attr in FILE_METHODS:
        return "file"
    # Path.replace takes one argument, str.replace two
    is_path = function.attr == "replace" and len(call.args) == 1 and not call.keywords
    return "file" if is_path else None
