from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.notices import (
    DAY_SECONDS,
    HOUR_SECONDS,
    MOST_LINES,
    Memory,
    Notice,
    Standing,
    due,
    remembered,
)

if TYPE_CHECKING:
    from collections.abc import Collection

EVERYTHING = ("blocked", "failed", "done", "phone")
NOW = 1_800_000_000


class Teller:
    """Tells what is due, and remembers it as it would be kept."""

    def __init__(self, *wanted: str) -> None:
        self.wanted: Collection[str] = wanted or EVERYTHING
        self.kept: dict[str, str] = {}
        self.at = NOW
        self.refuses = False

    def look(self, standing: Standing, after: int = 0) -> list[Notice]:
        self.at += after
        known = {kind: memory for kind, text in self.kept.items() if (memory := remembered(text))}
        told = []
        for one in due(standing, known, self.wanted, now=self.at):
            if one.title and self.refuses:
                continue
            self.kept[one.kind] = one.then.text()
            told += [one] if one.title else []
        return told

    def titles(self, standing: Standing, after: int = 0) -> list[str]:
        return [f"{one.kind}: {one.title}" for one in self.look(standing, after)]


FULL = {"storage_full ": "Your storage is full. Free some."}
AWAY = {"source_missing 1": "The folder is away."}


def test_what_blocks_is_told_once_and_that_it_is_over_too() -> None:
    teller = Teller()
    assert teller.look(Standing()) == []
    (told,) = teller.look(Standing(blocked=FULL), 5)
    assert (told.title, told.body) == ("needs you", "Your storage is full. Free some.")
    assert teller.look(Standing(blocked=FULL), DAY_SECONDS * 9) == []
    assert teller.titles(Standing(), 5) == ["blocked: goes on"]
    assert teller.look(Standing(), HOUR_SECONDS * 2) == []


def test_a_second_thing_waits_for_the_hour_and_comes_with_the_first() -> None:
    teller = Teller()
    teller.look(Standing(blocked=FULL))
    both = {**FULL, **AWAY}
    assert teller.look(Standing(blocked=both), 60) == []
    (told,) = teller.look(Standing(blocked=both), HOUR_SECONDS)
    assert told.lines == ("Your storage is full. Free some.", "The folder is away.")


def test_what_comes_and_goes_is_told_once_a_day() -> None:
    teller = Teller()
    told = 0
    for _ in range(24 * 6):
        told += len(teller.look(Standing(blocked=AWAY), 300))
        told += len(teller.look(Standing(), 300))
    assert 2 <= told <= 4


def test_what_returned_and_stays_is_told_again_within_a_day() -> None:
    teller = Teller()
    teller.look(Standing(blocked=AWAY))
    assert teller.titles(Standing(), HOUR_SECONDS) == ["blocked: goes on"]
    told = [teller.titles(Standing(blocked=AWAY), HOUR_SECONDS) for _ in range(30)]
    assert [one for one in told if one] == [["blocked: needs you"]]
    assert told.index(["blocked: needs you"]) == 22


def test_a_sentence_that_changes_is_no_news() -> None:
    teller = Teller()
    assert len(teller.look(Standing(silence={"nothing_done ": "3 wait."}))) == 1
    assert teller.look(Standing(silence={"nothing_done ": "4 wait."}), DAY_SECONDS) == []


def test_silence_is_told_whatever_is_asked_for() -> None:
    teller = Teller("done")
    assert teller.titles(Standing(silence={"nothing_new ": "No new photo."}, blocked=FULL)) == [
        "silence: is worried"
    ]


def test_failures_are_counted_from_those_told_of() -> None:
    teller = Teller()
    assert teller.titles(Standing(failed=2, reasons=("a.jpg is empty.",))) == [
        "failed: could not back up 2 photos"
    ]
    assert teller.look(Standing(failed=3), 60) == []
    assert teller.titles(Standing(failed=3), HOUR_SECONDS) == ["failed: could not back up a photo"]
    assert teller.look(Standing(failed=0), 60) == []  # retried
    (told,) = teller.look(Standing(failed=1, reasons=("b.jpg is empty.",)), HOUR_SECONDS)
    assert told.body == "b.jpg is empty.\nAll of them: photosync list --state failed"


def test_done_is_told_when_all_is_and_not_of_what_was_there_before() -> None:
    teller = Teller()
    assert teller.look(Standing(done=20_000, is_idle=True)) == []
    assert teller.look(Standing(done=20_007), 60) == []
    assert teller.titles(Standing(done=20_012, is_idle=True), 60) == [
        "done: put 12 photos into your library"
    ]
    assert teller.look(Standing(done=20_013, is_idle=True), 60) == []
    assert teller.titles(Standing(done=20_013, is_idle=True), HOUR_SECONDS) == [
        "done: put a photo into your library"
    ]
    assert teller.look(Standing(done=3, is_idle=True), HOUR_SECONDS) == []  # another database
    assert len(teller.look(Standing(done=4, is_idle=True), HOUR_SECONDS)) == 1


def test_a_phone_that_is_copied_may_be_unplugged() -> None:
    teller = Teller()
    assert teller.look(Standing(copied={"1": ("Pixel", 40)})) == []
    (told,) = teller.look(Standing(copied={"1": ("Pixel", 43)}), 60)
    assert (told.title, told.body) == (
        "has copied your phone",
        "Pixel: 3 photos are copied. It may be unplugged.",
    )
    assert teller.look(Standing(), 60) == []
    assert teller.look(Standing(copied={"1": ("Pixel", 43)}), DAY_SECONDS) == []
    (told,) = teller.look(Standing(copied={"2": ("Moto", 1)}), DAY_SECONDS)
    assert told.body == "Moto: 1 photo is copied. It may be unplugged."


def test_a_phone_that_needs_a_tap_is_told_of_with_what_was_copied() -> None:
    teller = Teller()
    tap = {"phone_unauthorized S": "Unlock the phone and tap Allow."}
    teller.look(Standing(copied={"1": ("Pixel", 1)}))
    (told,) = teller.look(Standing(phone=tap, copied={"1": ("Pixel", 2)}), 60)
    assert told.title == "needs you"
    assert told.lines == (
        "Unlock the phone and tap Allow.",
        "Pixel: 1 photo is copied. It may be unplugged.",
    )
    assert teller.look(Standing(phone=tap, copied={"1": ("Pixel", 2)}), HOUR_SECONDS) == []


def test_what_was_not_asked_for_is_told_from_when_it_is() -> None:
    teller = Teller("failed")
    standing = Standing(blocked=FULL, phone=AWAY, done=9, is_idle=True, copied={"1": ("P", 9)})
    assert teller.look(standing) == []
    teller.wanted = EVERYTHING
    assert teller.titles(standing, 60) == ["blocked: needs you", "phone: needs you"]


def test_what_could_not_be_told_is_due_still() -> None:
    teller = Teller()
    teller.refuses = True
    assert teller.look(Standing(blocked=FULL, failed=1)) == []
    teller.refuses = False
    assert len(teller.look(Standing(blocked=FULL, failed=1), 60)) == 2


def test_a_notice_is_not_long() -> None:
    many = {str(number): f"Problem {number}." for number in range(12)}
    (told,) = Teller().look(Standing(blocked=many))
    assert told.body.splitlines()[MOST_LINES:] == ["... and 4 more: photosync status"]
    assert told.body.startswith("Problem 0.\n")


def test_a_clock_set_back_does_not_silence_it() -> None:
    teller = Teller()
    teller.look(Standing(blocked=FULL))
    assert len(teller.look(Standing(blocked={**FULL, **AWAY}), -DAY_SECONDS)) == 1


def test_a_memory_that_cannot_be_read_is_none() -> None:
    memory = Memory(3, {"a": 1}, open=True, counts={"b": 2})
    assert remembered(memory.text()) == memory
    for text in (None, "", "null", "[]", "[1,2,3,4]", "{", '["x",{},true,{}]', "[1,{},true,{}] x"):
        assert remembered(text) is None


keys = st.sampled_from(["a", "b", "c"])
standings = st.builds(
    Standing,
    blocked=st.dictionaries(keys, st.just("text"), max_size=3),
    phone=st.dictionaries(keys, st.just("text"), max_size=3),
    silence=st.dictionaries(keys, st.just("text"), max_size=2),
    failed=st.integers(0, 5),
    done=st.integers(0, 5),
    is_idle=st.booleans(),
    copied=st.dictionaries(keys, st.tuples(st.just("P"), st.integers(0, 3)), max_size=2),
)


@given(st.lists(st.tuples(standings, st.integers(0, 2 * HOUR_SECONDS)), max_size=40))
def test_no_kind_is_told_twice_within_an_hour(course: list[tuple[Standing, int]]) -> None:
    teller = Teller()
    told: dict[str, list[int]] = defaultdict(list)
    for standing, after in course:
        for one in teller.look(standing, after):
            assert one.body
            told[one.kind].append(teller.at)
    for times in told.values():
        assert all(b - a >= HOUR_SECONDS for a, b in pairwise(times))


@given(st.lists(st.tuples(standings, st.integers(0, 2 * HOUR_SECONDS)), max_size=20), standings)
def test_what_lasts_is_told_within_a_day_and_then_no_more(
    course: list[tuple[Standing, int]], last: Standing
) -> None:
    teller = Teller()
    known: set[str] = set()
    for standing, after in course:
        told = teller.look(standing, after)
        known |= {key for one in told if one.kind == "silence" for key in standing.silence}
    for _ in range(26):
        told = teller.look(last, HOUR_SECONDS)
        known |= {key for one in told if one.kind == "silence" for key in last.silence}
    assert set(last.silence) <= known
    assert teller.look(last, HOUR_SECONDS) == []
