from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from photosync import config
from photosync.app.looking import FolderLine
from photosync.app.report import status
from photosync.cli.phone_views import folders_view
from photosync.cli.result import plural, print_json, printable
from photosync.cli.verify import _error_lines
from photosync.cli.views import _headline, _sources, items_view, span, status_view
from photosync.domain.media import in_units
from photosync.errors import BackupAway, Stopping

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3_250_586, "3.1 MiB"),
        (5 * 1024**4, "5.0 TiB"),
        (5000 * 1024**4, "5000.0 TiB"),
    ],
)
def test_sizes(count: int, words: str) -> None:
    assert in_units(count) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "unknown"),
        (0, "0 s"),
        (59, "59 s"),
        (61, "2 min"),
        (3600, "1 h 0 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_spans(seconds: float | None, words: str) -> None:
    assert span(seconds) == words


def test_nothing_that_a_terminal_obeys_is_printed() -> None:
    assert printable("a\x1b[2Jb\nc\rd") == "a [2Jb\nc d"


def test_plurals() -> None:
    assert [plural(count, "item") for count in (0, 1, 2)] == ["items", "item", "items"]
    assert plural(2, "photo or video", "photos and videos") == "photos and videos"


def test_json_escapes_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"name": "a\u202egpj.\x7f\x9b\U000e0001 ü 📷\n"}
    print_json(document)
    told = capsys.readouterr().out
    assert json.loads(told) == document
    assert "ü 📷" in told
    assert all(one.isprintable() or one == "\n" for one in told)


@pytest.mark.parametrize("is_running", [True, False])
def test_nobody_knows_who_is_plugged_in_while_the_daemon_is_stopped(is_running: bool) -> None:
    assert there(phone(connected=True, waiting=1), is_running=is_running) == (
        "plugged in" if is_running else "was plugged in"
    )


def test_what_waits_for_a_phone_that_is_away() -> None:
    assert there(phone(connected=False, waiting=2)) == "not plugged in, 2 wait"
    assert there(phone(connected=False, waiting=0)) == "not plugged in"


def phone(*, connected: bool, waiting: int) -> dict[str, Any]:
    return {
        "label": "Pixel",
        "address": "R58M",
        "items": 5,
        "waiting": waiting,
        "kind": "phone",
        "connected": connected,
    }


def there(source: dict[str, Any], *, is_running: bool = True) -> str:
    table = _sources([source], is_running=is_running)
    return str(next(iter(table.columns[-1].cells)))


def headline(**more: Any) -> str:
    document = {
        "daemon": {"state": "idle", "running": True, "pid": None},
        "rate": {"bytes_per_second": 2048, "eta_seconds": 30},
        "bytes": {"waiting": 1},
        "sources": [phone(connected=True, waiting=0)],
        "uploads": [],
        "copies": [],
        "paused": None,
    }
    return str(_headline({**document, **more}))


def test_idle_with_work_that_cannot_be_done_is_not_nothing_to_do() -> None:
    assert headline().startswith("photosync: running, nothing to do")
    waiting = headline(sources=[phone(connected=False, waiting=1)])
    assert waiting.startswith("photosync: running, nothing it can do now")


def test_while_a_phone_is_only_copied_nobody_knows_how_long_it_takes() -> None:
    copies = [{"id": 7, "copied_bytes": 5 << 20, "size_bytes": 300 << 20}]
    words = headline(copies=copies)
    assert "copying item 7 from a phone: 5.0 MiB of 300.0 MiB" in words
    assert "left" not in words
    assert "2.0 KiB/s, 30 s left" in headline(copies=copies, uploads=[{}])
    assert "2.0 KiB/s, 30 s left" in headline()


LONG = "Android/media/com.whatsapp/WhatsApp/Media/WhatsApp Images/Private and more/IMG_1.jpg"


def test_a_long_path_stays_in_one_piece() -> None:
    error = {"code": "refused", "message": "It is\x1b[2J bad."}
    lines = [
        item(12, "failed", error=error),
        item(7, "duplicate", duplicate_of=3),
        item(3, "done"),
    ]
    assert str(items_view(lines, limit=3, again="photosync list")).splitlines() == [
        f"12  failed        1.0 KiB  Pixel: {LONG}",
        "    It is [2J bad.",
        f" 7  duplicate     1.0 KiB  Pixel: {LONG}",
        "    The same bytes as item 3.",
        f" 3  done          1.0 KiB  Pixel: {LONG}",
        "There may be more: photosync list --before 3",
        "Once it is mended: photosync retry ITEM; to leave it out: photosync skip ITEM",
    ]
    assert "retry" not in str(items_view(lines[1:], limit=3, again=""))
    assert "more" not in str(items_view(lines[2:], limit=3, again="")).replace(LONG, "")
    assert str(items_view([], limit=3, again="")) == "No items."


def test_only_what_a_try_may_help_is_to_be_tried_again() -> None:
    no_photo = {"code": "not_media", "message": "It is no photo."}
    refused = {"code": "refused", "message": "Google does not want it."}
    alone = str(items_view([item(1, "failed", error=no_photo)], limit=9, again=""))
    assert "retry" not in alone
    assert alone.endswith(
        "Leave it out: photosync skip ITEM; once it is mended, it is taken by itself."
    )
    both = [item(1, "failed", error=no_photo), item(2, "failed", error=refused)]
    assert "retry ITEM" in str(items_view(both, limit=9, again=""))


def item(number: int, state: str, **more: Any) -> dict[str, Any]:
    line = {
        "id": number,
        "state": state,
        "source": "Pixel",
        "path": LONG,
        "size_bytes": 1024,
        "error": None,
        "duplicate_of": None,
    }
    return {**line, **more}


def folder(path: str, choice: str, *, photos: int, videos: int, wanted: bool = True) -> FolderLine:
    return FolderLine(
        phone="Pixel",
        serial="R58M",
        path=path,
        photos=photos,
        videos=videos,
        size_bytes=1024,
        newest_at=1_600_000_000,
        choice=choice,
        wanted=wanted,
    )


def test_folders_are_shown_so_that_their_names_can_be_copied() -> None:
    lines = [
        folder("DCIM/Camera", "settings", photos=1234, videos=1),
        folder(LONG, "new", photos=0, videos=2),
    ]
    assert str(folders_view(lines)).splitlines() == [
        "Pixel (R58M)",
        "  chosen           1,234 photos, 1 video     1.0 KiB  2020-09-13  DCIM/Camera",
        f"  new: not chosen               2 videos     1.0 KiB  2020-09-13  {LONG}",
        "Decide: photosync folders --choose FOLDER (or --leave FOLDER); --choose alone asks.",
    ]


def test_folders_of_a_phone_that_nobody_wants() -> None:
    (_, line) = str(folders_view([folder("a", "new", photos=1, videos=0, wanted=False)])).split(
        "\n"
    )
    assert line.startswith("  phone not in phone.serials  1 photo ")


def test_a_verification_that_somebody_stops_has_nothing_wrong_with_it() -> None:
    assert [*_error_lines(Stopping())] == ["Stopped before the end."]
    assert [*_error_lines(BackupAway("It is away.", hint="Mount it."))] == [
        "! It is away.",
        "  Mount it.",
    ]
    assert [*_error_lines(None)] == []


@pytest.mark.parametrize("is_live", [False, True])
def test_trouble_stands_where_it_is_seen(tmp_path: Path, *, is_live: bool) -> None:
    """Above what a low terminal cuts off while it is watched; else just above the prompt."""
    settings = config.load(None, {"HOME": str(tmp_path)})
    out = io.StringIO()
    view = status_view(status(settings, None, now=1), is_live=is_live)
    Console(file=out, width=200).print(view)
    shown = out.getvalue()
    assert shown.count("There is no settings file") == 1
    assert (
        shown.index("There is no settings file") < shown.index("requests used today")
    ) is is_live
