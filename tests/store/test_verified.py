"""Rounds of asking the library, broken off anywhere, and what is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.store.verified import Held, Missing, Verified
from tests.store.conftest import NOW, Shelf

if TYPE_CHECKING:
    from photosync.store.database import Database


@pytest.fixture
def verified(database: Database) -> Verified:
    return Verified(database)


def names(items: list[Held]) -> list[str]:
    return [one.google_id for one in items]


def test_a_round_asks_after_each_done_item_once(shelf: Shelf, verified: Verified) -> None:
    for name in "abc":
        shelf.done(name)
    shelf.uploaded("d")
    began = verified.begin(now=NOW)
    first = verified.next(began, limit=2)
    verified.note([(one, True) for one in first], now=NOW)
    assert (names(first), verified.left(began)) == (["id-a", "id-b"], 1)

    # broken off, and gone on with a day later
    assert verified.begin(now=NOW + 86_400) == began
    rest = verified.next(began, limit=2)
    verified.note([(one, True) for one in rest], now=NOW + 86_400)
    assert names(rest) == ["id-c"]
    assert verified.next(began, limit=2) == []
    verified.end()

    began = verified.begin(now=NOW + 90_000)
    assert names(verified.next(began, limit=9)) == ["id-a", "id-b", "id-c"]  # longest ago first


def test_what_comes_while_it_asks_is_asked_after_too(shelf: Shelf, verified: Verified) -> None:
    shelf.done("a")
    began = verified.begin(now=NOW)
    verified.note([(one, True) for one in verified.next(began, limit=9)], now=NOW)
    shelf.done("b")
    assert names(verified.next(began, limit=9)) == ["id-b"]


@pytest.mark.parametrize("later", [0, -86_400])
def test_the_next_round_asks_again_whatever_the_clock_says(
    shelf: Shelf, verified: Verified, later: int
) -> None:
    shelf.done("a")
    for now in (NOW, NOW + later):
        began = verified.begin(now=now)
        items = verified.next(began, limit=9)
        assert names(items) == ["id-a"]
        verified.note([(one, True) for one in items], now=max(now, began))
        assert verified.next(began, limit=9) == []
        verified.end()


def test_what_is_missing_stays_so_until_it_is_seen_again(shelf: Shelf, verified: Verified) -> None:
    here, gone, unknown = (shelf.done(name) for name in "abc")
    items = verified.next(verified.begin(now=NOW), limit=9)
    verified.note(zip(items, [True, False, None], strict=True), now=NOW)
    assert verified.missing() == [Missing(gone, "b", "here")]

    verified.note([(items[1], None)], now=NOW + 1)
    assert [one.id for one in verified.missing()] == [gone]
    verified.note([(items[1], True)], now=NOW + 2)
    assert verified.missing() == []
    assert {shelf.state(one) for one in (here, gone, unknown)} == {State.DONE}


def test_an_answer_about_what_was_sent_anew_meanwhile_does_not_count(
    shelf: Shelf, verified: Verified
) -> None:
    shelf.done("a")
    (item,) = verified.next(verified.begin(now=NOW), limit=9)
    verified.note([(Held(item.id, "an older id"), False)], now=NOW)
    assert verified.missing() == []


def test_what_is_missing_is_sent_again_only_when_asked(shelf: Shelf, verified: Verified) -> None:
    here, gone = shelf.done("a"), shelf.done("b", "same")
    (twin,) = shelf.found("c")
    assert shelf.hashed(twin, "same") == State.DUPLICATE
    items = verified.next(verified.begin(now=NOW), limit=9)
    verified.note([(items[0], True), (items[1], False)], now=NOW)
    assert shelf.state(gone) == State.DONE

    assert verified.send_again(now=NOW + 5) == [gone]

    assert (shelf.state(here), shelf.state(gone)) == (State.DONE, State.MIRRORED)
    assert shelf.item(gone).google_id is None
    assert shelf.state(twin) == State.DUPLICATE  # it still stands for those bytes
    assert verified.missing() == []
    assert verified.send_again(now=NOW + 6) == []
    shelf.items.mark_uploaded(shelf.held(gone, now=NOW + 6), token="t", now=NOW + 6)
    shelf.items.mark_done(shelf.held(gone, now=NOW + 6), google_id="new", now=NOW + 6)
    assert names(verified.next(NOW + 1, limit=9))[0] == "new"
