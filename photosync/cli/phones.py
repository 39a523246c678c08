"""``phones`` and ``folders``: who is plugged in, what lies on them, and what of it is taken."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from photosync.cli.options import ConfigOption, JsonOption, VerboseOption, settings_of
from photosync.cli.result import DONE, USER_MUST_ACT, Result, end, printable

if TYPE_CHECKING:
    from photosync.app.looking import FolderLine, PhoneLine
    from photosync.config import Settings

NO_PHONE = (
    "No phone is plugged in. Is USB debugging on? On the phone: Settings, About phone, tap Build"
    " number seven times; then Settings, System, Developer options, USB debugging. If it is on,"
    " try another cable: some only charge."
)


def phones(
    *,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show each phone and what to do about it."""
    from photosync.app.looking import phone_lines
    from photosync.cli.phone_views import phones_view

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    _refuse_switched_off(settings)
    lines = phone_lines(settings)
    text = phones_view(lines) if lines else NO_PHONE
    document = {"version": 1, "phones": [one.document() for one in lines]}
    end(Result(text, document, _code(lines)), as_json=as_json)


def folders(
    *,
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[FOLDER]...", show_default=False)
    ] = None,
    phone: Annotated[str, typer.Option("--phone", metavar="SERIAL", help="Only this phone.")] = "",
    choose: Annotated[
        bool, typer.Option("--choose", help="Back up these folders; without any, ask about each.")
    ] = False,
    leave: Annotated[bool, typer.Option("--leave", help="Do not back up these folders.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show the folders with photos on each phone; choose which of them are backed up."""
    from photosync.app.looking import decide, folder_lines, known_labels
    from photosync.cli.phone_views import folders_view

    settings = settings_of(config, verbose=verbose)
    keep_quiet(verbose=verbose)
    _refuse_switched_off(settings)
    _refuse_nonsense(paths or [], choose=choose, leave=leave)
    lines = folder_lines(settings, phone)
    if paths:
        decide(settings, lines, paths, take=choose)
        lines = folder_lines(settings, phone)
    elif choose:
        for line in _asked(lines):
            decide(settings, [line], [line.path], take=_wants(line))
        lines = folder_lines(settings, phone)
    away = [] if lines else known_labels(settings)
    names = ", ".join(map(printable, away))
    nothing = f"Not plugged in: {names}. Nothing is known of its folders." if away else NO_PHONE
    text = folders_view(lines) if lines else nothing
    document = {"version": 1, "folders": [one.document() for one in lines]}
    end(Result(text, document, DONE if lines or away else USER_MUST_ACT), as_json=as_json)


def keep_quiet(*, verbose: bool) -> None:
    """What the daemon logs, of phones above all, is what these verbs show themselves."""
    if not verbose:
        logging.getLogger("photosync").setLevel(logging.WARNING)
        logging.getLogger("photosync.device").setLevel(logging.ERROR)


def _refuse_switched_off(settings: Settings) -> None:
    from photosync.errors import SettingsError

    if not settings.phone.enabled:
        raise SettingsError(
            "Phones are switched off in the settings.", hint="Switch them on: phone.enabled = true"
        )


def _refuse_nonsense(paths: list[str], *, choose: bool, leave: bool) -> None:
    from photosync.errors import SettingsError

    if choose and leave:
        raise SettingsError("Folders are chosen or left, not both.", hint="Use one of the two.")
    if paths and not (choose or leave):
        raise SettingsError("What is to become of them?", hint="Add --choose or --leave.")
    if leave and not paths:
        raise SettingsError("Which folders are to be left?", hint="Name them, as they are shown.")
    if choose and not paths and not sys.stdin.isatty():
        raise SettingsError(
            "There is nobody to ask.", hint="Name the folders: photosync folders --choose FOLDER..."
        )


def _asked(lines: list[FolderLine]) -> list[FolderLine]:
    """Folders that nobody has decided about."""
    return [one for one in lines if one.choice == "new"]


def _wants(line: FolderLine) -> bool:
    return typer.confirm(f"{line.phone}: back up {line.shown} ({line.items} files)?", err=True)


def _code(lines: list[PhoneLine]) -> int:
    return USER_MUST_ACT if not lines or any(one.advice for one in lines) else DONE
