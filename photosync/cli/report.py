"""``report``: phone, folders, mirror, second copy and library side by side."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from photosync.cli.bars import counting
from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, Result, end
from photosync.cli.signals import obey_signals
from photosync.errors import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.app.reconciling import Asked
    from photosync.app.state import State
    from photosync.config import Settings

Json = dict[str, Any]

MOST_IN_JSON = 10_000
"""Items of a kind that ``--missing --json`` names: for scripts that go on with them."""

FEW = 5
STOPPED = "Stopped before all of it was looked at; nothing was changed."


class By(StrEnum):
    """What the table has a row for."""

    FOLDER = "folder"
    MONTH = "month"


def report(
    *,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing", help="Only what is in one place, or nowhere; exit code 1 if any."
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page that needs nothing but a browser."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Read every file on this computer and compare it.")
    ] = False,
    source: Annotated[
        str, typer.Option("--source", metavar="S", help="Only this phone or folder.")
    ] = "",
    by: Annotated[By, typer.Option("--by", help="A row for each.")] = By.FOLDER,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show what lies where: on phones, in folders, mirror, second copy and library."""
    from photosync.app.reconciled import endangered
    from photosync.app.reconciling import Asked
    from photosync.app.state import looked_at, source_named
    from photosync.cli.report_views import NOTHING_YET, report_view

    settings = settings_of(config, verbose=verbose)
    halt = Event()
    obey_signals(halt)
    result = Result(NOTHING_YET, {"version": 1, "items": {"total": 0}})
    with looked_at(settings) as state:
        if state is not None:
            number = source_named(state, source).id if source else None
            samples = MOST_IN_JSON if missing and as_json else FEW
            asked = Asked(source_id=number, check=check, samples=samples)
            total = state.overview.counts().total(number)
            with counting("looking", shown=not as_json and sys.stderr.isatty()) as told:
                while_ = _While(halt, lambda count: told(count, total))
                try:
                    found = _found(settings, state, asked, html, while_)
                except Stopping as error:
                    raise Stopping(STOPPED) from error
            is_bad = bool(found["damaged"]["items"]) or (missing and endangered(found) > 0)
            text = report_view(found, by=by, missing=missing, page=html)
            result = Result(text, found, FAILED if is_bad else DONE)
    end(result, as_json=as_json)


class _While(NamedTuple):
    """What goes on while it looks: the user may want no more of it, and sees how far it is."""

    halt: Event
    tick: Callable[[int], None]


def _found(
    settings: Settings, state: State, asked: Asked, html: Path | None, while_: _While
) -> Json:
    if html is None:
        from photosync.app.reconciled import document
        from photosync.app.reconciling import reconcile

        report = reconcile(settings, state, asked, halt=while_.halt, tick=while_.tick)
        return document(report)
    from photosync.app.picturing import write_page

    return write_page(html, settings, state, asked, halt=while_.halt, tick=while_.tick)
