from __future__ import annotations

import pytest

from photosync.daemon import metered
from photosync.daemon.metered import ASK_SECONDS, RESTS, Meter, asked


@pytest.mark.parametrize(
    ("answer", "is_metered"),
    [
        ('{"type":"u","data":0}', False),  # unknown
        ('{"type":"u","data":1}', True),
        ('{"type":"u","data":2}', False),
        ('{"type":"u","data":3}', True),  # guessed
        ('{"type":"u","data":4}', False),  # guessed
        ('{"data":[1]}', False),
        ('{"data":{}}', False),
        ("[]", False),
        ("{}", False),
        ("null", False),
        ("no JSON", False),
        ("", False),
    ],
)
def test_what_networkmanager_says(
    monkeypatch: pytest.MonkeyPatch, answer: str, *, is_metered: bool
) -> None:
    monkeypatch.setattr(metered, "COMMAND", ("/bin/echo", answer))
    assert asked() is is_metered


@pytest.mark.parametrize(
    "command",
    [("/no/such/program",), ("/bin/false",), ("/bin/sleep", "60"), ("/bin/printf", "\\377")],
)
def test_where_nobody_knows_it_is_not(
    monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr(metered, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(metered, "COMMAND", command)
    assert asked() is False


def test_it_is_asked_each_minute_and_told_when_it_changes() -> None:
    answers, told, now = [False, False, True, True, False], list[bool](), [0.0]
    meter = Meter(told.append, ask=lambda: answers.pop(0), monotonic=lambda: now[0])

    meter.look()
    assert (told, meter.resting()) == ([False], "")
    now[0] += ASK_SECONDS - 1
    meter.look()
    assert len(answers) == 4
    now[0] += 1
    meter.look()
    assert told == [False]
    meter.look(anew=True)
    assert (told, meter.resting()) == ([False, True], RESTS)
    now[0] += ASK_SECONDS
    meter.look()
    assert told == [False, True]
    meter.look(anew=True)
    assert (told, meter.resting()) == ([False, True, False], "")
