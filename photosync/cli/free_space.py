"""``free-space``: room on a phone, by removing from it what is proven to be in two other places."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from photosync.cli.bars import counting
from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.phones import keep_quiet
from photosync.cli.result import (
    DONE,
    FAILED,
    Result,
    console,
    end,
    error_lines,
    exit_code,
    photos,
    plural,
)
from photosync.cli.signals import obey_signals
from photosync.cli.views import local
from photosync.domain.media import in_units, readable
from photosync.errors import SettingsError, Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.app.freeing import Offer
    from photosync.config import Settings
    from photosync.stages.free_space import Removal

DAYS = re.compile(r"([0-9]{1,5})d")
MOST_SHOWN = 50
MOST_LOGGED = 100_000
OUTCOMES = {
    "begun": "begun, its end was not seen",
    "gone": "removed",
    "kept": "kept",
    "back": "removed, and put back since",
}


def free_space(
    *,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="DAYS", help="Only older ones, like 30d.")
    ] = "30d",
    phone: Annotated[str, typer.Option("--phone", metavar="SERIAL", help="This phone.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what may go; remove nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Show what was removed so far.")] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST_LOGGED, help="So much of the log.")
    ] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Remove from the phone what the library holds and what was read back from a copy just now.

    Everything that may go is shown, and nothing goes before you say yes.
    """
    from photosync.app.freeing import offered

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    if log:
        end(_log(settings, limit), as_json=as_json)
    days = _days(older_than)
    if not (dry_run or yes or (sys.stdin.isatty() and not as_json)):
        raise SettingsError(
            "There is nobody to ask.", hint="Look with --dry-run; remove without asking: --yes"
        )
    halt = Event()
    obey_signals(halt)
    shown = not as_json and sys.stderr.isatty()
    with (
        _looking(shown=shown) as look,
        offered(settings, serial=phone, older_than_days=days, halt=halt, tick=look.tick) as offer,
    ):
        look.end()
        removal = None
        asked = bool(shown and offer.proven) and not (dry_run or yes)
        if not dry_run and offer.proven and (yes or _agreed(offer)):
            with counting("removing", shown=shown) as tick:
                removal = offer.accept(tick=tick)
        result = _result(offer, removal, dry_run=dry_run, is_shown=asked)
    end(result, as_json=as_json)


def _days(text: str) -> int:
    found = DAYS.fullmatch(text)
    if found is None:
        raise SettingsError(f"{text!r} is no age.", hint="Days, like 30d; 0d for any age.")
    return int(found[1])


class _Look:
    """What is told while the phone and the copies are looked through."""

    def __init__(self, tick: Callable[[int, int], None], end: Callable[[], None]) -> None:
        self.tick = tick
        self.end = end


@contextmanager
def _looking(*, shown: bool) -> Iterator[_Look]:
    """One line on the terminal that counts."""
    if not shown:
        yield _Look(lambda _files, _size: None, lambda: None)
        return
    with console(stderr=True).status("Looking through the phone and the copies ...") as status:

        def tick(files: int, size_bytes: int) -> None:
            status.update(f"Looked at {files:,}: {in_units(size_bytes)} may go so far ...")

        yield _Look(tick, status.stop)


def _agreed(offer: Offer) -> bool:
    for line in _offer_lines(offer):
        console(stderr=True).print(line, soft_wrap=True)
    count = len(offer.proven)
    question = f"Remove {count:,} {plural(count, 'file')} from {readable(offer.label)}? Type yes"
    answer: str = typer.prompt(question, default="no", show_default=False, err=True)
    return answer.strip().lower() == "yes"


def _result(offer: Offer, removal: Removal | None, *, dry_run: bool, is_shown: bool) -> Result:
    lines = [] if is_shown else list(_offer_lines(offer))
    code = DONE
    if removal is not None:
        lines += _removal_lines(offer, removal)
        code = FAILED if removal.stays else DONE
        if offer.error is not None:
            is_ours = isinstance(offer.error, Stopping)
            code = FAILED if is_ours else exit_code(offer.error)
    elif dry_run and offer.proven:
        lines.append("Nothing was removed (--dry-run).")
    elif offer.proven:
        lines.append("Nothing was removed.")
    return Result("\n".join(lines), _document(offer, removal, dry_run=dry_run), code)


def _offer_lines(offer: Offer) -> Iterator[str]:
    count, size = len(offer.proven), in_units(offer.size_bytes)
    may = plural(count, "may", "may")
    yield f"{readable(offer.label)}: {photos(count)} ({size}) {may} go."
    for folder, (files, size_bytes) in list(offer.by_folder().items())[:MOST_SHOWN]:
        yield f"  {files:>6,}  {in_units(size_bytes):>10}  {readable(folder) or '(the top)'}"
    reasons = offer.reasons()
    if reasons:
        yield f"{photos(len(offer.stays))} {plural(len(offer.stays), 'stays', 'stay')}:"
    for reason, files in list(reasons.items())[:MOST_SHOWN]:
        yield f"  {files:>6,}  {reason}"


def _removal_lines(offer: Offer, removal: Removal) -> Iterator[str]:
    size = in_units(removal.gone_bytes)
    gone = plural(removal.gone, "is", "are")
    yield f"{photos(removal.gone)} ({size}) {gone} removed from {readable(offer.label)}."
    if removal.stays:
        yield f"{photos(len(removal.stays))} stayed after all:"
    for one in removal.stays[:MOST_SHOWN]:
        yield f"  {one.candidate.item_id:>6}  {one.reason}"
    if offer.error is None:
        return
    if isinstance(offer.error, Stopping):
        yield "Stopped; the rest stays."
        return
    yield from error_lines(offer.error)


def _document(offer: Offer, removal: Removal | None, *, dry_run: bool) -> dict[str, Any]:
    error = offer.error
    return {
        "version": 1,
        "phone": {"serial": offer.serial, "label": offer.label},
        "dry_run": dry_run,
        "may_go": {
            "items": len(offer.proven),
            "bytes": offer.size_bytes,
            "ids": [one.candidate.item_id for one in offer.proven],
            "folders": [
                {"path": readable(folder), "items": files, "bytes": size_bytes}
                for folder, (files, size_bytes) in offer.by_folder().items()
            ],
        },
        "stays": [
            {"id": one.candidate.item_id, "reason": one.reason}
            for one in [*offer.stays, *([] if removal is None else removal.stays)]
        ],
        "removed": None
        if removal is None
        else {"items": removal.gone, "bytes": removal.gone_bytes},
        "error": None
        if error is None
        else {"code": error.code, "message": error.message, "hint": error.hint},
    }


def _log(settings: Settings, limit: int) -> Result:
    from photosync.app.freeing import log_lines
    from photosync.app.times import rfc3339

    lines = log_lines(settings, limit=limit)
    text = [
        f"{local(rfc3339(one.at))}  {one.item_id:>6}  {readable(one.label)}:"
        f" {readable(one.path)}: {one.reason or OUTCOMES[one.outcome]}"
        + (f" (it is in the library and in the {one.kept_in})" if one.outcome == "gone" else "")
        for one in lines
    ]
    document = {
        "version": 1,
        "log": [
            {
                "at": rfc3339(one.at),
                "id": one.item_id,
                "phone": readable(one.label),
                "path": readable(one.path),
                "size_bytes": one.size_bytes,
                "outcome": one.outcome,
                "reason": one.reason,
                "kept_in": one.kept_in,
            }
            for one in lines
        ],
    }
    return Result("\n".join(text) or "Nothing was ever removed from a phone.", document)
