"""``why``: what became of a file, and which rule or error decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.phones import keep_quiet
from photosync.cli.result import DONE, FAILED, USAGE, USER_MUST_ACT, Result, end, printable
from photosync.cli.views import copy_words, second_copy_words
from photosync.domain.fates import Verdict
from photosync.domain.media import readable

if TYPE_CHECKING:
    from photosync.app.answers import Answer

EXIT_CODES = {
    Verdict.TAKEN: DONE,
    Verdict.LEFT_OUT: FAILED,
    Verdict.FAILED: FAILED,
    Verdict.ACT: USER_MUST_ACT,
    Verdict.UNKNOWN: USAGE,
}
WORDS = {
    Verdict.TAKEN: ("green", "backed up, or will be"),
    Verdict.LEFT_OUT: ("yellow", "left out"),
    Verdict.FAILED: ("red", "failed"),
    Verdict.ACT: ("red", "waits for you"),
    Verdict.UNKNOWN: ("red", "not known"),
}


def why(
    *,
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="A file here or on a phone (PHONE:PATH), a copy of one, a name, or an item.",
            show_default=False,
        ),
    ],
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Say what became of a file, which rule or error decided, and what would change it."""
    from photosync.app.why import why as asked

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    answers = asked(settings, path)
    text = Text("\n\n").join(_view(one) for one in answers)
    document = {"version": 1, "answers": [one.document() for one in answers]}
    codes = [EXIT_CODES[one.fate.verdict] for one in answers]
    end(Result(text, document, next(filter(None, codes), DONE)), as_json=as_json)


def _view(answer: Answer) -> Text:
    fate = answer.fate
    style, words = WORDS[fate.verdict]
    if fate.code == "done":
        words = "backed up"
    name = printable(": ".join(filter(None, (answer.source, readable(answer.path)))))
    text = Text(f"{name}\n").append(f"  {words}: ", style=f"bold {style}")
    text.append(printable(fate.message))
    if fate.rule:
        text.append("\n  decided by: ", style="dim").append(printable(fate.rule))
    if fate.cure:
        text.append("\n  to change it: ", style="dim").append(printable(fate.cure), style="bold")
    for label, said_of in (("copied to", copy_words), ("second copy", second_copy_words)):
        if answer.copies and (said := said_of(answer.copies)):
            text.append(f"\n  {label}: ", style="dim").append(printable(said))
    for item in answer.items:
        text.append(f"\n  item {item.id}: {item.state}", style="dim")
    if answer.items:
        text.append(f"\n  its history: photosync show {answer.items[0].id}", style="dim")
    return text
