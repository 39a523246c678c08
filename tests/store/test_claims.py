"""Who gets what next, and that no claim ever reads the whole table to find out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import SourceKind
from photosync.domain.states import READY_STATES, State
from photosync.store import duplicates, ready
from photosync.store import intake as intake_sql
from photosync.store import media as media_sql
from photosync.store import overview as overview_sql
from photosync.store.control import Problem
from tests.store.conftest import NOW, Shelf

if TYPE_CHECKING:
    from photosync.store.database import Database


def claimed(
    shelf: Shelf, state: State = State.FOUND, limit: int = 100, now: int = NOW
) -> list[int]:
    return [one.id for one in shelf.items.claim(state, worker="w", now=now, limit=limit)]


def test_new_ones_come_first_then_those_due_again(shelf: Shelf) -> None:
    a, b, c, d, e = shelf.found("a", "b", "c", "d", "e")
    for item, not_before in ((a, NOW - 5), (b, NOW - 9), (c, NOW + 1)):
        shelf.items.defer(
            shelf.held(item), not_before=not_before, code="offline", message="m", now=NOW
        )

    assert claimed(shelf) == [d, e, b, a]
    assert claimed(shelf, now=NOW + 1) == [c]


def test_a_limit_is_kept_and_what_is_claimed_is_claimed_once(shelf: Shelf) -> None:
    ids = shelf.found("a", "b", "c")

    assert claimed(shelf, limit=2) == ids[:2]
    assert claimed(shelf, limit=2) == ids[2:]
    assert claimed(shelf) == []


def test_the_oldest_of_all_sources_comes_first(shelf: Shelf) -> None:
    shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
    ids = [
        shelf.found(f"{number}", source=shelf.there if number % 2 else shelf.here)[0]
        for number in range(6)
    ]

    assert claimed(shelf) == ids


def test_a_pause_is_honoured_inside_the_claim(shelf: Shelf) -> None:
    shelf.found("a")
    shelf.mirrored("b")
    shelf.uploaded("c")
    shelf.control.pause("", now=NOW)  # even without a reason

    assert all(claimed(shelf, state) == [] for state in READY_STATES)
    assert shelf.items.claim_batch(worker="w", now=NOW, limit=50) == []
    assert shelf.items.next_batch(now=NOW) == (0, None)
    assert shelf.control.resume(now=NOW)
    assert all(len(claimed(shelf, state)) == 1 for state in READY_STATES)


def test_items_of_a_source_that_is_away_wait_unless_their_bytes_are_here(shelf: Shelf) -> None:
    (found,) = shelf.found("a")
    mirrored = shelf.mirrored("b")
    copied = shelf.mirrored("c")
    shelf.database.run("UPDATE media_items SET mirror_path = x'63' WHERE id = :id", {"id": copied})
    uploaded = shelf.uploaded("d")
    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=9) == 3
    shelf.sources.disconnect_all()

    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=9) == 1
    assert [shelf.overview.ready(state, now=NOW) for state in READY_STATES] == [False, True, True]
    assert claimed(shelf, State.FOUND) == []
    assert claimed(shelf, State.MIRRORED) == [copied]
    assert claimed(shelf, State.UPLOADED) == [uploaded]
    shelf.sources.set_connected(shelf.here, connected=True, now=NOW)
    assert claimed(shelf, State.FOUND) == [found]
    assert claimed(shelf, State.MIRRORED) == [mirrored]


def test_a_copied_item_does_not_jump_the_queue(shelf: Shelf) -> None:
    ids = [shelf.mirrored(name) for name in ("a", "b", "c")]
    shelf.database.run("UPDATE media_items SET mirror_path = x'63' WHERE id = :id", {"id": ids[1]})

    assert claimed(shelf, State.MIRRORED) == ids


def test_a_batch_goes_to_one_album_that_of_the_first(shelf: Shelf) -> None:
    albums = ["sea", "", "sea", "sun"]
    ids = shelf.found("a", "b", "c", "d")
    for number, (item, album) in enumerate(zip(ids, albums, strict=True)):
        shelf.hashed(item, str(item), album=album)
        shelf.items.mark_uploaded(shelf.held(item), token="t", now=NOW - number)

    batches = []
    for _ in range(4):
        told = shelf.items.next_batch(now=NOW)
        batch = shelf.items.claim_batch(worker="create", now=NOW, limit=50)
        assert told[0] == len(batch)
        assert told[1] == min((one.token_at or 0 for one in batch), default=None)
        batches.append([one.id for one in batch])

    assert batches == [[ids[0], ids[2]], [ids[1]], [ids[3]], []]


def test_a_batch_stands_on_record_as_maybe_created(shelf: Shelf) -> None:
    item_id = shelf.uploaded("a")
    (item,) = shelf.items.claim_batch(worker="create", now=NOW, limit=1)
    assert not item.maybe_created  # as it stood before
    assert item.leased_by == "create"
    assert shelf.item(item_id).maybe_created

    shelf.items.release(item)
    assert not shelf.item(item_id).maybe_created
    (item,) = shelf.items.claim_batch(worker="create", now=NOW, limit=1)
    shelf.items.release(item, maybe_created=True)
    assert shelf.item(item_id).maybe_created
    shelf.items.claim_batch(worker="create", now=NOW, limit=1)
    assert shelf.items.release_all() == 1
    (item,) = shelf.items.claim_batch(worker="create", now=NOW, limit=1)
    assert item.maybe_created


def test_a_batch_is_never_larger_than_asked(shelf: Shelf) -> None:
    ids = [shelf.uploaded(name) for name in ("a", "b", "c")]

    batch = shelf.items.claim_batch(worker="create", now=NOW, limit=2)

    assert [one.id for one in batch] == ids[:2]
    assert shelf.items.uploaded_count() == 3


def test_old_tokens_go_back_but_not_from_under_a_worker(shelf: Shelf) -> None:
    old, leased, new = (
        shelf.uploaded(name, now=at) for name, at in zip("abc", (1, 2, 9), strict=True)
    )
    shelf.held(leased)

    assert shelf.items.drop_old_tokens(oldest=5, now=NOW) == 1
    assert [shelf.state(one) for one in (old, leased, new)] == ["mirrored", "uploaded", "uploaded"]
    assert shelf.item(old).upload_token is None


def test_tries_are_counted_over_tokens_that_were_lost(shelf: Shelf) -> None:
    item_id = shelf.uploaded("a")
    for tries in (1, 2, 3):
        shelf.items.send_again(
            shelf.held(item_id), not_before=0, code="token_lost", message="m", now=NOW
        )
        assert shelf.item(item_id).attempts == tries
        shelf.items.mark_uploaded(shelf.held(item_id), token="t", now=NOW)
        assert (shelf.item(item_id).attempts, shelf.item(item_id).error_code) == (
            tries,
            "token_lost",
        )
    shelf.items.mark_done(shelf.held(item_id), google_id="g", now=NOW)
    assert (shelf.item(item_id).attempts, shelf.item(item_id).error_code) == (0, None)


def test_other_trouble_is_forgotten_once_the_upload_went_well(shelf: Shelf) -> None:
    item_id = shelf.mirrored("a")
    shelf.items.defer(shelf.held(item_id), not_before=0, code="offline", message="m", now=NOW)

    shelf.items.mark_uploaded(shelf.held(item_id), token="t", now=NOW)

    item = shelf.item(item_id)
    assert (item.attempts, item.error_code, item.error_message) == (0, None, None)


@pytest.mark.parametrize("ahead", [3600, 86_400, 10 * 365 * 86_400])
@pytest.mark.parametrize("state", READY_STATES)
def test_a_clock_that_was_ahead_strands_nothing(shelf: Shelf, state: State, ahead: int) -> None:
    make = {State.FOUND: lambda: shelf.found("a")[0], State.MIRRORED: lambda: shelf.mirrored("a"),
            State.UPLOADED: lambda: shelf.uploaded("a")}  # fmt: skip
    item_id = make[state]()
    then = NOW + ahead
    shelf.items.defer(
        shelf.held(item_id), not_before=then + 30, code="offline", message="m", now=then
    )

    claimed(shelf, state)
    shelf.items.drop_old_tokens(oldest=0, now=NOW)

    assert shelf.overview.ready(state, now=NOW)
    assert claimed(shelf, state) == [item_id]


def test_an_honest_rest_is_kept(shelf: Shelf) -> None:
    (item_id,) = shelf.found("a")
    shelf.items.defer(
        shelf.held(item_id), not_before=NOW + 21_600, code="offline", message="m", now=NOW
    )

    assert claimed(shelf) == claimed(shelf, now=NOW + 21_599) == []
    assert shelf.items.next_due(State.FOUND, now=NOW) == NOW + 21_600
    assert claimed(shelf, now=NOW + 21_600) == [item_id]


def test_what_is_due_next(shelf: Shelf) -> None:
    assert shelf.items.next_due(State.FOUND, now=NOW) is None
    for name, source, at in (("a", shelf.here, NOW + 7), ("b", shelf.here, NOW + 5)):
        (item_id,) = shelf.found(name, source=source)
        shelf.items.defer(shelf.held(item_id), not_before=at, code="c", message="m", now=NOW)

    assert shelf.items.next_due(State.FOUND, now=NOW) == NOW + 5
    assert shelf.items.next_due(State.FOUND, now=NOW + 5) == NOW + 7
    assert shelf.items.next_due(State.MIRRORED, now=NOW) is None


def test_only_small_due_items_are_on_the_way(shelf: Shelf) -> None:
    shelf.found("large", size=5000)
    (later,) = shelf.found("later")
    shelf.items.defer(shelf.held(later), not_before=NOW + 9, code="c", message="m", now=NOW)
    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=9) == 0
    assert shelf.items.on_the_way(largest_bytes=5000, now=NOW, limit=9) == 1
    (leased,) = shelf.found("leased")
    shelf.held(leased)
    shelf.mirrored("mirrored")
    shelf.uploaded("uploaded")
    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=9) == 2
    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=1) == 1


@pytest.mark.parametrize("code", ["mirror_full", "mirror_away"])
def test_nothing_comes_from_phones_while_copying_rests(shelf: Shelf, code: str) -> None:
    phone = shelf.sources.register_phone("R58M", label="Pixel").id
    shelf.sources.set_connected(phone, connected=True, now=NOW)
    shelf.found("a", "b", source=phone)
    (copied,) = shelf.found("c", source=phone)
    sql = """UPDATE media_items SET state = 'mirrored', mirror_path = x'63',
        sha256 = :sha256, sha1 = :sha1 WHERE id = :id"""
    shelf.database.run(sql, {"id": copied, "sha256": "a" * 64, "sha1": "a" * 40})
    shelf.found("d")
    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=9) == 4
    problem = Problem(code, "", "m", "h", "", needs_user=True, since=NOW, until=None)
    shelf.control.raise_problem(problem)
    assert shelf.items.on_the_way(largest_bytes=1000, now=NOW, limit=9) == 2
    assert shelf.overview.smallest_found(SourceKind.PHONE) == 1000


NUMBERS = "now worker limit largest id source_id before sha256 path source_path size_bytes"
VALUES = {
    **dict.fromkeys((*NUMBERS.split(), "mtime_ns", "oldest"), 1),
    "state": "found",
    "kind": None,
}
SEARCHED = {
    "claim": ready.CLAIM,
    "ready_now": ready.READY_NOW,
    "claim_batch": ready.BATCH,
    "next_batch": ready.BATCH_SIZE,
    "on_the_way": ready.ON_THE_WAY,
    "next_due": ready.NEXT_DUE,
    "put_aside": ready.PUT_ASIDE,
    "forgive": ready.FORGIVE,
    "old_tokens": media_sql.OLD_TOKENS,
    "release_all": media_sql.RELEASE_ALL,
    "release_of": media_sql.RELEASE_OF,
    "first_with_content": duplicates.FIRST_WITH_CONTENT,
    "promote": duplicates.PROMOTE,
    "hand_over": duplicates.HAND_OVER,
    "in_hand": overview_sql.IN_HAND,
    "by_path": overview_sql.BY_PATH,
    "list": overview_sql.LIST,
    "list_state": overview_sql.LIST_STATE,
    "list_source": overview_sql.LIST_SOURCE,
}


def plan_of(database: Database, sql: str) -> list[str]:
    wanted = {name: VALUES[name] for name in re.findall(r":(\w+)", sql)}
    return [row["detail"] for row in database.rows(f"EXPLAIN QUERY PLAN {sql}", wanted)]


@pytest.mark.parametrize("name", SEARCHED)
def test_no_query_reads_the_whole_table(database: Database, name: str) -> None:
    plan = plan_of(database, SEARCHED[name])

    assert any("media_items" in step for step in plan)
    for step in plan:
        if name == "list" and step == "SCAN media_items":
            continue  # from the end, until there are enough
        if "media_items_leased" in step:
            continue  # an index of the few items in hand
        assert not step.startswith("SCAN media_items"), plan


@pytest.mark.parametrize("many", intake_sql.ASKED_AT_ONCE)
def test_each_file_of_a_look_is_found_by_its_path(database: Database, many: int) -> None:
    asked = [1, *(b"%d" % number for number in range(many))]
    rows = database.rows(f"EXPLAIN QUERY PLAN {intake_sql.KNOWN[many]}", asked)

    (searched,) = [row["detail"] for row in rows if "media_items" in row["detail"]]
    assert searched.startswith("SEARCH media_items USING INDEX")
    assert searched.endswith("(source_id=? AND source_path=?)")


@pytest.mark.parametrize("name", ["claim", "ready_now", "next_due", "put_aside", "forgive"])
def test_the_ready_are_found_by_their_index(database: Database, name: str) -> None:
    plan = plan_of(database, SEARCHED[name])

    wanted = "INDEX media_items_ready (source_id=? AND state=? AND leased_by=? AND not_before"
    assert any(wanted in step for step in plan), plan


@pytest.mark.parametrize("name", ["claim_batch", "next_batch", "on_the_way", "ready_now"])
def test_nothing_is_sorted_to_find_the_first(database: Database, name: str) -> None:
    assert not [step for step in plan_of(database, SEARCHED[name]) if "TEMP B-TREE" in step]


def test_a_claim_sorts_no_more_than_one_item_of_each_source(database: Database) -> None:
    plan = plan_of(database, ready.CLAIM)

    assert len([step for step in plan if "TEMP B-TREE" in step]) == 1
    assert [step for step in plan if "PRIMARY KEY (rowid" in step] == [
        "SEARCH media_items USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH media_items USING INTEGER PRIMARY KEY (rowid=?)",
    ]
