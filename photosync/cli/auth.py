"""``auth``: sign in to Google Photos, once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import Result, end, printable

if TYPE_CHECKING:
    from photosync.config import Settings
    from photosync.google.sign_in import SignedIn

KEPT_CLIENT = "client_secret.json"


def auth(
    *,
    client_secret: Annotated[
        Path | None,
        typer.Option("--client-secret", metavar="FILE", help="JSON of your 'Desktop app' client."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address; paste back where it leads.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="For the way back; 0: any.")
    ] = 0,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it works.")] = False,
    revoke: Annotated[bool, typer.Option("--revoke", help="Sign out, at Google too.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Sign in to Google Photos: once, in a browser."""
    settings = settings_of(config, verbose=verbose)
    if check:
        end(_check(settings), as_json=as_json)
    if revoke:
        end(_revoke(settings), as_json=as_json)
    found = _sign_in(settings, client_secret, port=port, browser=not no_browser)
    end(_signed_in(settings, found), as_json=as_json)


def _sign_in(
    settings: Settings, client_secret: Path | None, *, port: int, browser: bool
) -> SignedIn:
    import webbrowser

    from photosync.app.state import make_state_dir, opened
    from photosync.google.sign_in import keep_client, sign_in
    from photosync.stages.gate import SIGN_IN_CODES

    make_state_dir(settings.state_dir)
    kept = settings.state_dir / KEPT_CLIENT
    named = settings.google.client_secret_file
    file = client_secret or (kept if kept.exists() and not named.exists() else named)
    found = sign_in(
        client_secret_file=file,
        token_file=settings.google.token_file,
        port=port,
        open_browser=webbrowser.open if browser else None,
        say=_say,
        ask=None if browser else _ask,
    )
    if file != kept:
        keep_client(file, kept)  # the next sign-in finds it there
    with opened(settings) as state:
        for code in SIGN_IN_CODES:
            state.control.clear_problem(code)
        state.control.ring(now=state.now())  # a daemon that waits for this goes on at once
    return found


def _check(settings: Settings) -> Result:
    from photosync.google.sign_in import check

    found = check(settings.google.token_file)
    document = {"version": 1, "signed_in": True, "scopes": list(found.scopes)}
    return Result("Signed in, and Google accepts it.", document)


def _signed_in(settings: Settings, found: SignedIn) -> Result:
    token_file = str(settings.google.token_file)
    document = {"version": 1, "token_file": token_file, "scopes": list(found.scopes)}
    lines = [f"Signed in. The token is in {printable(token_file)}; keep it to yourself."]
    if not found.is_whole:
        lines.append(
            "You did not let photosync see what it has added: should the answer to making an album"
            " get lost, a second one of that name is made; photosync verify cannot ask. To allow"
            " it: photosync auth"
        )
    return Result("\n".join([*lines, "Now start it: photosync run"]), document)


def _revoke(settings: Settings) -> Result:
    from photosync.google.sign_in import revoke

    revoke(settings.google.token_file)
    return Result("Signed out. To sign in again: photosync auth", {"version": 1, "revoked": True})


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _ask() -> str:
    _say("Paste the address that the browser ended at, then Enter:")
    return sys.stdin.readline().strip()
