from __future__ import annotations

import json

import pytest

from photosync.cli.result import plural, print_json, printable
from photosync.cli.views import _sources, size, span


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
    assert size(count) == words


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
    source = {"label": "Pixel", "address": "R58M", "items": 1, "kind": "phone", "connected": True}
    table = _sources([source], is_running=is_running)
    words = str(next(iter(table.columns[-1].cells)))
    assert words == ("plugged in" if is_running else "was plugged in")
