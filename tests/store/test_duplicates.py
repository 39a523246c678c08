"""Equal bytes go to the library once, and never not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.restoring import Wanted
from photosync.domain.states import State
from photosync.store.duplicates import FILE_CODES
from photosync.store.restores import Restores
from photosync.store.sources import Sources
from tests.store.conftest import NOW, Shelf, hashes_of

if TYPE_CHECKING:
    from collections.abc import Callable


def standing(shelf: Shelf) -> dict[int, State]:
    return {item.id: item.state for item in shelf.overview.items()}


@pytest.mark.parametrize("first", ["mirrored", "uploaded", "done", "failed"])
def test_the_second_of_equal_bytes_is_a_duplicate(shelf: Shelf, first: str) -> None:
    make: Callable[..., int] = getattr(shelf, first)
    one = make("a.jpg", content="same")
    two = shelf.mirrored("b.jpg", "same")

    assert shelf.state(two) == State.DUPLICATE
    assert shelf.item(two).duplicate_of == one


@pytest.mark.parametrize("code", FILE_CODES)
def test_a_file_at_fault_stands_for_nothing(shelf: Shelf, code: str) -> None:
    one = shelf.mirrored("a.jpg", "same")
    two = shelf.mirrored("b.jpg", "same")
    shelf.items.fail(shelf.held(one), code=code, message="m", now=NOW)

    assert standing(shelf) == {one: State.FAILED, two: State.FOUND}
    assert shelf.hashed(two, "same") == State.MIRRORED


def test_refused_bytes_are_refused_for_all_their_files(shelf: Shelf) -> None:
    one = shelf.failed("a.jpg", "refused", "same")
    two = shelf.mirrored("b.jpg", "same")

    shelf.choices.retry([one], now=NOW)

    assert standing(shelf) == {one: State.MIRRORED, two: State.DUPLICATE}


@pytest.mark.parametrize("how", ["gone", "altered"])
def test_all_duplicates_are_read_anew_when_the_first_drops_out(shelf: Shelf, how: str) -> None:
    one, two, three = (shelf.mirrored(name, "same") for name in ("a.jpg", "b.jpg", "c.jpg"))
    if how == "gone":
        shelf.items.skip(shelf.held(one), code="vanished", message="m", now=NOW)
    else:
        shelf.items.find_again(shelf.held(one), code="checksum_mismatch", message="m", now=NOW)

    assert (shelf.state(two), shelf.state(three)) == (State.FOUND, State.FOUND)
    assert shelf.item(two).sha1 is None
    assert shelf.hashed(two, "same") == State.MIRRORED
    assert shelf.hashed(three, "same") == State.DUPLICATE
    assert shelf.item(three).duplicate_of == two


@pytest.mark.parametrize("who", ["the first", "its duplicate"])
def test_what_the_second_copy_alone_has_can_be_asked_back_by_its_item(
    shelf: Shelf, who: str
) -> None:
    """The copy is lost, and the item is to be read anew, from a phone that may never come."""
    one, two = (shelf.mirrored(name, "same") for name in ("a.jpg", "b.jpg"))
    shelf.items.find_again(shelf.held(one), code="mirror_lost", message="m", now=NOW)
    asked = one if who == "the first" else two
    assert shelf.state(asked) == State.FOUND
    (found,) = Restores(shelf.database).select(Wanted(ids=(asked,)))
    assert found.sha256 == hashes_of("same").sha256
    assert shelf.hashed(asked, "other bytes") == State.MIRRORED
    assert shelf.item(asked).sha256 == hashes_of("other bytes").sha256


def test_a_duplicate_whose_heir_has_other_bytes_by_now_is_not_lost(shelf: Shelf) -> None:
    one, two, three = (shelf.mirrored(name, "same") for name in ("a.jpg", "b.jpg", "c.jpg"))
    shelf.items.skip(shelf.held(one), code="vanished", message="m", now=NOW)

    assert shelf.hashed(two, "edited in place, its time kept") == State.MIRRORED
    assert shelf.hashed(three, "same") == State.MIRRORED


def test_no_chain_of_duplicates_grows(shelf: Shelf) -> None:
    one, two, three = (shelf.mirrored(name, "same") for name in ("a.jpg", "b.jpg", "c.jpg"))
    shelf.items.skip(shelf.held(one), code="vanished", message="m", now=NOW)
    four = shelf.mirrored("d.jpg", "same")
    shelf.hashed(two, "same")
    shelf.hashed(three, "same")

    assert {shelf.item(item).duplicate_of for item in (two, three)} == {four}


def test_skipping_all_leaves_none(shelf: Shelf) -> None:
    ids = [shelf.mirrored(name, "same") for name in ("a.jpg", "b.jpg", "c.jpg")]

    answer = shelf.choices.skip(ids, now=NOW)

    assert answer.changed == ids
    assert set(standing(shelf).values()) == {State.SKIPPED}


def test_a_photo_is_not_stranded_behind_an_unplugged_disk(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    away = shelf.mirrored("a.jpg", "same", source=shelf.there)
    also_away = shelf.mirrored("b.jpg", "same", source=shelf.there)
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)

    here = shelf.mirrored("c.jpg", "same")

    assert standing(shelf) == {
        away: State.DUPLICATE, also_away: State.DUPLICATE, here: State.MIRRORED,
    }  # fmt: skip
    assert {shelf.item(item).duplicate_of for item in (away, also_away)} == {here}


def test_duplicates_take_over_when_the_disk_of_the_first_is_unplugged(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    first = shelf.mirrored("a.jpg", "same", source=shelf.there)
    with_it = shelf.mirrored("b.jpg", "same", source=shelf.there)
    here = shelf.mirrored("c.jpg", "same")
    assert shelf.item(here).duplicate_of == first

    Sources(shelf.database).set_connected(shelf.there, connected=False, now=NOW)

    assert standing(shelf) == {first: State.MIRRORED, with_it: State.DUPLICATE, here: State.FOUND}
    assert shelf.hashed(here, "same") == State.MIRRORED
    assert shelf.item(first).duplicate_of == here


@pytest.mark.parametrize("state", ["uploaded", "done", "leased"])
def test_what_is_at_google_or_in_hand_keeps_its_place(shelf: Shelf, state: str) -> None:
    if state == "leased":
        first = shelf.mirrored("a.jpg", "same")
        shelf.held(first)
    else:
        first = getattr(shelf, state)("a.jpg", "same")
    second = shelf.mirrored("b.jpg", "same")
    shelf.sources.set_connected(shelf.here, connected=False, now=NOW)
    (third,) = shelf.found("c.jpg", source=shelf.there)
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)

    assert shelf.hashed(third, "same") == State.DUPLICATE
    assert {shelf.item(item).duplicate_of for item in (second, third)} == {first}


def test_one_in_hand_when_its_disk_went_yields_its_place_later(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    first = shelf.mirrored("a.jpg", "same", source=shelf.there)
    here = shelf.mirrored("c.jpg", "same")
    in_hand = shelf.held(first)
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)
    assert standing(shelf) == {first: State.MIRRORED, here: State.DUPLICATE}
    shelf.items.release(in_hand)
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)

    assert shelf.hashed(here, "same") == State.MIRRORED
    assert shelf.item(first).duplicate_of == here


def test_a_disk_that_stays_away_changes_nothing_twice(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    first = shelf.mirrored("a.jpg", "same", source=shelf.there)
    here = shelf.mirrored("c.jpg", "same")
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    assert shelf.hashed(here, "same") == State.DUPLICATE
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)
    shelf.hashed(here, "same")
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)

    assert standing(shelf) == {first: State.DUPLICATE, here: State.MIRRORED}


def test_a_stale_hash_never_stands_for_bytes(shelf: Shelf) -> None:
    item_id = shelf.failed("a.jpg", "unreadable", "same")
    shelf.choices.retry([item_id], now=NOW)
    assert shelf.item(item_id).sha256 is None
    shelf.items.fail(shelf.held(item_id), code="refused", message="m", now=NOW)

    other = shelf.mirrored("b.jpg", "same")

    assert shelf.state(other) == State.MIRRORED
    assert shelf.choices.retry([item_id], now=NOW).changed == [item_id]
    assert shelf.state(item_id) == State.FOUND


def test_a_token_that_grew_old_while_its_disk_is_away_makes_room(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    away = shelf.mirrored("a.jpg", "same", source=shelf.there)
    shelf.items.mark_uploaded(shelf.held(away), token="t", now=NOW)
    here = shelf.mirrored("b.jpg", "same")
    shelf.sources.set_connected(shelf.there, connected=False, now=NOW)
    assert shelf.state(here) == State.DUPLICATE

    assert shelf.items.drop_old_tokens(oldest=NOW + 1, now=NOW + 1) == 1

    assert shelf.state(here) == State.FOUND
    assert shelf.hashed(here, "same") == State.MIRRORED
    assert shelf.state(away) == State.DUPLICATE


@pytest.mark.parametrize("skipped", ["the first", "a duplicate"])
def test_a_file_to_be_read_anew_does_not_speak_for_what_its_bytes_were(
    shelf: Shelf, skipped: str
) -> None:
    """The first was changed, and the user leaves it, or another one, out: that is no other's."""
    one, two, three = (shelf.mirrored(name, "same") for name in ("a.jpg", "b.jpg", "c.jpg"))
    shelf.items.find_again(shelf.held(one), code="checksum_mismatch", message="m", now=NOW)
    shelf.choices.skip([one if skipped == "the first" else two], now=NOW)

    assert shelf.hashed(three, "same") == State.MIRRORED
