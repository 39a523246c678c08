from __future__ import annotations

import pytest

from photosync.domain.silence import DAY_SECONDS, LastSigns, Limits, silences

NOW = 1_800_000_000
ALL = Limits(phone_unseen=30, nothing_new=14, nothing_done=3)


def ago(days: float) -> int:
    return NOW - int(days * DAY_SECONDS)


def signs(
    *phones: tuple[str, str, int | None],
    found: float | None = None,
    waits: float | None = None,
    waiting: int = 2,
    is_paused: bool = False,
) -> LastSigns:
    return LastSigns(
        phones=phones,
        found_at=None if found is None else ago(found),
        waits_since=None if waits is None else ago(waits),
        waiting=waiting,
        is_paused=is_paused,
    )


def said(limits: Limits, last: LastSigns) -> list[tuple[str, str, str]]:
    return [(one.code, one.subject, one.message) for one in silences(limits, last, now=NOW)]


def test_nothing_is_said_before_the_day() -> None:
    almost = signs(("S1", "Pixel", ago(29.9)), found=13.9, waits=2.9)
    assert said(ALL, almost) == []


def test_each_rule_names_what_is_missing_and_for_how_long() -> None:
    late = signs(("S1", "Pixel", ago(30)), ("S2", "Moto", ago(45.5)), found=14, waits=3.5)
    assert said(ALL, late) == [
        ("phone_unseen", "S1", "The phone Pixel was not here for 30 days."),
        ("phone_unseen", "S2", "The phone Moto was not here for 45 days."),
        ("nothing_new", "", "No new photo was found for 14 days."),
        ("nothing_done", "", "2 photos wait, and none reached the library for 3 days."),
    ]


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(None, 14, 3), "phone_unseen"),
        (Limits(30, None, 3), "nothing_new"),
        (Limits(30, 14, None), "nothing_done"),
    ],
)
def test_a_rule_may_be_off(limits: Limits, code: str) -> None:
    late = signs(("S1", "Pixel", ago(99)), found=99, waits=99)
    assert code not in {one for one, _, _ in said(limits, late)}
    assert len(said(limits, late)) == 2


def test_what_never_happened_is_no_silence() -> None:
    assert said(ALL, signs(("S1", "Pixel", None))) == []


def test_a_pause_is_named_for_it() -> None:
    (one,) = silences(ALL, signs(waits=4, waiting=1, is_paused=True), now=NOW)
    assert one.message.startswith("1 photo waits, and none reached the library for 4 days: photos")
    assert one.hint == "photosync resume"
    assert one.since == ago(1)


def test_a_clock_that_was_ahead_says_nothing() -> None:
    assert said(ALL, signs(("S1", "Pixel", ago(-5)), found=-5, waits=-5)) == []


def test_one_day_is_said_as_one() -> None:
    (one,) = silences(Limits(1, None, None), signs(("S", "P", ago(1.2))), now=NOW)
    assert one.message == "The phone P was not here for 1 day."
