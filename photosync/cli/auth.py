"""``auth``: sign in to Google Photos, once."""

from __future__ import annotations

import logging
import os
import select
import sys
import time
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import USER_MUST_ACT, Result, end, printable

if TYPE_CHECKING:
    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.errors import PhotosyncError
    from photosync.google.sign_in import SignedIn

log = logging.getLogger(__name__)

QUIET_SECONDS = 0.3
"""A paste that wraps over lines comes all at once; after such a pause it was all."""

LONGEST_PASTE = 65_536


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
    bind: Annotated[
        str, typer.Option("--bind", metavar="HOST", help="Where to listen; in a container 0.0.0.0.")
    ] = "127.0.0.1",
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
    found, trouble = _sign_in(settings, client_secret, bind=bind, port=port, browser=not no_browser)
    end(_signed_in(settings, found, trouble), as_json=as_json)


def _sign_in(
    settings: Settings, client_secret: Path | None, *, bind: str, port: int, browser: bool
) -> tuple[SignedIn, PhotosyncError | None]:
    """Sign in; what it allows, and why Google Photos does not speak with us all the same."""
    import webbrowser

    from photosync.app.signing_in import client_file, signed_in
    from photosync.app.state import make_state_dir, opened
    from photosync.google.sign_in import sign_in

    make_state_dir(settings.state_dir)
    file = client_secret or client_file(settings)
    found = sign_in(
        client_secret_file=file,
        token_file=settings.google.token_file,
        port=port,
        bind=bind,
        open_browser=webbrowser.open if browser else None,
        say=_say,
        pasted=_pasted if not browser or sys.stdin.isatty() else None,
        by_hand=not browser,
    )
    with opened(settings) as state:
        signed_in(settings, state, found, file)
        return found, _trouble(settings, state)


def _trouble(settings: Settings, state: State) -> PhotosyncError | None:
    """Why Google Photos does not speak with us: an API that is switched off, say. One request."""
    from photosync.app.connecting import speaks
    from photosync.errors import BlockedError, PhotosyncError

    try:
        speaks(settings, state, halt=Event())
    except BlockedError as error:
        return error
    except PhotosyncError as error:
        log.debug("auth.unproven reason=%s", error)
    return None


def _check(settings: Settings) -> Result:
    from photosync.app.state import opened
    from photosync.app.times import rfc3339
    from photosync.google.sign_in import check

    found = check(settings.google.token_file)
    with opened(settings) as state:
        state.control.sign_in_ends(found.ends_at, now=state.now())
    document = {
        "version": 1,
        "signed_in": True,
        "scopes": list(found.scopes),
        "ends_at": rfc3339(found.ends_at),
    }
    lines = ["Signed in, and Google accepts it.", *_limits(found)]
    return Result("\n".join(lines), document)


def _signed_in(settings: Settings, found: SignedIn, trouble: PhotosyncError | None) -> Result:
    from photosync.app.times import rfc3339

    token_file = str(settings.google.token_file)
    document = {
        "version": 1,
        "token_file": token_file,
        "scopes": list(found.scopes),
        "ends_at": rfc3339(found.ends_at),
        "problem": None
        if trouble is None
        else {"code": trouble.code, "message": trouble.message, "hint": trouble.hint},
    }
    lines = [f"Signed in. The token is in {printable(token_file)}; keep it to yourself."]
    lines += _limits(found)
    if trouble is not None:
        lines += [f"! {printable(trouble.message)}", f"  {printable(trouble.hint)}".rstrip()]
        return Result("\n".join(lines), document, USER_MUST_ACT)
    return Result("\n".join([*lines, "Now start it: photosync run"]), document)


def _limits(found: SignedIn) -> list[str]:
    """What a sign-in lacks, and until when it lasts."""
    from photosync.app.standing import ending

    lines = []
    if not found.is_whole:
        lines.append(
            "You did not let photosync see what it has added: should the answer to making an album"
            " get lost, a second one of that name is made; photosync verify cannot ask. To allow"
            " it: photosync auth"
        )
    if found.ends_at is not None:
        note = ending(found.ends_at, now=time.time())
        lines += [f"! {note.message}", f"  {note.hint}"]
    return lines


def _revoke(settings: Settings) -> Result:
    from photosync.app.state import opened
    from photosync.google.sign_in import revoke

    revoke(settings.google.token_file)
    with opened(settings) as state:
        state.control.sign_in_ends(None, now=state.now())
    return Result("Signed out. To sign in again: photosync auth", {"version": 1, "revoked": True})


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _pasted() -> str:
    """What is pasted next, however many lines it was wrapped to; "" at the end."""
    descriptor = sys.stdin.fileno()
    text = b""
    while len(text) < LONGEST_PASTE:
        if text.endswith(b"\n") and text.strip():
            more, _, _ = select.select([descriptor], [], [], QUIET_SECONDS)
            if not more:
                break
        block = os.read(descriptor, 65536)
        if not block:
            break
        text += block
    return text.decode("utf-8", "replace").strip()
