"""The table of moves stands twice, and SQL itself refuses everything else."""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from photosync.domain.states import (
    LEGAL_MOVES,
    READY_STATES,
    UNFINISHED_STATES,
    State,
    is_legal,
)
from photosync.store.media import IllegalMove
from tests.store.conftest import NOW, Shelf, hashes_of

if TYPE_CHECKING:
    from photosync.store.database import Database

FACTS = """
    sha256 = hex(zeroblob(32)), sha1 = hex(zeroblob(20)), upload_token = 't', token_at = 1,
    google_id = 'g', error_code = 'e', duplicate_of = iif(:after = 'duplicate', id, NULL)
"""


def force(database: Database, item_id: int, state: State) -> None:
    """Put an item into any state, past the triggers."""
    with database.write() as connection:
        connection.execute("DROP TRIGGER media_items_legal_move")
        sql = f"UPDATE media_items SET state = :after, {FACTS} WHERE id = :id"  # noqa: S608 - constants of this test
        connection.execute(sql, {"after": state, "id": item_id})
    restore = next(one for one in _triggers() if "media_items_legal_move" in one)
    database.run(restore)


def _triggers() -> list[str]:
    from photosync.store.database import shipped_migrations, statements_of

    return [one for one in statements_of(shipped_migrations()[0]) if "CREATE TRIGGER" in one]


def test_the_two_tables_agree(database: Database) -> None:
    rows = database.rows("SELECT before, after FROM legal_moves")

    assert {(State(row["before"]), State(row["after"])) for row in rows} == LEGAL_MOVES
    assert len(rows) == len(LEGAL_MOVES)


def test_every_state_is_reached_and_done_is_left_by_being_sent_again_only() -> None:
    assert {after for _, after in LEGAL_MOVES} | {State.HELD} == set(State)
    assert {after for before, after in LEGAL_MOVES if before == State.DONE} == {State.MIRRORED}
    assert {before for before, _ in LEGAL_MOVES} == set(State)
    assert set(READY_STATES) < set(UNFINISHED_STATES)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_the_trigger_lets_legal_moves_pass_and_no_other(
    shelf: Shelf, before: State, after: State
) -> None:
    (item_id,) = shelf.found("a.jpg")
    force(shelf.database, item_id, before)
    sql = f"UPDATE media_items SET state = :after, {FACTS} WHERE id = :id"  # noqa: S608 - constants of this test

    if is_legal(before, after) or before == after:
        shelf.database.run(sql, {"after": after, "id": item_id})
        assert shelf.state(item_id) == after
    else:
        with pytest.raises(sqlite3.IntegrityError, match="illegal move"):
            shelf.database.run(sql, {"after": after, "id": item_id})
        assert shelf.state(item_id) == before


@pytest.mark.parametrize("first", State)
def test_items_begin_found_or_held(shelf: Shelf, first: State) -> None:
    sql = """
        INSERT INTO media_items (source_id, source_path, size_bytes, source_mtime_ns, mime_type,
            state, sha256, sha1, upload_token, token_at, google_id, error_code, found_at,
            updated_at)
        VALUES (1, x'61', 1, 1, 'image/jpeg', :first, hex(zeroblob(32)), hex(zeroblob(20)), 't', 1,
            'g', 'e', 1, 1)
    """
    if first in (State.FOUND, State.HELD):
        shelf.database.run(sql, {"first": first})
        assert shelf.overview.counts().items(first) == 1
    else:
        with pytest.raises(sqlite3.IntegrityError, match="illegal first state"):
            shelf.database.run(sql, {"first": first})


def test_items_are_never_deleted(shelf: Shelf) -> None:
    (item_id,) = shelf.found("a.jpg")

    with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
        shelf.database.run("DELETE FROM media_items")
    assert shelf.state(item_id) == State.FOUND


@pytest.mark.parametrize(
    ("before", "change"),
    [
        (State.FOUND, "state = 'mirrored', sha256 = NULL"),
        (State.FOUND, "state = 'mirrored', sha1 = NULL"),
        (State.MIRRORED, "sha256 = NULL"),
        (State.MIRRORED, "sha256 = 'abc'"),
        (State.MIRRORED, "sha1 = 'abc'"),
        (State.MIRRORED, "state = 'uploaded', upload_token = NULL"),
        (State.MIRRORED, "state = 'uploaded', upload_token = ''"),
        (State.MIRRORED, "state = 'uploaded', token_at = NULL"),
        (State.UPLOADED, "state = 'done', google_id = NULL"),
        (State.UPLOADED, "state = 'done', google_id = ''"),
        (State.UPLOADED, "state = 'done', sha256 = NULL"),
        (State.FOUND, "state = 'duplicate', duplicate_of = NULL"),
        (State.FOUND, "duplicate_of = id"),
        (State.FOUND, "state = 'duplicate', duplicate_of = 999"),
        (State.FOUND, "state = 'failed', error_code = NULL"),
        (State.HELD, "leased_by = 'w'"),
        (State.DONE, "leased_by = 'w'"),
        (State.FAILED, "leased_by = 'w'"),
        (State.SKIPPED, "leased_by = 'w'"),
        (State.DUPLICATE, "leased_by = 'w'"),
        (State.FOUND, "size_bytes = -1"),
        (State.FOUND, "maybe_created = 2"),
        (State.FOUND, "source_id = 999"),
        (State.FOUND, "size_bytes = 'many'"),
    ],
)
def test_a_state_is_never_claimed_without_its_facts(
    shelf: Shelf, before: State, change: str
) -> None:
    (item_id,) = shelf.found("a.jpg")
    force(shelf.database, item_id, before)

    with pytest.raises(sqlite3.IntegrityError, match=r"CHECK|FOREIGN KEY|cannot store"):
        shelf.database.run(f"UPDATE media_items SET {change} WHERE id = {item_id}")  # noqa: S608 - constants of this test
    assert shelf.state(item_id) == before


MOVES: list[tuple[str, dict[str, Any]]] = [
    ("mark_uploaded", {"token": "t"}),
    ("mark_done", {"google_id": "g"}),
    ("send_again", {"not_before": 0, "code": "c", "message": "m"}),
    ("find_again", {"code": "c", "message": "m"}),
    ("fail", {"code": "refused", "message": "m"}),
    ("fail", {"code": "unreadable", "message": "m"}),
    ("skip", {"code": "vanished", "message": "m"}),
    ("defer", {"not_before": 0, "code": "c", "message": "m"}),
]


@pytest.mark.parametrize(("move", "facts"), MOVES)
def test_nobody_moves_what_another_holds(shelf: Shelf, move: str, facts: dict[str, Any]) -> None:
    item_id = shelf.uploaded("a.jpg")
    stale = shelf.held(item_id, "first")
    shelf.items.release_of("first")

    with pytest.raises(IllegalMove, match=f"item {item_id} is not uploaded in the hands of first"):
        getattr(shelf.items, move)(stale, now=NOW, **facts)
    other = shelf.held(item_id, "second")
    with pytest.raises(IllegalMove):
        getattr(shelf.items, move)(stale, now=NOW, **facts)

    assert shelf.item(item_id) == other


def test_nobody_moves_what_has_moved_on(shelf: Shelf) -> None:
    (item_id,) = shelf.found("a.jpg")
    stale = shelf.held(item_id)
    shelf.items.mark_hashed(
        stale, hashes_of("a"), album="", taken_at=None, mirror_path=None, now=NOW
    )
    mirrored = shelf.held(item_id)

    with pytest.raises(IllegalMove):
        shelf.items.mark_hashed(
            stale, hashes_of("b"), album="", taken_at=None, mirror_path=None, now=NOW
        )
    with pytest.raises(IllegalMove):
        shelf.items.release(stale)
    assert shelf.item(item_id) == mirrored


def test_an_unclaimed_item_is_nobodys_to_move(shelf: Shelf) -> None:
    item_id = shelf.mirrored("a.jpg")

    with pytest.raises(IllegalMove, match="None"):
        shelf.items.mark_uploaded(shelf.item(item_id), token="t", now=NOW)
    assert shelf.state(item_id) == State.MIRRORED


def test_the_history_replays_every_move(shelf: Shelf) -> None:
    item_id = shelf.uploaded("a.jpg")
    shelf.items.send_again(
        shelf.held(item_id), not_before=0, code="token_lost", message="m", now=NOW + 1
    )
    shelf.items.find_again(shelf.held(item_id), code="checksum_mismatch", message="m", now=NOW + 2)
    shelf.items.skip(shelf.held(item_id), code="vanished", message="m", now=NOW + 3)

    events = shelf.overview.history(item_id)

    assert [one.after for one in events] == [
        "found", "mirrored", "uploaded", "mirrored", "found", "skipped",
    ]  # fmt: skip
    assert [one.before for one in events] == [None, *(one.after for one in events[:-1])]
    assert [one.code for one in events][3:] == ["token_lost", "checksum_mismatch", "vanished"]
    assert [one.at - NOW for one in events][3:] == [1, 2, 3]
