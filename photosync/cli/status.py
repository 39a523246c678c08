"""``status``: what is where; works while the daemon is stopped."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import Result, console, end, print_json

if TYPE_CHECKING:
    from photosync.config import Settings

WATCH_SECONDS = 1.0


def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until Ctrl-C.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show what is where, how fast it goes, and what photosync needs."""
    from photosync.app.report import exit_code
    from photosync.cli.views import status_view

    settings = settings_of(config, verbose=verbose)
    if watch:
        _watch(settings, as_json=as_json)
    document = look(settings)
    end(Result(status_view(document), document, exit_code(document)), as_json=as_json)


def look(settings: Settings) -> dict[str, Any]:
    """The status document by now."""
    from photosync.app.report import status as report
    from photosync.app.state import looked_at

    with looked_at(settings) as state:
        return report(settings, state, now=int(time.time()))


def _watch(settings: Settings, *, as_json: bool) -> None:
    """Until Ctrl-C, which is the ordinary way to end it."""
    from rich.live import Live

    from photosync.cli.views import status_view

    try:
        if as_json:
            while True:
                print_json(look(settings))
                time.sleep(WATCH_SECONDS)
        first = status_view(look(settings), is_live=True)
        with Live(first, console=console(), screen=False, auto_refresh=False) as live:
            while True:
                time.sleep(WATCH_SECONDS)
                live.update(status_view(look(settings), is_live=True), refresh=True)
    except KeyboardInterrupt:
        raise typer.Exit from None
