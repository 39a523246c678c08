"""The only place that prints: a verb returns a ``Result``; here it becomes text or JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console
from rich.text import Text

from photosync.domain.media import readable
from photosync.errors import (
    BlockedError,
    PhotosyncError,
    SettingsError,
    StateFolderUnusable,
    UnknownItem,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

DONE, FAILED, USAGE, USER_MUST_ACT = 0, 1, 2, 3
WIDTH_IN_PIPES = 1000
DOUBTFUL = re.compile(r"[^ -~\n]")


@dataclass(frozen=True, slots=True)
class Result:
    """What a verb has to say. ``text`` for people, ``document`` for ``--json``."""

    text: RenderableType
    document: dict[str, Any] = field(default_factory=dict)
    exit_code: int = DONE


def end(result: Result, *, as_json: bool) -> None:
    """Print the result on stdout and end with its exit code."""
    if as_json:
        print_json(result.document)
    else:
        console().print(result.text, soft_wrap=isinstance(result.text, (str, Text)), markup=False)
    raise typer.Exit(result.exit_code)


def can_show(text: str) -> bool:
    """Whether stdout's encoding has all of it."""
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def print_json(document: dict[str, Any]) -> None:
    """One JSON document on stdout."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    if not can_show(text):
        text = json.dumps(document, indent=2)
    sys.stdout.write(DOUBTFUL.sub(_escaped, text) + "\n")
    sys.stdout.flush()


def _escaped(found: re.Match[str]) -> str:
    """What a terminal would obey, like U+202E, comes escaped: the JSON says the same."""
    return found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1]


def end_badly(error: PhotosyncError, *, as_json: bool) -> int:
    """Say on stderr what went wrong and what to do about it; the exit code for it."""
    if as_json:
        told = {"code": error.code, "message": error.message, "hint": error.hint}
        print_json({"version": 1, "error": told})
    line = Text("photosync: ", style="bold red").append(printable(error.message), style="default")
    if error.hint:
        line.append("\n" + printable(error.hint), style="bold")
    console(stderr=True).print(line, soft_wrap=True)
    return exit_code(error)


def error_document(error: PhotosyncError | None) -> dict[str, str] | None:
    """An error as part of a JSON document."""
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def error_lines(error: PhotosyncError) -> Iterator[str]:
    """An error and its cure among the lines of an answer."""
    yield f"! {error.message}"
    if error.hint:
        yield f"  {error.hint}"


def exit_code(error: PhotosyncError) -> int:
    """2: settings or usage; 3: the user must act first; 1: anything else."""
    if isinstance(error, (SettingsError, UnknownItem, StateFolderUnusable)):
        return USAGE
    if isinstance(error, BlockedError) and error.needs_user:
        return USER_MUST_ACT
    return FAILED


def console(*, stderr: bool = False) -> Console:
    """A console that takes no markup out of names and messages."""
    made = Console(stderr=stderr, markup=False, highlight=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = WIDTH_IN_PIPES  # what is sought with grep is not broken
    return made


def printable(text: str) -> str:
    """``text`` line by line without anything that a terminal would obey."""
    return "\n".join(readable(line) for line in text.split("\n"))


def plural(count: int, one: str, many: str = "") -> str:
    """``one`` or ``many`` (default: with an s), as ``count`` wants it."""
    return one if count == 1 else many or one + "s"


def photos(count: int) -> str:
    """So many of them, in words."""
    return f"{count:,} {plural(count, 'photo or video', 'photos and videos')}"
