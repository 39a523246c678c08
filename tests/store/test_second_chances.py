"""A photo that Google refused is tried once more a day later, and no more after that."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.store.duplicates import FILE_CODES
from photosync.store.second_chances import AT_ONCE, MAY_PASS, WAIT_SECONDS, SecondChances
from tests.store.conftest import NOW

if TYPE_CHECKING:
    from photosync.domain.media import MediaItem
    from photosync.store.database import Database
    from tests.store.conftest import Shelf


@dataclass
class Taken:
    """Takes what is in ``numbers``, but for file names in ``left``, unless they are chosen."""

    numbers: set[int]
    left: set[str] = field(default_factory=set)

    def sources(self) -> set[int]:
        return self.numbers

    def why_not(self, item: MediaItem, *, is_chosen: bool) -> str | None:
        return "It is left out." if item.source_path in self.left and not is_chosen else None


@pytest.fixture
def taken(shelf: Shelf) -> Taken:
    return Taken({shelf.here, shelf.there})


@pytest.fixture
def chances(database: Database, taken: Taken) -> SecondChances:
    return SecondChances(database, taken)


def test_only_once_and_not_before_a_day(shelf: Shelf, chances: SecondChances) -> None:
    item_id = shelf.failed("a")
    due = NOW + WAIT_SECONDS
    assert chances.at(shelf.item(item_id), now=NOW) == due

    assert chances.give(now=due - 1) == (0, 0)
    assert shelf.state(item_id) == State.FAILED
    assert chances.give(now=due) == (1, 0)
    item = shelf.item(item_id)
    assert (item.state, item.error_code, item.not_before) == (State.MIRRORED, "refused", 0)

    shelf.items.fail(shelf.held(item_id, now=due), code="refused", message="no", now=due)
    assert chances.at(shelf.item(item_id), now=NOW) is None
    assert chances.give(now=due + 9 * WAIT_SECONDS) == (0, 0)
    assert shelf.state(item_id) == State.FAILED


def test_what_the_user_tried_again_needs_no_second_chance(
    shelf: Shelf, chances: SecondChances
) -> None:
    item_id = shelf.failed("a")
    shelf.choices.retry([item_id], now=NOW)
    shelf.items.fail(shelf.held(item_id), code="refused", message="no", now=NOW)
    assert chances.at(shelf.item(item_id), now=NOW) is None
    assert chances.give(now=NOW + WAIT_SECONDS) == (0, 0)


@pytest.mark.parametrize("code", [*FILE_CODES, "no_copy", "dated_anew"])
def test_a_file_at_fault_is_left_to_the_user(
    shelf: Shelf, chances: SecondChances, code: str
) -> None:
    item_id = shelf.failed("a", code)
    assert chances.at(shelf.item(item_id), now=NOW) is None
    assert chances.give(now=NOW + WAIT_SECONDS) == (0, 0)


@pytest.mark.parametrize("code", MAY_PASS)
def test_each_verdict_of_googles_may_pass(shelf: Shelf, chances: SecondChances, code: str) -> None:
    shelf.failed("a", code)
    assert chances.give(now=NOW + WAIT_SECONDS) == (1, 0)


def test_many_take_several_short_transactions(shelf: Shelf, chances: SecondChances) -> None:
    for number in range(AT_ONCE + 1):
        shelf.failed(f"{number}", content=f"{number}")
    due = NOW + WAIT_SECONDS
    assert [chances.give(now=due).items for _ in range(3)] == [AT_ONCE, 1, 0]


def test_what_is_left_out_since_then_is_not_sent_for_that(
    shelf: Shelf, chances: SecondChances, taken: Taken
) -> None:
    """A folder that was switched off, say; the same bytes elsewhere are read anew."""
    left = shelf.failed("private.jpg")
    alike = shelf.found("alike.jpg", source=shelf.there)[0]
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    assert shelf.hashed(alike, "private.jpg") == State.DUPLICATE
    taken.left.add("private.jpg")
    assert chances.at(shelf.item(left), now=NOW) is None

    assert chances.give(now=NOW + WAIT_SECONDS) == (0, 1)
    item = shelf.item(left)
    assert (item.state, item.error_code) == (State.SKIPPED, "excluded")
    assert item.error_message == "It is left out."
    assert shelf.state(alike) == State.FOUND
    assert chances.give(now=NOW + WAIT_SECONDS) == (0, 0)


def test_a_source_that_left_the_settings_is_let_be(
    shelf: Shelf, chances: SecondChances, taken: Taken
) -> None:
    item_id = shelf.failed("a")
    taken.numbers.remove(shelf.here)
    assert chances.at(shelf.item(item_id), now=NOW) is None
    assert chances.give(now=NOW + WAIT_SECONDS) == (0, 0)
    assert shelf.state(item_id) == State.FAILED


def test_what_failed_under_a_clock_that_was_ahead_does_not_wait_for_that_day(
    shelf: Shelf, chances: SecondChances
) -> None:
    item_id = shelf.failed("a")
    now = NOW - 9 * 365 * WAIT_SECONDS
    assert chances.at(shelf.item(item_id), now=now) == now
    assert chances.give(now=now) == (1, 0)
    assert chances.give(now=now) == (0, 0)
