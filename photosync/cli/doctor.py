"""``doctor``: is everything there that a run needs?"""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING

from rich.text import Text

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, USER_MUST_ACT, Result, end, plural, printable
from photosync.cli.signals import obey_signals

if TYPE_CHECKING:
    from photosync.app.doctor import Finding

MARKS = {"ok": ("  ", ""), "note": ("- ", "yellow"), "bad": ("! ", "bold red")}


def doctor(
    *, config: ConfigOption = None, as_json: JsonOption = False, verbose: VerboseOption = False
) -> None:
    """Check everything that a run needs, and say how to mend what is missing."""
    from photosync.app.doctor import examine, is_healthy
    from photosync.cli.phones import keep_quiet

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    halt = Event()
    obey_signals(halt)
    findings = list(examine(settings, halt=halt))
    healthy = is_healthy(findings)
    document = {
        "version": 1,
        "healthy": healthy,
        "findings": [one.document() for one in findings],
    }
    code = DONE if healthy else USER_MUST_ACT
    end(Result(_view(findings), document, code), as_json=as_json)


def _view(findings: list[Finding]) -> Text:
    width = max(len(one.about) for one in findings)
    text = Text()
    for one in findings:
        mark, style = MARKS[one.verdict]
        text.append(mark, style=style)
        text.append(f"{one.about:{width}}  ", style="dim")
        text.append(printable(one.message) + "\n")
        if one.hint:
            text.append(" " * (width + 4) + printable(one.hint) + "\n", style="bold")
    bad = sum(one.verdict == "bad" for one in findings)
    if bad:
        text.append(f"{bad} {plural(bad, 'thing needs', 'things need')} you: see the lines with !")
    else:
        text.append("Everything that a run needs is there.", style="green")
    return text
