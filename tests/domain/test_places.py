"""What follows from where a photo lies, and that everything adds up."""

from __future__ import annotations

import os
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.domain.media import SourceKind
from photosync.domain.places import DANGER, Place, Standing, advice, is_stopped
from photosync.domain.reckoning import NO_MONTH, Reckoning, Sample, month_of
from photosync.domain.states import State

CODES = ["", "by_user", "assumed", "excluded", "vanished", "replaced", "refused", "a_new_one"]


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    state = draw(st.sampled_from(State))
    fate = state if state != State.DUPLICATE else draw(st.sampled_from([State.DONE, State.FAILED]))
    return Standing(
        draw(st.sampled_from(SourceKind)),
        state,
        fate,
        draw(st.sampled_from(CODES)),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(st.booleans()),
        fate == State.DONE and draw(st.booleans()),
    )


def standing(
    state: State = State.DONE, code: str = "", kind: SourceKind = SourceKind.PHONE, **where: bool
) -> Standing:
    held = {"at_source": False, "in_mirror": False, "in_backup": False, "is_missing": False}
    return Standing(kind, state, state, code, **{**held, **where})


def sample(number: int, path: str = "a/b.jpg", source: int = 1) -> Sample:
    return Sample(number, source, path, 10, 0, None, is_at_source=True)


@given(standings())
def test_whatever_is_in_one_place_or_none_has_a_reason(one: Standing) -> None:
    told = advice(one)

    if len(one.places) < 2:
        assert told.why.endswith(".")
        assert told.cure or one.is_past or one.fate_code in ("vanished", "replaced")


@given(standings())
def test_what_the_user_says_is_never_the_library(one: Standing) -> None:
    if one.is_assumed:
        assert Place.LIBRARY not in one.places


@pytest.mark.parametrize(
    ("one", "places", "word"),
    [
        (standing(State.FOUND, at_source=True), ("phone",), "photosync runs"),
        (standing(State.HELD, at_source=True), ("phone",), "photosync choose"),
        (standing(State.FAILED, "refused", at_source=True), ("phone",), "photosync retry"),
        (standing(State.FAILED, "not_media", at_source=True), ("phone",), "photosync skip ITEM"),
        (standing(State.FAILED, "empty", at_source=True), ("phone",), "photosync skip ITEM"),
        (standing(in_mirror=True, is_missing=True), ("mirror",), "verify --again"),
        (standing(State.MIRRORED, in_mirror=True), ("mirror",), "photosync status"),
        (standing(), ("library",), "backup.to"),
        (standing(State.SKIPPED, "by_user", in_backup=True), ("backup",), "photosync choose"),
        (standing(is_missing=True), (), "bin"),
        (standing(State.SKIPPED, "assumed", at_source=True), ("phone",), "choose ITEM sends it"),
    ],
)
def test_the_cure_fits(one: Standing, places: tuple[str, ...], word: str) -> None:
    assert one.places == tuple(Place(name) for name in places)
    assert word in advice(one).cure


def test_phones_come_first_and_the_library_last() -> None:
    reckoning = Reckoning()
    for place, one in enumerate(
        (
            standing(),
            standing(at_source=True, kind=SourceKind.FOLDER, state=State.FOUND),
            standing(State.MIRRORED, in_mirror=True),
            standing(State.FOUND, at_source=True),
        )
    ):
        reckoning.add(one, sample(place), month="2024-01")

    found = [heap.standing.places[0] for heap in reckoning.in_one_place()]

    assert found == [Place.PHONE, Place.MIRROR, Place.FOLDER, Place.LIBRARY]
    assert set(DANGER) == set(Place)


@given(st.lists(st.tuples(standings(), st.sampled_from("ab"), st.integers(1, 2)), max_size=40))
def test_every_item_is_counted_once_however_it_is_cut(
    items: list[tuple[Standing, str, int]],
) -> None:
    reckoning = Reckoning(samples=3, newest=2, groups=2)
    for number, (one, folder, source) in enumerate(items):
        reckoning.add(one, sample(number, f"{folder}/{number}.jpg", source), month=folder)

    alone = reckoning.in_one_place()
    places = Counter(len(one.places) for one, _, _ in items)
    assert reckoning.in_all().items == len(items) == sum(reckoning.states.values())
    for sums in (reckoning.folders, reckoning.months):
        assert sum(one.items for one in sums.values()) == len(items)
        assert sum(one.size_bytes for one in sums.values()) == 10 * len(items)
    assert sum(heap.items for heap in alone) == places[1] == reckoning.in_all().in_one_place
    assert sum(heap.items for heap in reckoning.nowhere()) == places[0]
    assert reckoning.in_all().nowhere == places[0]
    stopped = [one for one, _, _ in items if is_stopped(one) and not one.is_past]
    assert sum(heap.items for heap in reckoning.stopped()) == len(stopped)
    for place in Place:
        assert reckoning.counted(place) == sum(place in one.places for one, _, _ in items)
    reasons = Counter((one.fate, one.fate_code) for one in stopped)
    assert {
        (one.standing.fate, one.standing.fate_code): one.items for one in reckoning.stopped()
    } == reasons
    assert all(len(heap.samples) == min(3, heap.items) for heap in alone)


def test_months_are_those_of_the_users_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "TZ", "Asia/Tokyo")
    time.tzset()
    try:
        new_years_eve = 1_704_034_800  # 2024-01-01 00:00 there, 15:00 the day before in London
        assert month_of(None, new_years_eve * 10**9) == "2024-01"
        assert month_of(new_years_eve - 1, 0) == "2023-12"
        assert month_of(None, 2**63) == "2262-04"
        assert month_of(10**18, 0) == NO_MONTH
    finally:
        monkeypatch.undo()
        time.tzset()
