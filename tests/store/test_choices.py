"""What each verb of the user does to an item in each state, and what status says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Entry, Finding
from photosync.domain.states import State
from photosync.errors import UnknownItem
from photosync.store.intake import ASKED_AT_ONCE, Known
from tests.store.conftest import NOW, SIZE, Shelf, hashes_of

if TYPE_CHECKING:
    from collections.abc import Callable


def held(shelf: Shelf) -> int:
    shelf.intake.add(shelf.here, [Finding("a", SIZE, 7, "m")], first=State.HELD, now=NOW)
    return 1


def skipped(shelf: Shelf) -> int:
    shelf.choices.skip(shelf.found("a"), now=NOW)
    return 1


def duplicate(shelf: Shelf) -> int:
    shelf.done("first", "same")
    return shelf.mirrored("a", "same")


def put_aside(shelf: Shelf) -> int:
    item_id = shelf.mirrored("a")
    shelf.items.defer(shelf.held(item_id), not_before=NOW + 9, code="c", message="m", now=NOW)
    return item_id


MAKE: dict[str, Callable[[Shelf], int]] = {
    "held": held,
    "found": lambda shelf: shelf.found("a")[0],
    "mirrored": lambda shelf: shelf.mirrored("a"),
    "put_aside": put_aside,
    "uploaded": lambda shelf: shelf.uploaded("a"),
    "done": lambda shelf: shelf.done("a"),
    "duplicate": duplicate,
    "skipped": skipped,
    "failed": lambda shelf: shelf.failed("a"),
    "failed file": lambda shelf: shelf.failed("a", "unreadable"),
}
AFTER = {
    "skip": dict.fromkeys(set(MAKE) - {"done", "skipped"}, "skipped"),
    "choose": {"held": "found", "skipped": "found"},
    "retry": {"failed": "mirrored", "failed file": "found", "put_aside": "mirrored"},
}


@pytest.mark.parametrize("made", MAKE)
@pytest.mark.parametrize("verb", AFTER)
def test_each_verb_on_each_state(shelf: Shelf, made: str, verb: str) -> None:
    item_id = MAKE[made](shelf)
    before = shelf.item(item_id)
    after = AFTER[verb].get(made)

    answer = getattr(shelf.choices, verb)([item_id], now=NOW + 1)

    if after is None:
        assert answer.changed == []
        assert answer.refused[item_id].endswith(f": it is {before.state}")
        assert shelf.item(item_id) == before
        return
    item = shelf.item(item_id)
    assert (answer.changed, answer.refused) == ([item_id], {})
    assert (item.state, item.updated_at) == (after, NOW + 1)
    assert (item.upload_token, item.token_at, item.duplicate_of) == (None, None, None)
    if verb == "skip":
        assert item.error_code == "by_user"
    else:
        assert (item.attempts, item.not_before, item.error_code, item.error_message) == (
            0, 0, None, None,
        )  # fmt: skip


@pytest.mark.parametrize("verb", AFTER)
@pytest.mark.parametrize("make", ["found", "mirrored", "put_aside", "uploaded"])
def test_what_is_being_worked_on_is_left_alone(shelf: Shelf, make: str, verb: str) -> None:
    item_id = MAKE[make](shelf)
    item = shelf.held(item_id, now=NOW + 100)

    answer = getattr(shelf.choices, verb)([item_id], now=NOW)

    assert answer.refused == {item_id: "it is being worked on right now; try again in a moment"}
    assert shelf.item(item_id) == item


@pytest.mark.parametrize("verb", AFTER)
def test_a_number_that_is_none_changes_nothing_at_all(shelf: Shelf, verb: str) -> None:
    item_id = MAKE["failed"](shelf)

    with pytest.raises(UnknownItem, match="no item 999"):
        getattr(shelf.choices, verb)([item_id, 999], now=NOW)
    assert shelf.state(item_id) == State.FAILED


def test_the_numbers_of_a_state(shelf: Shelf) -> None:
    found = shelf.found("x", "y")
    waiting = put_aside(shelf)

    assert shelf.choices.ids(State.HELD) == []
    assert shelf.choices.ids_waiting(now=NOW) == [waiting]
    assert shelf.choices.ids_waiting(now=NOW + 9) == []
    assert shelf.choices.ids(State.FOUND) == found


def test_a_chosen_item_goes_the_whole_way_again(shelf: Shelf) -> None:
    item_id = shelf.uploaded("a")
    shelf.choices.skip([item_id], now=NOW)
    shelf.choices.choose([item_id], now=NOW)

    assert (shelf.state(item_id), shelf.item(item_id).sha1) == (State.FOUND, None)
    assert shelf.hashed(item_id, "a") == State.MIRRORED


def test_a_chosen_item_goes_on_with_the_copy_that_it_has(shelf: Shelf) -> None:
    """Its phone may be anywhere by now, and have it no more."""
    found = shelf.found("a", "b")
    for one in found:
        held = shelf.held(one)
        shelf.items.mark_hashed(
            held, hashes_of("same"), album="", taken_at=None, mirror_path=f"p/{one}", now=NOW
        )
    shelf.choices.skip([found[0]], now=NOW)
    assert shelf.state(found[1]) == State.SKIPPED
    shelf.choices.choose([found[1]], now=NOW)

    assert (shelf.state(found[1]), shelf.item(found[1]).mirror_path) == (State.MIRRORED, "p/2")
    assert (shelf.state(found[0]), shelf.item(found[0]).mirror_path) == (State.FOUND, None)
    assert shelf.hashed(found[0], "same") == State.DUPLICATE


def test_a_skip_holds_for_the_bytes(shelf: Shelf) -> None:
    first = shelf.mirrored("a", "same")
    twin = shelf.mirrored("b", "same")
    assert shelf.state(twin) == State.DUPLICATE

    answer = shelf.choices.skip([first], now=NOW)
    assert (answer.changed, answer.alike) == ([first], {twin})
    assert shelf.state(twin) == State.SKIPPED
    assert shelf.item(twin).error_message == f"The same bytes as item {first}, which you skipped."

    (renamed,) = shelf.found("c")
    assert shelf.hashed(renamed, "same") == State.SKIPPED
    assert shelf.item(renamed).error_code == "by_user"

    assert shelf.choices.choose([renamed], now=NOW).changed == [renamed]
    assert shelf.hashed(renamed, "same") == State.MIRRORED
    (later,) = shelf.found("d")
    assert shelf.hashed(later, "same") == State.DUPLICATE


def test_all_of_them_skipped_are_each_told_once(shelf: Shelf) -> None:
    first = shelf.mirrored("a", "same")
    twin = shelf.mirrored("b", "same")

    answer = shelf.choices.skip([first, twin], now=NOW)

    assert (answer.changed, answer.refused, answer.alike) == ([first, twin], {}, set())


def test_a_skipped_duplicate_says_nothing_of_its_bytes(shelf: Shelf) -> None:
    first = shelf.mirrored("a", "same")
    twin = shelf.mirrored("b", "same")
    assert shelf.choices.skip([twin], now=NOW).alike == set()
    shelf.items.skip(shelf.held(first), code="vanished", message="m", now=NOW)

    (moved,) = shelf.found("c")
    assert shelf.hashed(moved, "same") == State.MIRRORED


@pytest.mark.parametrize("code", ["unreadable", "checksum_mismatch"])
def test_a_skipped_file_at_fault_says_nothing_of_its_bytes(shelf: Shelf, code: str) -> None:
    broken = shelf.mirrored("broken", "same")
    twin = shelf.mirrored("twin", "same")
    shelf.items.fail(shelf.held(broken), code=code, message="m", now=NOW)

    shelf.choices.skip([broken], now=NOW)

    assert shelf.hashed(twin, "same") == State.MIRRORED


def test_a_refused_file_that_is_skipped_takes_its_bytes_along(shelf: Shelf) -> None:
    refused = shelf.mirrored("refused", "same")
    shelf.items.fail(shelf.held(refused), code="refused", message="m", now=NOW)
    shelf.choices.skip([refused], now=NOW)
    (copy,) = shelf.found("copy")
    assert shelf.hashed(copy, "same") == State.SKIPPED


def test_choosing_takes_the_skip_of_the_bytes_back(shelf: Shelf) -> None:
    first = shelf.mirrored("a", "same")
    twin = shelf.mirrored("b", "same")
    shelf.choices.skip([first], now=NOW)
    (third,) = shelf.found("c")
    shelf.hashed(third, "same")

    answer = shelf.choices.choose([first], now=NOW)

    assert (answer.changed, answer.alike) == ([first], {twin, third})
    # renamed before it is read again
    shelf.items.skip(shelf.held(first), code="vanished", message="m", now=NOW)
    (renamed,) = shelf.found("d")
    assert shelf.hashed(renamed, "same") == State.MIRRORED
    assert shelf.hashed(twin, "same") == State.DUPLICATE


def test_all_of_them_chosen_are_each_told_once(shelf: Shelf) -> None:
    first = shelf.mirrored("a", "same")
    twin = shelf.mirrored("b", "same")
    shelf.choices.skip([first], now=NOW)

    answer = shelf.choices.choose([twin, first], now=NOW)

    assert (answer.changed, answer.refused, answer.alike) == ([twin, first], {}, set())


def test_choosing_what_cannot_be_chosen_leaves_its_like_alone(shelf: Shelf) -> None:
    first = shelf.mirrored("a", "same")
    (twin,) = shelf.found("b")
    shelf.choices.skip([first], now=NOW)
    assert shelf.hashed(twin, "same") == State.SKIPPED
    shelf.choices.choose([twin], now=NOW)
    assert shelf.hashed(twin, "same") == State.MIRRORED
    shelf.choices.skip([first], now=NOW)

    answer = shelf.choices.choose([twin], now=NOW)
    assert (answer.changed, answer.alike) == ([], set())


def test_many_are_skipped_in_short_transactions(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photosync.store.choices.AT_ONCE", 2)
    ids = shelf.found(*"abcde")

    assert shelf.choices.skip(ids, now=NOW).changed == ids
    assert shelf.overview.counts().items(State.SKIPPED) == 5


@pytest.mark.parametrize("code", ["unreadable", "vanished"])
def test_what_nobody_chose_is_held_when_it_is_back(shelf: Shelf, code: str) -> None:
    item_id, chosen = shelf.found("a", "b")
    shelf.choices.skip([chosen], now=NOW)
    shelf.choices.choose([chosen], now=NOW)
    leave = shelf.items.fail if code == "unreadable" else shelf.items.skip
    for one in (item_id, chosen):
        leave(shelf.held(one), code=code, message="m", now=NOW)

    both = [(item_id, "image/jpeg"), (chosen, "image/jpeg")]
    assert shelf.intake.revive(both, first=State.HELD, now=NOW) == 2
    assert (shelf.state(item_id), shelf.state(chosen)) == (State.HELD, State.FOUND)


def test_each_version_of_a_file_is_an_item_once(shelf: Shelf) -> None:
    versions = [Finding("a", 1, 1, "m"), Finding("a", 2, 1, "m"), Finding("a", 1, 2, "m")]

    assert shelf.intake.add(shelf.here, versions, first=State.FOUND, now=NOW) == 3
    assert shelf.intake.add(shelf.here, versions, first=State.HELD, now=NOW) == 0
    assert shelf.intake.add(shelf.there, versions, first=State.HELD, now=NOW) == 3
    assert [one.id for one in shelf.overview.items_at(shelf.here, "a")] == [3, 2, 1]


def test_what_cannot_be_uploaded_fails_at_once_even_if_held(shelf: Shelf) -> None:
    finding = Finding("a", 0, 1, "m", ("empty", "It has no bytes."))

    assert shelf.intake.add(shelf.here, [finding], first=State.HELD, now=NOW) == 1
    item = shelf.item(1)
    assert (item.state, item.error_code, item.error_message) == (
        State.FAILED, "empty", "It has no bytes.",
    )  # fmt: skip
    assert shelf.intake.known(shelf.here, [Entry("a", 0, 1)]) == [Known(1, revivable=False)]


@pytest.mark.parametrize(
    ("state", "code", "revivable"),
    [
        ("skip", "vanished", True),
        ("skip", "replaced", True),
        ("skip", "excluded", True),
        ("fail", "unreadable", True),
        ("skip", "by_user", False),
        ("fail", "refused", False),
        ("fail", "vanished", False),
        ("skip", "unreadable", False),
    ],
)
def test_only_what_we_set_aside_ourselves_is_revived_by_sight(
    shelf: Shelf, state: str, code: str, revivable: bool
) -> None:
    item_id = shelf.mirrored("a")
    getattr(shelf.items, state)(shelf.held(item_id), code=code, message="m", now=NOW)
    before = shelf.state(item_id)

    assert shelf.intake.known(shelf.here, [Entry("a", SIZE, 7)]) == [Known(item_id, revivable)]
    assert shelf.intake.revive([(item_id, "image/png")], first=State.FOUND, now=NOW) == int(
        revivable
    )
    item = shelf.item(item_id)
    assert item.state == (State.FOUND if revivable else before)
    assert (item.mime_type, item.sha256) == ("image/png", None) or not revivable


def test_the_user_may_be_quicker_than_the_look(shelf: Shelf) -> None:
    item_id = shelf.mirrored("a")
    shelf.items.fail(shelf.held(item_id), code="unreadable", message="m", now=NOW)
    (known,) = shelf.intake.known(shelf.here, [Entry("a", SIZE, 7)])
    assert known is not None
    assert known.revivable
    shelf.choices.skip([item_id], now=NOW)

    assert shelf.intake.revive([(item_id, "image/jpeg")], first=State.FOUND, now=NOW) == 0
    assert shelf.state(item_id) == State.SKIPPED


def test_files_are_known_by_their_version_and_source_however_many_are_asked_after(
    shelf: Shelf,
) -> None:
    names = [f"{number}/\udcff {number}.jpg" for number in range(2 * ASKED_AT_ONCE[-1] + 40)]
    late_ns = 2**63 + 5  # a time that SQLite cannot hold as it is
    on_record = [Finding(name, 3, late_ns, "image/jpeg") for name in names[::2]]
    shelf.intake.add(shelf.here, on_record, first=State.FOUND, now=NOW)
    shelf.intake.add(
        shelf.here, [Finding(names[0], 3, 8, "image/jpeg")], first=State.FOUND, now=NOW
    )

    def known(source_id: int, size_bytes: int, mtime_ns: int) -> list[bool]:
        entries = [Entry(name, size_bytes, mtime_ns) for name in names]
        return [one is not None for one in shelf.intake.known(source_id, entries)]

    assert known(shelf.here, 3, late_ns) == [number % 2 == 0 for number in range(len(names))]
    assert known(shelf.here, 3, 8) == [number == 0 for number in range(len(names))]
    assert not any(known(shelf.here, 4, late_ns))
    assert not any(known(shelf.here + 1, 3, late_ns))
    assert shelf.intake.known(shelf.here, []) == []


def test_counts_by_state_and_source(shelf: Shelf) -> None:
    assert shelf.overview.counts().total() == 0
    assert shelf.overview.counts().last_at(State.DONE) is None
    shelf.found("a", "b", size=10)
    shelf.found("c", source=shelf.there, size=5)
    shelf.done("d")
    shelf.mirrored("e")

    counts = shelf.overview.counts()

    assert (counts.items(State.FOUND), counts.items(State.FOUND, shelf.there)) == (3, 1)
    assert (counts.total(), counts.total(shelf.there)) == (5, 1)
    assert (counts.size_bytes(State.FOUND), counts.size_bytes(State.DONE)) == (25, SIZE)
    assert (counts.waiting(), counts.waiting_bytes()) == (4, 25 + SIZE)
    assert counts.last_at(State.DONE) == NOW


def test_lists_are_paged_from_the_newest(shelf: Shelf) -> None:
    ids = shelf.found("a", "b", "c", "d")
    other = shelf.found("e", source=shelf.there)
    shelf.choices.skip(ids[:1], now=NOW)

    def listed(**wanted: object) -> list[int]:
        return [one.id for one in shelf.overview.items(**wanted)]  # type: ignore[arg-type]  # told by name

    assert listed() == other + ids[::-1]
    assert listed(limit=2) == [*other, ids[3]]
    assert listed(before=ids[3], limit=2) == [ids[2], ids[1]]
    assert listed(state=State.SKIPPED) == ids[:1]
    assert listed(source_id=shelf.there) == other
    assert listed(source_id=shelf.here) == ids[::-1]
    assert listed(source_id=shelf.here, limit=2, before=ids[2]) == [ids[1], ids[0]]
    assert listed(source_id=shelf.here, state=State.FOUND, limit=1) == [ids[3]]
    assert listed(source_id=shelf.there, state=State.SKIPPED) == []


def test_one_item_or_none(shelf: Shelf) -> None:
    (item_id,) = shelf.found("a")
    assert shelf.overview.item(item_id).source_path == "a"
    with pytest.raises(UnknownItem) as caught:
        shelf.overview.item(2)
    assert "photosync list" in caught.value.hint


def test_reasons_the_most_common_first(shelf: Shelf) -> None:
    for name, code in (("a", "refused"), ("b", "empty"), ("c", "refused")):
        shelf.failed(name, code)

    assert shelf.overview.reasons(State.FAILED) == [("refused", 2, "no"), ("empty", 1, "no")]
    assert shelf.overview.reasons(State.SKIPPED) == []
    shelf.found("d")
    assert shelf.overview.reasons(State.FOUND) == [("", 1, "")]


def test_what_is_in_hand_or_put_aside_is_not_ready(shelf: Shelf) -> None:
    assert not shelf.overview.ready(State.FOUND, now=NOW)
    (item_id,) = shelf.found("a")
    assert shelf.overview.ready(State.FOUND, now=NOW)
    item = shelf.held(item_id)
    assert not shelf.overview.ready(State.FOUND, now=NOW)
    assert shelf.overview.in_hand() == {item_id: ("w", SIZE)}
    shelf.items.defer(item, not_before=NOW + 9, code="c", message="m", now=NOW)
    assert not shelf.overview.ready(State.FOUND, now=NOW)
    assert shelf.overview.put_aside(now=NOW).next_at == NOW + 9
    assert shelf.overview.ready(State.FOUND, now=NOW + 9)


def test_put_aside_over_all_states(shelf: Shelf) -> None:
    assert (shelf.overview.put_aside(now=NOW).items, shelf.overview.put_aside(now=NOW).next_at) == (
        0, None,
    )  # fmt: skip
    for number, item_id in enumerate(
        (shelf.found("a")[0], shelf.mirrored("b"), shelf.uploaded("c"))
    ):
        shelf.items.defer(
            shelf.held(item_id), not_before=NOW + 30 - number, code="c", message="m", now=NOW
        )

    aside = shelf.overview.put_aside(now=NOW)
    assert (aside.items, aside.next_at) == (3, NOW + 28)
    assert shelf.overview.put_aside(now=NOW + 28).items == 2
