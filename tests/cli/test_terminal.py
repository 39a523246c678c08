"""What a terminal of 80 columns shows, and how it is said that something was stopped."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from photosync.app.plugged import _the_one
from photosync.cli.bars import rate_column
from photosync.cli.main import outcome
from photosync.cli.report_views import Named
from photosync.errors import PhoneNotReady

if TYPE_CHECKING:
    from threading import Event

    from tests.cli.conftest import Home


@pytest.mark.parametrize("group", [[], ["config"], ["service"]])
def test_no_line_of_the_verbs_is_cut(
    group: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert outcome([*group, "--help"]) == 0
    verbs = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert len(verbs) >= 3
    assert all(line.startswith("  ") and line[2] != " " for line in verbs), "one line each"
    assert [line for line in verbs if line.endswith(("...", "…")) or len(line) > 80] == []


def shown(path: str, width: int, before: str = "") -> list[str]:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_row(Named(path, before=before), "12,345 items")
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue().splitlines()


def test_names_of_folders_are_broken_between_words() -> None:
    path = "Android/media/com.whatsapp/WhatsApp/Media/WhatsApp Images/Sent"
    lines = [line[:26].strip() for line in shown(path, 40)]
    assert lines == ["Android/media/", "com.whatsapp/WhatsApp/", "Media/WhatsApp Images/Sent"]
    assert shown(path, 200) == [f"{path}  12,345 items"]
    assert shown("a/b", 40, before="Pixel: ")[0].startswith("Pixel: a/b ")


def test_a_word_longer_than_a_line_is_shown_whole_all_the_same() -> None:
    lines = shown("x" * 60 + "/end", 40)
    assert "".join(line[:26].strip() for line in lines) == "x" * 60 + "/end"


def test_one_family_of_units() -> None:
    out = io.StringIO()
    moments = iter(range(1000))
    with Progress(
        rate_column(),
        console=Console(file=out, width=80, force_terminal=True),
        auto_refresh=False,
        get_time=lambda: float(next(moments)),
    ) as progress:
        bar = progress.add_task("", total=100 << 20)
        for step in range(1, 4):
            progress.update(bar, completed=step * (3 << 20))
        progress.refresh()
    assert "MiB/s" in out.getvalue()
    assert "MB/s" not in out.getvalue()


def test_a_report_that_was_stopped_says_so(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(halt: Event) -> None:
        halt.set()

    home.fill()
    monkeypatch.setattr("photosync.cli.report.obey_signals", stop)
    said = home.say("report", "--check")
    assert said.code == 1
    assert said.err.strip() == (
        "photosync: Stopped before all of it was looked at; nothing was changed."
    )


def test_report_explains_its_columns(home: Home) -> None:
    home.fill()
    assert "there: on the phone, or in the watched folder itself." in home.say("report").out


def test_without_a_phone_it_is_said_what_to_do() -> None:
    with pytest.raises(PhoneNotReady) as told:
        _the_one([], "", "")
    assert told.value.message == "No phone is plugged in."
    assert told.value.hint.startswith("Plug the phone in and unlock it")
    with pytest.raises(PhoneNotReady, match="Pixel is not plugged in"):
        _the_one([], "R58", "Pixel")
