"""``verify``: is everything that is done still in the library, and in the second copy?"""

from __future__ import annotations

import sys
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

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
from photosync.errors import PhotosyncError, SettingsError, Stopping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from photosync.app.backup_verifying import BackupVerification, Difference
    from photosync.app.verifying import Verification
    from photosync.config import Settings

MOST_SHOWN = 50
WHAT = {
    "missing": "is gone",
    "changed": "has another size",
    "damaged": "is not what was put there",
    "lost": "was lost before, and waits to be backed up again",
}


def verify(
    *,
    again: Annotated[
        bool, typer.Option("--again", help="Send again what the last verification missed.")
    ] = False,
    whole: Annotated[
        bool, typer.Option("--all", help="Read all of the second copy, not a sample.")
    ] = False,
    backup: Annotated[bool, typer.Option("--backup", help="The second copy alone.")] = False,
    library: Annotated[bool, typer.Option("--library", help="The library alone.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ask the library after every photo that is done, and read the second copy back."""
    from photosync.app import verifying

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    if again:
        end(_sent_again(verifying.send_again(settings)), as_json=as_json)
    _refuse_nonsense(settings, backup=backup, library=library, whole=whole)
    halt = Event()
    obey_signals(halt)
    shown = not as_json and sys.stderr.isatty()
    copy = None
    if settings.backup.to and not library:
        copy = _read_back(settings, whole=whole, halt=halt, shown=shown)
    found = None
    if not backup:
        found = _ask(settings, halt=halt, shown=shown, may_raise=copy is None)
    end(_result(found, copy), as_json=as_json)


def _refuse_nonsense(settings: Settings, *, backup: bool, library: bool, whole: bool) -> None:
    if backup and library:
        raise SettingsError(
            "--backup is the second copy alone, --library the library alone.",
            hint="Leave both away for both.",
        )
    if (backup or (whole and not library)) and not settings.backup.to:
        raise SettingsError(
            "The settings name no place for a second copy.", hint="Set backup.to in [backup]."
        )


def _read_back(settings: Settings, *, whole: bool, halt: Event, shown: bool) -> BackupVerification:
    from photosync.app.backup_verifying import verify_backup

    with counting("reading", shown=shown) as tick:
        return verify_backup(settings, whole=whole, halt=halt, tick=tick)


def _ask(settings: Settings, *, halt: Event, shown: bool, may_raise: bool) -> Verification:
    from photosync.app import verifying

    try:
        with counting("asking", shown=shown) as tick:
            return verifying.verify(settings, halt=halt, tick=tick)
    except PhotosyncError as error:
        if may_raise:
            raise
        return verifying.Verification(0, 0, 0, [], error)  # what was read is told all the same


def _sent_again(ids: list[int]) -> Result:
    text = "The last verification missed nothing. To ask the library: photosync verify"
    if ids:
        text = f"{photos(len(ids))} {plural(len(ids), 'goes', 'go')} up once more."
    return Result(text, {"version": 1, "sent_again": ids})


def _result(found: Verification | None, copy: BackupVerification | None) -> Result:
    lines: list[str] = []
    document: dict[str, Any] = {"version": 1}
    codes = [DONE]
    if found is not None:
        lines += _lines(found)
        document |= _library_document(found)
        codes.append(_code(found.error, bad=bool(found.missing or found.unknown)))
    document["backup"] = None
    if copy is not None:
        lines += map(printable, _copy_lines(copy))
        document["backup"] = _copy_document(copy)
        codes.append(_code(copy.error, bad=bool(copy.differences)))
    return Result("\n".join(lines), document, max(codes))


def _code(error: PhotosyncError | None, *, bad: bool) -> int:
    if error is None:
        return FAILED if bad else DONE
    return FAILED if isinstance(error, Stopping) else exit_code(error)


def _library_document(found: Verification) -> dict[str, Any]:
    return {
        "asked": found.asked,
        "left": found.left,
        "unknown": found.unknown,
        "missing": [
            {"id": one.id, "path": readable(one.path), "source": one.source}
            for one in found.missing
        ],
        "error": error_document(found.error),
    }


def _copy_document(copy: BackupVerification) -> dict[str, Any]:
    return {
        "to": readable(copy.address),
        "held": copy.held,
        "read": copy.read,
        "read_bytes": copy.read_bytes,
        "left": copy.left,
        "opened": copy.opened,
        "differences": [
            {
                "what": one.what,
                "path": readable(one.path),
                "name": readable(one.name),
                "sha256": one.sha256,
            }
            for one in copy.differences
        ],
        "back": copy.back,
        "unknown": [readable(path) for path in copy.unknown],
        "elsewhere": copy.elsewhere[0],
        "exposed": exposed_document(copy.exposed),
        "replaced": [
            {"path": readable(path), "by": readable(by)} for path, by in copy.replaced.items()
        ],
        "error": error_document(copy.error),
    }


def _copy_lines(copy: BackupVerification) -> Iterator[str]:
    count, at = len(copy.differences), readable(copy.address)
    if copy.error is None or copy.read:
        yield (
            f"The second copy at {at}: {copy.held:,} should be there; {copy.read:,}"
            f" ({in_units(copy.read_bytes)}) read back."
        )
    if copy.opened is False:
        yield "They are sealed and the key is not here: held against their hashes, not opened."
    if copy.back:
        yield f"{photos(copy.back)} that {plural(copy.back, 'was', 'were')} lost are there again."
    if not count and not copy.left and copy.error is None:
        yield "All of that is as it was put there."
    if count:
        yield f"{count:,} {plural(count, 'is', 'are')} not as they were put there:"
        yield from _listed(_difference(one) for one in copy.differences)
        yield "They are backed up again by the next run, or now: photosync backup"
    yield from _unknown_lines(copy)
    yield from _otherwise_lines(copy)
    yield from _error_lines(copy.error)
    if copy.left:
        yield f"{photos(copy.left)} to go; it goes on from here: photosync verify --all"


def _difference(one: Difference) -> str:
    name = "" if one.path.startswith(one.name) else f" ({readable(one.name)})"
    return f"  {readable(one.path)}{name} {WHAT[one.what]}"


def _unknown_lines(copy: BackupVerification) -> Iterator[str]:
    strange = [path for path in copy.unknown if path not in copy.replaced]
    count = len(strange)
    if count:
        yield f"{count:,} {plural(count, 'file')} there that photosync does not know (left alone):"
    yield from _listed(f"  {readable(path)}" for path in strange)
    if copy.replaced:
        yield (
            "Found damaged, and brought there anew under another name; the damaged ones are left"
            " for you to look at, and may be removed:"
        )
    yield from _listed(
        f"  {readable(path)} (now {readable(by)})" for path, by in copy.replaced.items()
    )


def _otherwise_lines(copy: BackupVerification) -> Iterator[str]:
    count, why = copy.elsewhere
    if count:
        yield f"{photos(count)} missing in it: {why}"
    if copy.exposed:
        yield from (copy.exposed.words(), RESEAL_HINT)


def _listed(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        if number < MOST_SHOWN:
            yield line
        elif number == MOST_SHOWN:
            yield "  and more, see --json"


def _error_lines(error: PhotosyncError | None) -> Iterator[str]:
    if isinstance(error, Stopping):
        yield "Stopped before the end."
    elif error is not None and error.message:
        yield from error_lines(error)


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
    yield from _error_lines(found.error)
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
