"""What the user takes as uploaded: left out, counted, never believed, and taken back."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Finding
from photosync.domain.states import State
from photosync.store.assumed import Assumed, AssumedFiles
from photosync.store.copies import Copies
from photosync.store.verified import Verified
from tests.store.conftest import NOW, SIZE, Shelf, hashes_of

if TYPE_CHECKING:
    from collections.abc import Callable


def take(shelf: Shelf, name: str, content: str = "", *, source: int | None = None) -> int:
    """Take a file of that name and content as uploaded; how many items are left out."""
    finding = Finding(name, SIZE, 7, "image/jpeg")
    file = Assumed(f"/here/{name}", SIZE, 7, hashes_of(content or name).sha256, source, finding)
    return AssumedFiles(shelf.database).take([file], origin="folder", now=NOW)


def why(shelf: Shelf, number: int) -> tuple[State, str | None]:
    item = shelf.item(number)
    return item.state, item.error_code


ASSUMED = (State.SKIPPED, "assumed")


@pytest.mark.parametrize(
    "make",
    [
        lambda shelf: shelf.found("a")[0],
        lambda shelf: shelf.mirrored("a"),
        lambda shelf: shelf.uploaded("a"),
        lambda shelf: shelf.failed("a"),
        lambda shelf: shelf.failed("a", "unreadable"),
    ],
    ids=["found", "mirrored", "uploaded", "refused", "unreadable"],
)
def test_the_file_is_left_out_wherever_it_stands(
    shelf: Shelf, make: Callable[[Shelf], int]
) -> None:
    number = make(shelf)

    assert take(shelf, "a", source=shelf.here) == 1

    assert why(shelf, number) == ASSUMED
    assert AssumedFiles(shelf.database).items() == (1, SIZE)
    assert shelf.overview.counts().items(State.DONE) == 0


def test_one_that_nobody_found_yet_is_an_item_from_then_on(shelf: Shelf) -> None:
    assert take(shelf, "a", source=shelf.here) == 1

    (item,) = shelf.overview.items_at(shelf.here, "a")
    assert (item.state, item.error_code) == ASSUMED
    assert [one.after for one in shelf.overview.history(item.id)] == ["found", "skipped"]


def test_what_is_in_the_library_stays_so_with_its_duplicates(shelf: Shelf) -> None:
    done, copy = shelf.done("a", "same"), shelf.mirrored("b", "same")

    assert take(shelf, "a", "same", source=shelf.here) == 0

    assert shelf.state(done) == State.DONE
    assert shelf.state(copy) == State.DUPLICATE


def test_duplicates_share_the_fate_of_what_is_left_out(shelf: Shelf) -> None:
    first, copy = shelf.mirrored("a", "same"), shelf.mirrored("b", "same")

    assert take(shelf, "elsewhere", "same") == 2

    assert why(shelf, first) == why(shelf, copy) == ASSUMED


def test_what_a_worker_holds_goes_on(shelf: Shelf) -> None:
    """It costs a little quota, and Google does not double it."""
    item = shelf.held(shelf.mirrored("a"))

    assert take(shelf, "a", source=shelf.here) == 0

    shelf.items.mark_uploaded(item, token="t", now=NOW)
    assert shelf.state(item.id) == State.UPLOADED


def test_what_you_skipped_stays_your_own_word(shelf: Shelf) -> None:
    number = shelf.mirrored("a")
    shelf.choices.skip([number], now=NOW)

    assert take(shelf, "a", source=shelf.here) == 0

    assert why(shelf, number) == (State.SKIPPED, "by_user")


def test_the_same_bytes_that_come_later_are_left_out(shelf: Shelf) -> None:
    take(shelf, "elsewhere", "same")

    assert shelf.hashed(shelf.found("new")[0], "same") == State.SKIPPED
    assert shelf.hashed(shelf.found("other")[0], "other") == State.MIRRORED
    assert AssumedFiles(shelf.database).items() == (1, SIZE)


def test_choose_takes_it_back_for_the_item_and_for_its_bytes(shelf: Shelf) -> None:
    take(shelf, "a", "same", source=shelf.here)
    (number,) = [one.id for one in shelf.overview.items()]
    shelf.hashed(shelf.found("b")[0], "same")

    answer = shelf.choices.choose([number], now=NOW)

    assert answer.changed == [number]
    assert len(answer.alike) == 1
    assert AssumedFiles(shelf.database).items() == (0, 0)
    assert shelf.hashed(number, "same") == State.MIRRORED
    assert shelf.hashed(shelf.found("c")[0], "same") == State.DUPLICATE


def test_choosing_something_else_takes_nothing_back(shelf: Shelf) -> None:
    take(shelf, "elsewhere", "same")
    running = shelf.held(shelf.mirrored("b"))

    shelf.choices.choose([running.id], now=NOW)

    assert shelf.hashed(shelf.found("new")[0], "same") == State.SKIPPED


def test_a_chosen_item_stays_chosen_until_the_next_import(shelf: Shelf) -> None:
    take(shelf, "a", source=shelf.here)
    (number,) = [one.id for one in shelf.overview.items()]
    shelf.choices.choose([number], now=NOW)

    assert take(shelf, "a", source=shelf.here) == 1

    assert why(shelf, number) == ASSUMED


def test_only_the_version_that_was_read_is_known(shelf: Shelf) -> None:
    take(shelf, "a")
    record = AssumedFiles(shelf.database)
    sha256 = hashlib.sha256(b"a").hexdigest()

    assert record.sha256_of("/here/a", SIZE, 7) == sha256
    assert record.sha256_of("/here/a", SIZE, 8) is None
    assert record.sha256_of("/here/a", SIZE + 1, 7) is None
    assert record.sha256_of("/here/b", SIZE, 7) is None


def test_its_copy_is_never_pruned_and_the_library_never_asked_after_it(shelf: Shelf) -> None:
    """The user's word is no proof: nothing that needs the photo in the library counts it."""
    item = shelf.held(shelf.found("a")[0])
    shelf.items.mark_hashed(
        item, hashes_of("a"), album="", taken_at=None, mirror_path="phone/a.jpg", now=NOW
    )
    take(shelf, "elsewhere", "a")
    assert why(shelf, item.id) == ASSUMED

    assert Copies(shelf.database).due(before=2 * NOW, limit=10) == []
    assert Verified(shelf.database).left(Verified(shelf.database).begin(now=NOW)) == 0
    assert shelf.item(item.id).mirror_path == "phone/a.jpg"


def test_a_copy_that_is_made_for_a_phone_is_kept_with_its_item(shelf: Shelf) -> None:
    take(shelf, "elsewhere", "a")
    item = shelf.held(shelf.found("a")[0])

    shelf.items.mark_hashed(
        item, hashes_of("a"), album="", taken_at=None, mirror_path="phone/a.jpg", now=NOW
    )

    assert why(shelf, item.id) == ASSUMED
    assert shelf.item(item.id).mirror_path == "phone/a.jpg"
    assert Copies(shelf.database).due(before=2 * NOW, limit=10) == []


def test_the_reason_is_said(shelf: Shelf) -> None:
    take(shelf, "a", source=shelf.here)

    (reason,) = shelf.overview.reasons(State.SKIPPED)

    assert reason == ("assumed", 1, "Taken as uploaded already, by photosync import.")
