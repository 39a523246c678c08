"""``backup``: bring what is new to the second copy now, or make a key for it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from photosync.app.exposed import exposed_document
from photosync.cli.bars import counting
from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.phones import keep_quiet
from photosync.cli.result import (
    DONE,
    FAILED,
    Result,
    end,
    error_document,
    error_lines,
    exit_code,
    photos,
    plural,
    printable,
)
from photosync.cli.signals import obey_signals
from photosync.domain.backups import RESEAL_HINT
from photosync.domain.media import in_units, readable
from photosync.errors import SettingsError, Stopping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.app.backing import BackedUp
    from photosync.app.resealing import Sealing
    from photosync.config import Settings

TO = "PHOTOSYNC_BACKUP__TO"
MOST_SHOWN = 50


def backup(
    *,
    to: Annotated[
        str,
        typer.Option("--to", metavar="PATH|URL", help="There, this one time.", show_default=False),
    ] = "",
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Make a key to seal the second copy with.")
    ] = False,
    reseal: Annotated[
        bool, typer.Option("--reseal", help="Seal what is there as the settings say today.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring every photo that is not there yet to the second copy, and read it back."""
    settings = settings_of(config, verbose=verbose)
    if new_key:
        end(_new_key(settings), as_json=as_json)
    is_named = settings.backup.address
    if to:
        settings = _going_to(to, config, verbose=verbose)
    if not settings.backup.to:
        raise SettingsError(
            "The settings name no place for a second copy.",
            hint='Name one:  [backup]  to = "/mnt/disk/photos"; or once: photosync backup --to ...',
        )
    if reseal:
        end(_resealed(settings, verbose=verbose, as_json=as_json), as_json=as_json)
    from photosync.app.backing import back_up

    keep_quiet(verbose=verbose)
    halt = Event()
    obey_signals(halt)
    shown = not as_json and sys.stderr.isatty()
    with counting("backing up", shown=shown) as tick:
        stay = settings.backup.address == is_named
        found = back_up(settings, stay=stay, halt=halt, tick=tick if shown else None)
    end(_result(found, stopped=halt.is_set()), as_json=as_json)


def _going_to(to: str, config: Path | None, *, verbose: bool) -> Settings:
    """The settings, but for the place; they were read once, so that a mistake is in that."""
    os.environ[TO] = to if "://" in to else str(Path(to).absolute())
    try:
        return settings_of(config, verbose=verbose)
    except SettingsError as error:
        message = error.message.replace(f"In the environment: {TO}", "--to")
        raise SettingsError(message, hint="Name another place.") from error


def _resealed(settings: Settings, *, verbose: bool, as_json: bool) -> Result:
    from photosync.app.resealing import reseal

    keep_quiet(verbose=verbose)
    halt = Event()
    obey_signals(halt)
    with counting("sealing", shown=not as_json and sys.stderr.isatty()) as tick:
        done = reseal(settings, halt=halt, tick=tick)
    found, error = done.found, done.error
    document = {
        "version": 1,
        "to": readable(done.address),
        "sealed": found.files,
        "sealed_bytes": found.size_bytes,
        "removed": found.removed,
        "lost": [readable(path) for path in found.lost],
        "left": [readable(path) for path in found.left],
        "exposed": exposed_document(done.exposed),
        "error": error_document(error),
    }
    code = FAILED if done.exposed or found.lost or found.left else DONE
    if error is not None:
        code = FAILED if isinstance(error, Stopping) else exit_code(error)
    return Result(printable("\n".join(_sealing_lines(done))), document, code)


def _sealing_lines(done: Sealing) -> Iterator[str]:
    found = done.found
    yield (
        f"{photos(found.files)} ({in_units(found.size_bytes)}) sealed at {readable(done.address)}"
        f" and read back; {found.removed:,} old {plural(found.removed, 'file')} removed."
    )
    if found.lost:
        count = len(found.lost)
        verb = plural(count, "is not as it was", "are not as they were")
        yield f"{photos(count)} {verb} put there; to bring them there again: photosync backup"
        yield from (f"  {readable(path)}" for path in found.lost[:MOST_SHOWN])
    if found.left:
        count = len(found.left)
        yield (
            f"{count:,} {plural(count, 'file')} there can be read without the key and hold"
            " other bytes than photosync put there: look at them, and remove them yourself."
        )
        yield from (f"  {readable(path)}" for path in found.left[:MOST_SHOWN])
    if not done.exposed and done.error is None:
        yield "Nothing in it can be read without the keys of today."
    elif done.error is not None and not isinstance(done.error, Stopping):
        yield from error_lines(done.error)
    if done.exposed:
        yield done.exposed.words()
        yield "It goes on from here: photosync backup --reseal"


def _new_key(settings: Settings) -> Result:
    from photosync.app.backing import new_key

    file = settings.backup.identity_file
    public = new_key(file, now=time.time())
    lines = [
        f"The secret key is in {readable(str(file))}, for you alone to read.",
        f"Its public key: {public}",
    ]
    if settings.backup.recipients:
        lines.append(f'Add it to the settings:  [backup]  recipients = [..., "{public}"]')
    if not settings.backup.encrypt:
        lines.append("To seal the second copy with it:  [backup]  encrypt = true")
    lines.append(
        "Store a copy of that file elsewhere now: on paper, in a password manager, on a stick."
        " Without it nobody opens the second copy, you neither."
    )
    document = {"version": 1, "identity_file": readable(str(file)), "public_key": public}
    return Result("\n".join(lines), document)


def _result(found: BackedUp, *, stopped: bool) -> Result:
    document = {
        "version": 1,
        "to": readable(found.address),
        "made": found.made,
        "made_bytes": found.made_bytes,
        "items": found.items,
        "waiting": found.waiting,
        "put_aside": [
            {"code": code, "items": items, "example": message}
            for code, items, message in found.reasons
        ],
        "exposed": exposed_document(found.exposed),
        "error": error_document(found.error),
    }
    code = FAILED if found.waiting or stopped else DONE
    if found.error is not None and not isinstance(found.error, Stopping):
        code = exit_code(found.error)
    return Result(printable("\n".join(_lines(found))), document, code)


def _lines(found: BackedUp) -> Iterator[str]:
    at = readable(found.address)
    if found.made:
        yield (
            f"{photos(found.made)} ({in_units(found.made_bytes)}) brought to {at}"
            f" and read back; it holds {found.items:,}."
        )
    elif not found.waiting and found.error is None:
        were = plural(found.items, "was", "were")
        yield f"Nothing waits for {at}; {found.items:,} {were} brought there before."
    if found.exposed:
        yield from (found.exposed.words(), RESEAL_HINT)
    for _, items, message in found.reasons:
        yield f"  {items} x {message}"
    if found.error is not None and not isinstance(found.error, Stopping):
        yield from error_lines(found.error)
    if found.waiting:
        words = plural(found.waiting, "waits", "wait")
        yield f"{found.waiting:,} {words}; it goes on from here: photosync backup"
