"""``import``: begin with what another program has uploaded."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, FAILED, Result, console, end, photos, plural, printable
from photosync.cli.signals import obey_signals
from photosync.domain.media import in_units
from photosync.domain.other_programs import GPHOTOS_UPLOADER
from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.app.importing import Import

MOST_SHOWN = 10


def import_uploads(
    *,
    what: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER|gphotos-uploader-cli",
            help="A folder, or the program whose record is read.",
            show_default=False,
        ),
    ],
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="That program's own folder.", show_default=False),
    ] = None,
    assume_uploaded: Annotated[
        bool,
        typer.Option("--assume-uploaded", help="Everything in FOLDER is in the library already."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be taken as uploaded.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Leave out what another program has uploaded already. choose takes it back."""
    from photosync.app import importing

    settings = settings_of(config, verbose=verbose)
    halt = Event()
    obey_signals(halt)
    with _progress(shown=not as_json and sys.stderr.isatty()) as tick:
        told = importing.Told(halt, tick)
        if assume_uploaded:
            _refuse_directory(directory)
            found = importing.import_folder(settings, Path(what), dry_run=dry_run, told=told)
        elif what == GPHOTOS_UPLOADER:
            found = importing.import_gphotos_uploader(
                settings, directory, dry_run=dry_run, told=told
            )
        else:
            raise SettingsError(
                "What makes you sure that it is uploaded?",
                hint="If everything in the folder is in the library: photosync import FOLDER"
                f" --assume-uploaded. From a program's record: photosync import {GPHOTOS_UPLOADER}",
            )
    end(_result(found, what, dry_run=dry_run), as_json=as_json)


def _refuse_directory(directory: Path | None) -> None:
    if directory is not None:
        raise SettingsError(
            "One folder at a time.", hint="photosync import FOLDER --assume-uploaded"
        )


def _result(found: Import, what: str, *, dry_run: bool) -> Result:
    document: dict[str, Any] = {
        "version": 1,
        "from": printable(what),
        "dry_run": dry_run,
        "files": found.taken,
        "bytes": found.taken_bytes,
        "read_before": found.read_before,
        "items": found.items,
        "other": found.other,
        "gone": found.gone,
        "changed": found.changed,
        "unknown": found.unknown,
        "unread": {
            "files": found.unread_files,
            "examples": [{"path": path, "why": why} for path, why in found.unread],
        },
        "stopped": found.stopped,
    }
    is_whole = not found.stopped and not found.unread_files
    return Result("\n".join(_lines(found, dry_run=dry_run)), document, DONE if is_whole else FAILED)


def _lines(found: Import, *, dry_run: bool) -> Iterator[str]:
    would = "would be" if dry_run else plural(found.taken, "is", "are")
    yield f"{photos(found.taken)} ({in_units(found.taken_bytes)}) {would} taken as uploaded."
    if found.items:
        yield f"{found.items:,} {plural(found.items, 'item')} left out for it (state skipped)."
    if found.changed:
        yield f"{found.changed:,} changed since they were uploaded: photosync uploads them."
    if found.gone:
        yield f"{found.gone:,} on record are not there any more."
    if found.other:
        yield f"{found.other:,} are nothing that photosync would upload."
    if found.unknown:
        yield f"{found.unknown:,} lines of the record name no file of this computer."
    if found.unread_files:
        yield f"{found.unread_files:,} could not be read, and are not taken as uploaded:"
        yield from (f"  {printable(why)}" for _, why in found.unread[:MOST_SHOWN])
    if found.stopped:
        yield "Broken off. The same command goes on from here."
    elif found.items and not dry_run:
        yield "A wrong one? photosync choose ITEM sends it; Google does not double what it has."


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Files and bytes on the terminal, without an end: nobody has counted them."""
    from rich.progress import Progress, SpinnerColumn, TextColumn

    if not shown:
        yield lambda _files, _bytes: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:
        bar = progress.add_task("reading", total=None)
        so_far = [0, 0]

        def tick(files: int, size_bytes: int) -> None:
            so_far[0] += files
            so_far[1] += size_bytes
            words = f"{so_far[0]:,} files, {in_units(so_far[1])} read"
            progress.update(bar, description=words)

        yield tick
