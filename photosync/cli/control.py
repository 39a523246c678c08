"""``pause`` and ``resume``: honoured by a running daemon within a second, and by later ones."""

from __future__ import annotations

from typing import Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import Result, end


def pause(
    *,
    reason: Annotated[str, typer.Argument(metavar="[REASON]", show_default=False)] = "",
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Take no more photos in hand until resume; uploads under way are finished."""
    from photosync.app.state import opened

    with opened(settings_of(config, verbose=verbose)) as state:
        state.control.pause(reason, now=state.now())
    end(
        Result("Paused. To go on: photosync resume", {"version": 1, "paused": True}),
        as_json=as_json,
    )


def resume(
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Go on after a pause; or ask Google again at once."""
    from photosync.app.state import opened

    with opened(settings_of(config, verbose=verbose)) as state:
        asks = state.control.ask_again(now=state.now())
        was = state.control.resume(now=state.now())
    text = "Going on." if was else "It was not paused."
    if asks:
        text = "Google is asked again now."
    end(Result(text, {"version": 1, "paused": False, "was_paused": was}), as_json=as_json)
