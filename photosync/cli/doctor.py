"""``doctor``: is everything there that a run needs?"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import (
    DONE,
    FAILED,
    USER_MUST_ACT,
    Result,
    can_show,
    end,
    plural,
    printable,
)
from photosync.cli.signals import obey_signals

if TYPE_CHECKING:
    from photosync.app.finding import Finding

MARKS = {
    "ok": ("\N{CHECK MARK} ", "green"),
    "note": ("- ", "yellow"),
    "failed": ("x ", "red"),
    "bad": ("! ", "bold red"),
}
CODES = {"ok": DONE, "note": DONE, "failed": FAILED, "bad": USER_MUST_ACT}


def doctor(
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask Google (which costs one request).")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Check everything that a run needs, and say how to mend what is missing."""
    from photosync.app.doctor import examine
    from photosync.app.finding import worst
    from photosync.cli.phones import keep_quiet

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    halt = Event()
    obey_signals(halt)
    findings = list(examine(settings, halt=halt, offline=offline))
    code = CODES[worst(findings)]
    document = {
        "version": 1,
        "healthy": code == DONE,
        "findings": [one.document() for one in findings],
    }
    end(Result(_view(findings), document, code), as_json=as_json)


def _view(findings: list[Finding]) -> Text:
    width = max(len(one.about) for one in findings)
    text = Text()
    for one in findings:
        mark, style = MARKS[one.verdict]
        mark = mark if can_show(mark) else "  "
        text.append(mark, style=style)
        text.append(f"{one.about:{width}}  ", style="dim")
        text.append(printable(one.message) + "\n")
        if one.hint:
            text.append(" " * (width + 4) + printable(one.hint) + "\n", style="bold")
    bad = sum(one.verdict == "bad" for one in findings)
    failed = sum(one.verdict == "failed" for one in findings)
    if failed and not bad:
        text.append("Nothing needs you; but see the lines with x")
    elif bad:
        text.append(f"{bad} {plural(bad, 'thing needs', 'things need')} you: see the lines with !")
    else:
        text.append("Everything that a run needs is there.", style="green")
    return text
