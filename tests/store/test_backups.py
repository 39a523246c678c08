"""The record of the second copy: what counts, what waits, what may be pruned."""

from __future__ import annotations

import hashlib
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings as how
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from photosync.domain.backups import ASSUMED, Record, is_worth_keeping
from photosync.domain.states import State
from photosync.store import backups as sql
from photosync.store.backups import Backups
from photosync.store.copies import Copies
from photosync.store.database import Database
from tests.store.conftest import NOW, Shelf

if TYPE_CHECKING:
    from pathlib import Path

DISK, OTHER = "/mnt/disk", "s3://bucket/photos"


def record(content: str, path: str = "") -> Record:
    digest = hashlib.sha256(content.encode()).hexdigest()
    return Record(digest, path or f"a/{content}", f"a/{content}", 1000, 1000, digest, False, 7, NOW)


def keep(backups: Backups, address: str, content: str) -> None:
    target = backups.aim(address, stay=False)
    backups.begin(target, record(content), now=NOW)
    backups.confirm(target, record(content).sha256, now=NOW)


def test_what_is_hashed_waits_for_the_target_that_is_named(shelf: Shelf) -> None:
    backups = Backups(shelf.database)
    before = shelf.mirrored("before.jpg")
    shelf.found("not-hashed.jpg")
    disk = backups.aim(DISK)
    assert backups.tally(DISK).waiting == 1
    after = shelf.mirrored("after.jpg")
    twin = shelf.mirrored("twin.jpg", "after.jpg")
    assert backups.tally(DISK).waiting == 3
    first = backups.next(disk, now=NOW)
    assert first is not None
    assert first.item.id == before
    keep(backups, DISK, "before.jpg")
    backups.drop(disk, before)
    keep(backups, DISK, "after.jpg")
    again = shelf.mirrored("again.jpg", "after.jpg")
    waiting = shelf.database.rows("SELECT item_id FROM backup_waiting ORDER BY item_id")
    assert [row["item_id"] for row in waiting] == [after, twin], "what is there waits no more"
    assert shelf.state(again) == State.DUPLICATE
    backups.forget_kept(disk)
    assert backups.tally(DISK).waiting == 0


def test_the_domain_the_questions_and_the_trigger_keep_the_same(shelf: Shelf) -> None:
    shelf.mirrored("mirrored.jpg")
    shelf.uploaded("uploaded.jpg")
    shelf.done("done.jpg")
    shelf.mirrored("duplicate.jpg", "done.jpg")
    shelf.failed("failed.jpg")
    left_out = [shelf.mirrored("by-user.jpg"), shelf.mirrored("assumed.jpg")]
    shelf.choices.skip(left_out, now=NOW)
    values = {"id": left_out[1], "code": ASSUMED}
    shelf.database.run("UPDATE media_items SET error_code = :code WHERE id = :id", values)
    Backups(shelf.database).aim(DISK)
    shelf.database.run("DELETE FROM backup_waiting")

    shelf.database.run("UPDATE media_items SET sha256 = sha256")

    waits = "id IN (SELECT item_id FROM backup_waiting) AS waits"
    asked = f"SELECT state, error_code, {sql.WORTH_KEEPING} AS asked, {waits} FROM media_items"  # noqa: S608 - ours
    rows = shelf.database.rows(f"{asked} WHERE sha256 IS NOT NULL")
    assert len(rows) == 7
    for row in rows:
        kept = is_worth_keeping(State(row["state"]), row["error_code"])
        assert (bool(row["asked"]), bool(row["waits"])) == (kept, kept), row["state"]


def test_another_target_counts_anew_and_the_old_one_waits_for_nothing(shelf: Shelf) -> None:
    backups = Backups(shelf.database)
    backups.aim(DISK)
    shelf.mirrored("one.jpg")
    keep(backups, DISK, "one.jpg")
    backups.aim(OTHER)
    assert (backups.tally(DISK).waiting, backups.tally(OTHER).waiting) == (0, 1)
    assert backups.find(OTHER, record("one.jpg").sha256) is None
    shelf.mirrored("two.jpg")
    assert (backups.tally(DISK).waiting, backups.tally(OTHER).waiting) == (0, 2)
    backups.aim(DISK)
    assert (backups.tally(DISK).waiting, backups.tally(OTHER).waiting) == (1, 0)
    backups.unwant()
    shelf.mirrored("three.jpg")
    assert (backups.tally(DISK).waiting, backups.tally(OTHER).waiting) == (0, 0)


def test_it_counts_only_once_it_was_read_back(shelf: Shelf) -> None:
    backups = Backups(shelf.database)
    disk, one = backups.aim(DISK), record("one.jpg")
    backups.begin(disk, one, now=NOW)
    assert backups.find(DISK, one.sha256) is None
    assert backups.tally(DISK).items == 0
    backups.confirm(disk, one.sha256, now=NOW + 5)
    kept = backups.find(DISK, one.sha256)
    assert kept is not None
    assert (kept.target, kept.path, kept.made_at, kept.verified_at) == (
        DISK,
        one.path,
        NOW,
        NOW + 5,
    )
    assert (backups.tally(DISK).items, backups.tally(DISK).last_at) == (1, NOW)
    assert backups.lose(disk, one.sha256)
    assert not backups.lose(disk, one.sha256)
    assert backups.find(DISK, one.sha256) is None
    assert backups.tally(DISK).items == 0


def test_what_is_lost_waits_again_with_every_file_that_has_the_bytes(shelf: Shelf) -> None:
    backups = Backups(shelf.database)
    first, twin = shelf.done("one.jpg"), shelf.mirrored("twin.jpg", "one.jpg")
    disk = backups.aim(DISK)
    keep(backups, DISK, "one.jpg")
    backups.forget_kept(disk)
    backups.lose(disk, record("one.jpg").sha256)
    assert backups.tally(DISK).waiting == 2
    assert [one.id for one in backups.with_content(record("one.jpg").sha256)] == [first, twin]
    assert backups.lost(disk) != []


def test_names_that_are_not_utf_8_survive(shelf: Shelf) -> None:
    backups = Backups(shelf.database)
    disk, one = backups.aim(DISK), record("one.jpg", "caf\udce9/b.jpg")
    backups.begin(disk, one, now=NOW)
    assert backups.at_path(disk, "caf\udce9/b.jpg") is not None
    assert backups.record(disk, one.sha256) is not None


class Retention(RuleBasedStateMachine):
    """Whatever happens in whatever order: a copy goes only if it is in every place asked for."""

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        from pathlib import Path

        self.database = Database(Path(self.folder.name))
        self.database.migrate()
        self.shelf = Shelf(self.database)
        self.backups = Backups(self.database)
        self.kept: set[tuple[str, str]] = set()
        self.address: str | None = None
        self.number = 0

    @rule(content=st.sampled_from("abc"), done=st.booleans())
    def a_photo(self, content: str, done: bool) -> None:
        self.number += 1
        name = f"{self.number}.jpg"
        (item,) = self.shelf.found(name)
        if self.shelf.hashed(item, content) == State.MIRRORED and done:
            self.shelf.items.mark_uploaded(self.shelf.held(item), token=name, now=NOW)
            self.shelf.items.mark_done(self.shelf.held(item), google_id=name, now=NOW)
        self.database.run(
            "UPDATE media_items SET mirror_path = CAST(:name AS BLOB) WHERE id = :id",
            {"name": name, "id": item},
        )

    @rule(content=st.sampled_from("abc"), address=st.sampled_from([DISK, OTHER]))
    def backed_up(self, content: str, address: str) -> None:
        keep(self.backups, address, content)
        self.kept.add((address, content))

    @rule(content=st.sampled_from("abc"), address=st.sampled_from([DISK, OTHER]))
    def begun(self, content: str, address: str) -> None:
        if (address, content) not in self.kept:
            self.backups.begin(self.backups.aim(address, stay=False), record(content), now=NOW)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def lost(self, data: st.DataObject) -> None:
        address, content = data.draw(st.sampled_from(sorted(self.kept)))
        self.backups.lose(self.backups.aim(address, stay=False), record(content).sha256)
        self.kept.discard((address, content))

    @rule(address=st.sampled_from([None, DISK, OTHER]))
    def settings_name(self, address: str | None) -> None:
        self.address = address
        if address is None:
            self.backups.unwant()
        else:
            self.backups.aim(address)

    @rule()
    def prune(self) -> None:
        copies = Copies(self.database)
        due = copies.due(before=NOW + 1, limit=100, backup=self.address)
        for one in due:
            item = self.shelf.item(one.item_id)
            stands = item if item.duplicate_of is None else self.shelf.item(item.duplicate_of)
            assert stands.state == State.DONE
            contents = {record(text).sha256: text for text in "abc"}
            content = contents[item.sha256 or ""]
            assert self.address is None or (self.address, content) in self.kept
        copies.forget([one.item_id for one in due])

    @invariant()
    def the_tallies_are_what_they_count(self) -> None:
        for address in (DISK, OTHER):
            sound = {one for at, one in self.kept if at == address}
            assert self.backups.tally(address).items == len(sound)
            row = self.database.row(
                "SELECT count(*) AS items FROM backup_waiting JOIN backup_targets"
                " ON backup_targets.id = target_id WHERE address = :address",
                {"address": address},
            )
            assert row is not None
            assert self.backups.tally(address).waiting == row["items"]

    @invariant()
    def whatever_is_here_and_not_there_waits(self) -> None:
        if self.address is None:
            return
        rows = self.database.rows(
            "SELECT id, sha256 FROM media_items WHERE sha256 IS NOT NULL"
            " AND mirror_path IS NOT NULL AND id NOT IN (SELECT item_id FROM backup_waiting"
            " JOIN backup_targets ON backup_targets.id = target_id WHERE address = :address)",
            {"address": self.address},
        )
        sound = {record(one).sha256 for at, one in self.kept if at == self.address}
        assert {row["sha256"] for row in rows} <= sound

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()


TestRetention = Retention.TestCase
TestRetention.settings = how(max_examples=40, stateful_step_count=25, deadline=None)

QUERIES: dict[str, tuple[str, dict[str, Any]]] = {
    "next": (sql.NEXT, {"target_id": 1, "now": NOW}),
    "next_due": (sql.NEXT_DUE, {"target_id": 1}),
    "find": (sql.FIND, {"address": DISK, "sha256": "0" * 64}),
    "record": (sql.RECORD, {"target_id": 1, "sha256": "0" * 64}),
    "at_path": (sql.BY_PATH, {"target_id": 1, "path": b"x"}),
    "is_named": (sql.IS_NAMED, {"target_id": 1, "name": b"x", "sha256": ""}),
    "unlisted": (sql.UNLISTED, {"target_id": 1, "limit": 1}),
    "oldest": (sql.OLDEST, {"target_id": 1, "before": NOW, "limit": 1}),
    "newest": (sql.NEWEST_VERIFIED, {"target_id": 1}),
    "page": (sql.ALL, {"target_id": 1, "after": "", "limit": 1}),
    "content": (sql.WITH_CONTENT, {"sha256": "0" * 64}),
    "tally": (sql.TALLY, {"address": DISK}),
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_question_goes_over_every_row(shelf: Shelf, name: str) -> None:
    query, values = QUERIES[name]
    plan = shelf.database.rows(f"EXPLAIN QUERY PLAN {query}", dict(values))
    steps = [str(row["detail"]) for row in plan]
    assert not any(step.startswith("SCAN") for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps) or name == "content", steps


MILLION = """
    INSERT INTO media_items (source_id, source_path, size_bytes, source_mtime_ns, mime_type, state,
        found_at, updated_at)
    WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 20000)
    SELECT :source, CAST(n || '.jpg' AS BLOB), 1000, 7, 'image/jpeg', 'found', 0, 0 FROM numbers
"""
HASH = """
    UPDATE media_items SET sha256 = printf('%064d', id), sha1 = printf('%040d', id),
        state = 'mirrored'
"""
KEEP_ALL = """
    INSERT INTO backups (target_id, sha256, path, name, size_bytes, stored_bytes, stored_sha256,
        is_sealed, mtime_ns, made_at, verified_at, is_listed)
    SELECT 1, sha256, source_path, source_path, 1000, 1000, sha256, 0, 7, 1, 2, 1
    FROM media_items WHERE id < 19990
"""


def test_the_next_of_many_is_found_at_once(shelf: Shelf, tmp_path: Path) -> None:
    backups = Backups(shelf.database)
    shelf.database.run(MILLION, {"source": shelf.here})
    shelf.database.run(HASH)
    disk = backups.aim(DISK)
    assert backups.tally(DISK).waiting == 20_000
    shelf.database.run(KEEP_ALL)
    backups.forget_kept(disk)
    assert backups.tally(DISK).waiting == 11
    steps = count()
    shelf.database.connection().set_progress_handler(lambda: next(steps) > 300, 100)
    found = backups.next(disk, now=NOW)
    backups.tally(DISK)
    backups.unlisted(disk, limit=1)
    shelf.database.connection().set_progress_handler(None, 0)
    assert found is not None
    assert found.item.id == 19_990


def test_what_was_taken_over_by_its_size_prunes_nothing_and_is_read_first(shelf: Shelf) -> None:
    backups, copies = Backups(shelf.database), Copies(shelf.database)
    disk = backups.aim(DISK)
    keep(backups, DISK, "read.jpg")
    backups.adopt(disk, [record("taken.jpg")])
    done = shelf.done("taken.jpg")
    values = {"id": done, "path": b"Pixel/taken.jpg"}
    shelf.database.run("UPDATE media_items SET mirror_path = :path WHERE id = :id", values)
    assert backups.tally(DISK).waiting == 1, "it is to be read back"
    assert copies.due(before=2**40, limit=10, backup=DISK) == []
    (first,) = backups.oldest(disk, before=2**40, limit=1)
    assert first.sha256 == record("taken.jpg").sha256
    assert (first.is_sound, first.is_proven) == (True, False)
    backups.confirm(disk, first.sha256, now=NOW, item_id=done)
    assert [one.item_id for one in copies.due(before=2**40, limit=10, backup=DISK)] == [done]
