"""``restore``: items back on a phone, or into a folder."""

from __future__ import annotations

import sys
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.bars import counting
from photosync.cli.items import AllOption, ItemsArgument, StateOption
from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.phones import keep_quiet
from photosync.cli.result import (
    DONE,
    FAILED,
    USAGE,
    USER_MUST_ACT,
    Result,
    end,
    error_lines,
    exit_code,
    photos,
    plural,
)
from photosync.cli.signals import obey_signals
from photosync.domain.media import in_units, path_base64, readable
from photosync.domain.restoring import Span, Target, TargetKind, Wanted, span_of
from photosync.errors import BlockedError, SettingsError, Stopping

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from photosync.app.restoring import Part, Request, Restoration
    from photosync.errors import PhotosyncError
    from photosync.stages.restore import Trouble

MOST_SHOWN = 50
FORESEEN = {
    "exists": "another file lies there: it stays",
    "none": "no copy of it can be found",
    "mirror": "from the mirror",
    "folder": "from its folder",
    "backup": "from the backup",
}


def restore(
    *,
    items: ItemsArgument = None,
    everything: AllOption = False,
    state: StateOption = None,
    source: Annotated[
        str, typer.Option("--source", metavar="S", help="Only items of this source.")
    ] = "",
    folder: Annotated[
        str, typer.Option("--folder", metavar="PATH", help="Only what lay in this folder.")
    ] = "",
    day: Annotated[
        str, typer.Option("--day", metavar="DAY", help="Only of YYYY-MM-DD, or from A..B.")
    ] = "",
    to_phone: Annotated[
        str, typer.Option("--to-phone", metavar="SERIAL", help="To this phone.")
    ] = "",
    to_folder: Annotated[
        Path | None, typer.Option("--to-folder", metavar="DIR", help="Into this folder.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what earlier restores left.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Never mind what earlier restores left.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Put items back where they came from, or on another phone, or into a folder.

    What lies there is never overwritten.
    """
    from photosync.app import restoring

    chosen = bool(items) or everything or any((state, source, folder, day))
    _refuse_nonsense(items, chosen=chosen, resume=resume, forget=forget, dry_run=dry_run)
    request = restoring.Request(
        wanted=Wanted(ids=_ids(items), state=state, span=_span(day)),
        source=source,
        folder=folder,
        to=_target(to_phone, to_folder),
        resume=resume,
        dry_run=dry_run,
    )
    if items and any((everything, state, source, folder, day)):
        raise SettingsError("Name items by their numbers, or choose them otherwise, not both.")
    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    if forget:
        count = restoring.forget(settings)
        end(Result(f"{photos(count)} not wanted any more.", _forgotten(count)), as_json=as_json)
    halt = Event()
    obey_signals(halt)
    with counting("restoring", shown=not as_json and sys.stderr.isatty()) as tick:
        found = restoring.restore(settings, request, halt=halt, tick=tick)
    end(_result(found, request), as_json=as_json)


def _forgotten(count: int) -> dict[str, Any]:
    return {"version": 1, "forgotten": count}


def _ids(items: Sequence[int] | None) -> tuple[int, ...] | None:
    return tuple(dict.fromkeys(items)) if items else None


def _refuse_nonsense(
    items: Sequence[int] | None, *, chosen: bool, resume: bool, forget: bool, dry_run: bool
) -> None:
    if sum((chosen, resume, forget)) != 1:
        raise SettingsError(
            "Say which items: their numbers, --all, --state, --source, --folder or --day; or"
            " --resume.",
            hint="photosync list shows items and their numbers.",
        )
    if dry_run and not chosen:
        raise SettingsError("--dry-run goes with a choice of items.")
    if items and min(items) < 1:
        raise SettingsError("Items have numbers from 1 on.")


def _span(day: str) -> Span | None:
    if not day:
        return None
    try:
        return span_of(day)
    except ValueError as error:
        raise SettingsError(
            f"{day!r} is no day.", hint="Like 2024-05-01, or 2024-05-01..2024-05-31."
        ) from error


def _target(serial: str, folder: Path | None) -> Target | None:
    if serial and folder is not None:
        raise SettingsError("To a phone or into a folder, not both.", hint="Use one of the two.")
    if serial:
        return Target(TargetKind.PHONE, serial)
    if folder is not None:
        return Target(TargetKind.FOLDER, str(folder.expanduser().absolute()))
    return None


def _result(found: Restoration, request: Request) -> Result:
    document = {
        "version": 1,
        "dry_run": request.dry_run,
        "refused": {str(one): why for one, why in found.refused.items()},
        "parts": [_document(part, dry_run=request.dry_run) for part in found.parts],
    }
    lines = [line for part in found.parts for line in _lines(part, dry_run=request.dry_run)]
    lines += [f"Item {one}: {why}." for one, why in found.refused.items()]
    if not lines:
        lines = ["There is nothing left to go on with."] if request.resume else [NOTHING]
    return Result("\n".join(lines), document, _code(found))


NOTHING = "No item is meant by that, or photosync has read none of them yet."


def _code(found: Restoration) -> int:
    errors = [part.error for part in found.parts if part.error is not None]
    errors += [one.error for part in found.parts for one in part.tally.troubles if one.passes]
    codes = [exit_code(one) for one in errors if not isinstance(one, Stopping)]
    must_act = any(isinstance(one, BlockedError) and one.needs_user for one in errors)
    if must_act:
        return USER_MUST_ACT
    if USAGE in codes:
        return USAGE
    troubles = any(part.tally.troubles or part.error for part in found.parts)
    unforeseen = any(
        what in ("exists", "none") for part in found.parts for _, _, what in part.foreseen
    )
    return FAILED if troubles or unforeseen or found.refused else DONE


def _document(part: Part, *, dry_run: bool) -> dict[str, Any]:
    tally = part.tally
    document: dict[str, Any] = {
        "target": {
            "kind": part.target.kind,
            "address": readable(part.target.address),
            "label": readable(part.label),
        },
        "error": _told(part.error),
    }
    if dry_run:
        document["items"] = [
            {"id": one, **_path(path), "would": what} for one, path, what in part.foreseen
        ]
        return document
    return document | {
        "put": tally.put,
        "put_bytes": tally.put_bytes,
        "there": tally.there,
        "out_of": tally.out_of,
        "left": part.left,
        "failed": [
            {"id": one.item_id, **_path(one.path), **(_told(one.error) or {}), "passes": one.passes}
            for one in tally.troubles
        ],
    }


def _path(path: str) -> dict[str, str]:
    exact = path_base64(path)
    return {"path": readable(path)} | ({} if exact is None else {"path_base64": exact})


def _told(error: PhotosyncError | None) -> dict[str, str] | None:
    if error is None:
        return None
    return {"code": error.code, "message": error.message, "hint": error.hint}


def _lines(part: Part, *, dry_run: bool) -> Iterator[str]:
    label, tally = readable(part.label), part.tally
    if dry_run:
        yield from _foreseen_lines(part)
    elif tally.seen or part.error is None:
        size = in_units(tally.put_bytes)
        there = f", {tally.there:,} lay there already" if tally.there else ""
        yield f"{label}: {photos(tally.put)} put back ({size}){there}."
    yield from _trouble_lines(tally.troubles)
    if isinstance(part.error, Stopping):
        yield f"{label}: stopped."
    elif part.error is not None:
        yield from error_lines(part.error)
    if part.left and not dry_run:
        yield f"{photos(part.left)} to go; it goes on from here: photosync restore --resume"


def _foreseen_lines(part: Part) -> Iterator[str]:
    count = sum(what not in ("there", "exists", "none") for _, _, what in part.foreseen)
    yield f"{readable(part.label)}: {photos(count)} would be put back."
    told = [one for one in part.foreseen if one[2] != "there"]
    if there := len(part.foreseen) - len(told):
        yield f"  {photos(there)} {plural(there, 'lies', 'lie')} there already."
    for item, path, what in told[:MOST_SHOWN]:
        yield f"  {item:>6}  {readable(path)}: {FORESEEN[what]}"
    if len(told) > MOST_SHOWN:
        yield f"  and {len(told) - MOST_SHOWN:,} more, see --json"


def _trouble_lines(troubles: Sequence[Trouble]) -> Iterator[str]:
    if not troubles:
        return
    count = len(troubles)
    yield f"{count:,} {plural(count, 'was', 'were')} not put back:"
    for one in troubles[:MOST_SHOWN]:
        yield f"  {one.item_id:>6}  {readable(one.path)}: {one.error.message}"
    if count > MOST_SHOWN:
        yield f"  and {count - MOST_SHOWN:,} more, see --json"
    for hint in dict.fromkeys(one.error.hint for one in troubles if one.error.hint):
        yield f"  {hint}"
