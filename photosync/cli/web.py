"""``web``: where the page is, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, USAGE, Result, end

if TYPE_CHECKING:
    from photosync.config import Settings


def web(
    *,
    open_: Annotated[bool, typer.Option("--open", help="Open it in your browser, too.")] = False,
    password: Annotated[
        bool, typer.Option("--password", help="Ask for a password and write web.password_file.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the address of the web page."""
    settings = settings_of(config, verbose=verbose)
    if password:
        end(_set_password(settings), as_json=as_json)
    address, why = _address(settings)
    document = {"version": 1, "address": address or None, "reason": why or None}
    if address and open_:
        _open(address)
    end(Result(address or why, document, DONE if address else FAILED), as_json=as_json)


def _address(settings: Settings) -> tuple[str, str]:
    """Where the page of the running daemon is; else "" and why there is none."""
    from photosync.app.not_signed_in import page_address
    from photosync.app.state import looked_at
    from photosync.daemon import lock

    if not settings.web.enabled:
        return "", "The web page is switched off. Switch it on: web.enabled = true"
    with looked_at(settings) as state:
        if lock.holder(settings.state_dir) is None or state is None:
            return "", "photosync is not running, so there is no page. Start it: photosync run"
        address = page_address(settings, state)
        problems = [one for one in state.control.problems() if one.subject == "web"]
    if not address or problems:
        why = problems[0] if problems else None
        return "", f"{why.message} {why.hint}" if why else "The web page is not ready yet."
    return address, ""


def _open(address: str) -> None:
    import webbrowser

    webbrowser.open(address)


def _set_password(settings: Settings) -> Result:
    from photosync.web.door import write_password

    file = settings.web.password_file
    if file is None:
        text = 'Say first where it is to be kept:  [web]  password_file = "web-password"'
        return Result(text, {"version": 1, "password_file": None}, USAGE)
    said = typer.prompt("Password for the web page", hide_input=True, confirmation_prompt=True)
    write_password(file, said)
    text = f"{file} is written. It counts once photosync is started anew, or reloaded."
    return Result(text, {"version": 1, "password_file": str(file)})
