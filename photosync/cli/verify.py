"""``verify``: is everything that is done still in the library?"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, Result, console, end, exit_code, photos, plural
from photosync.cli.signals import obey_signals
from photosync.domain.media import readable
from photosync.errors import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.app.verifying import Verification
    from photosync.errors import PhotosyncError

MOST_SHOWN = 50


def verify(
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Send again what the last verification missed.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask the library after every photo that is done; 50 of them cost one request."""
    from photosync.app import verifying

    settings = settings_of(config, verbose=verbose)
    if again:
        end(_sent_again(verifying.send_again(settings)), as_json=as_json)
    halt = Event()
    obey_signals(halt)
    with _progress(shown=not as_json and sys.stderr.isatty()) as tick:
        found = verifying.verify(settings, halt=halt, tick=tick)
    end(_result(found), as_json=as_json)


def _sent_again(ids: list[int]) -> Result:
    text = "The last verification missed nothing. To ask the library: photosync verify"
    if ids:
        text = f"{photos(len(ids))} {plural(len(ids), 'goes', 'go')} up once more."
    return Result(text, {"version": 1, "sent_again": ids})


def _result(found: Verification) -> Result:
    document = {
        "version": 1,
        "asked": found.asked,
        "left": found.left,
        "unknown": found.unknown,
        "missing": [
            {"id": one.id, "path": readable(one.path), "source": one.source}
            for one in found.missing
        ],
        "error": _told(found.error),
    }
    code = FAILED if found.missing or found.unknown else DONE
    if found.error is not None:
        code = FAILED if isinstance(found.error, Stopping) else exit_code(found.error)
    return Result("\n".join(_lines(found)), document, code)


def _told(error: PhotosyncError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _lines(found: Verification) -> Iterator[str]:
    if not found.asked and not found.left:
        yield "Nothing is done yet, so there is nothing to ask after."
    elif not found.missing and not found.unknown and not found.left:
        yield f"{photos(found.asked)} asked after: the library holds all of them."
    else:
        yield f"{photos(found.asked)} asked after."
    if found.unknown:
        yield f"Google would not say anything of {photos(found.unknown)}."
    yield from _missing_lines(found)
    if found.error is not None:
        yield f"! {found.error.message}"
        if found.error.hint:
            yield f"  {found.error.hint}"
    if found.left:
        yield f"{photos(found.left)} to go; it goes on from here: photosync verify"


def _missing_lines(found: Verification) -> Iterator[str]:
    count = len(found.missing)
    if not count:
        return
    yield f"The library does not hold {photos(count)} any more (deleted, or in its bin):"
    for one in found.missing[:MOST_SHOWN]:
        yield f"  {one.id:>6}  {readable(one.source)}: {readable(one.path)}"
    if count > MOST_SHOWN:
        yield f"  and {count - MOST_SHOWN:,} more, see --json"
    yield "Nothing is sent again unless you say so: photosync verify --again"


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on the terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    if not shown:
        yield None
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        bar = progress.add_task("asking", total=None)
        yield lambda asked, in_all: progress.update(bar, completed=asked, total=in_all)
