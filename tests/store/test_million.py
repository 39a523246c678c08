"""A million items: what the workers and status ask for touches a few rows, counted, not timed.

SQLite calls a progress handler every so many steps of its virtual machine, which is the same on
every computer. A step handles about one column of one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Entry
from photosync.domain.states import READY_STATES, State
from photosync.store.assumed import AssumedFiles
from photosync.store.database import Database
from photosync.store.gallery import Gallery, Sought
from photosync.store.sightings import Sightings
from photosync.store.whereabouts import AllWhereabouts
from tests.store.conftest import NOW, Shelf, hashes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MILLION = 1_000_000
GRAIN = 20
FEW = 4000  # steps: some dozens of rows

# Half of the items are in the library. Of the others, most wait on a disk that is not plugged in
# or are large videos, put in front of what is ready.
FILL = """
    WITH RECURSIVE numbers (n) AS (
        SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count
    )
    INSERT INTO media_items (source_id, source_path, size_bytes, source_mtime_ns, mime_type, state,
        sha256, sha1, google_id, error_code, found_at, updated_at)
    SELECT iif(n <= 400000, :there, :here), CAST('DCIM/' || n || '.jpg' AS BLOB),
        iif(n <= 600000, 50000000, 3000000), n, 'image/jpeg',
        CASE WHEN n <= 200000 THEN 'found' WHEN n <= 500000 THEN 'mirrored'
            WHEN n <= 999000 THEN 'done' WHEN n <= 999100 THEN 'failed' ELSE 'found' END,
        printf('%064x', n), printf('%040x', n), 'g' || n, 'refused', :now, :now
    FROM numbers
"""

TALLY = """
    INSERT OR REPLACE INTO tallies
    SELECT source_id, state, count(*), sum(size_bytes), max(updated_at)
    FROM media_items GROUP BY source_id, state
"""


@dataclass
class Meter:
    """Counts steps of SQLite's virtual machine."""

    shelf: Shelf

    def steps(self, ask: Callable[[], object]) -> int:
        """How many steps, to the nearest grain, answering takes."""
        connection = self.shelf.database.connection()
        grains = 0

        def count() -> int:
            nonlocal grains
            grains += 1
            return 0

        connection.set_progress_handler(count, GRAIN)
        try:
            ask()
        finally:
            connection.set_progress_handler(None, 0)
        return grains * GRAIN


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    """A million items, written past the triggers and the slowest of the indexes."""
    with Database(tmp_path_factory.mktemp("million")) as database:
        database.migrate()
        connection = database.connection()
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -400000")
        shelf = Shelf(database)
        for number in range(50):
            shelf.uploaded(f"uploaded-{number}")
        schema = connection.execute(
            "SELECT type, name, sql FROM sqlite_schema"
            " WHERE tbl_name = 'media_items' AND type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for row in schema:
            connection.execute(f"DROP {row['type']} {row['name']}")
        values = {"count": MILLION, "here": shelf.here, "there": shelf.there, "now": NOW}
        with database.write() as writing:
            writing.execute(FILL, values)
            writing.execute(TALLY)
        for row in schema:
            connection.execute(row["sql"])
        yield shelf


def test_the_crowd_is_what_it_should_be(crowd: Shelf) -> None:
    counts = crowd.overview.counts()

    assert counts.total() == MILLION + 50
    assert counts.items(State.DONE) == 499_000
    assert counts.items(State.MIRRORED, crowd.here) == 100_000
    assert counts.items(State.UPLOADED) == 50


def asked(shelf: Shelf) -> dict[str, Callable[[], object]]:
    """What is asked again and again, by workers, by status and by list."""
    items, overview = shelf.items, shelf.overview
    largest = 16 << 20
    lies = Entry("DCIM/700000.jpg", 3_000_000, 700_000)

    def claim_and_release(state: State) -> None:
        (item,) = items.claim(state, worker="w", now=NOW)
        items.release(item)

    def batch_and_release() -> None:
        for item in items.claim_batch(worker="w", now=NOW, limit=2):
            items.release(item)

    return {
        "claim found": lambda: claim_and_release(State.FOUND),
        "claim mirrored": lambda: claim_and_release(State.MIRRORED),
        "claim batch": batch_and_release,
        "claim nothing": lambda: items.claim(State.HELD, worker="w", now=NOW),
        "next batch": lambda: items.next_batch(now=NOW),
        "next due": lambda: items.next_due(State.FOUND, now=NOW),
        "on the way": lambda: items.on_the_way(largest_bytes=largest, now=NOW, limit=1),
        "none on the way": lambda: items.on_the_way(largest_bytes=1, now=NOW, limit=1),
        "uploaded count": items.uploaded_count,
        "old tokens": lambda: items.drop_old_tokens(oldest=NOW - 82_800, now=NOW),
        "release all": items.release_all,
        "counts": overview.counts,
        "assumed": AssumedFiles(shelf.database).items,
        "has backup": AllWhereabouts(shelf.database).has_backup,
        "looked at": Sightings(shelf.database).looked_at,
        "ready": lambda: [overview.ready(state, now=NOW) for state in READY_STATES],
        "put aside": lambda: overview.put_aside(now=NOW),
        "in hand": overview.in_hand,
        "reasons": lambda: overview.reasons(State.FAILED),
        "list": lambda: overview.items(limit=2),
        "list done": lambda: overview.items(state=State.DONE, limit=2),
        "list source": lambda: overview.items(source_id=shelf.there, limit=2),
        "list both": lambda: overview.items(source_id=shelf.there, state=State.MIRRORED, limit=2),
        "list none": lambda: overview.items(source_id=shelf.there, state=State.FAILED, limit=2),
        "item": lambda: overview.item(700_000),
        "items at": lambda: overview.items_at(shelf.here, "DCIM/700000.jpg"),
        "history": lambda: overview.history(700_000),
        "known": lambda: shelf.intake.known(shelf.here, [lies]),
        "has items": lambda: shelf.sources.has_items(shelf.here),
        "gallery": lambda: Gallery(shelf.database).page(limit=2),
        "gallery done": lambda: Gallery(shelf.database).page(Sought((State.DONE,)), limit=2),
        "gallery folder": lambda: Gallery(shelf.database).page(
            Sought(source_id=shelf.here, folder="DCIM"), after=(0, 700_000), limit=2
        ),
        "events": lambda: Gallery(shelf.database).events_after(5),
    }


def test_no_question_touches_more_than_a_few_rows(crowd: Shelf) -> None:
    meter = Meter(crowd)

    steps = {name: meter.steps(ask) for name, ask in asked(crowd).items()}

    assert {name: count for name, count in steps.items() if count > FEW} == {}


def test_neither_do_moves(crowd: Shelf) -> None:
    meter = Meter(crowd)
    (item_id,) = crowd.found("one more")
    (item,) = crowd.items.claim(State.FOUND, worker="w", now=NOW)
    assert item.id != item_id  # it has its turn after the others

    def move() -> None:
        crowd.items.mark_hashed(
            item, hashes_of("new"), album="", taken_at=None, mirror_path=None, now=NOW
        )

    assert meter.steps(move) < FEW
    assert crowd.state(item.id) == State.MIRRORED


def test_the_report_reads_every_row_once_and_a_look_only_numbers(crowd: Shelf) -> None:
    """A row of the report has some twenty columns; a page is found without the rows before it."""
    meter = Meter(crowd)

    steps = meter.steps(lambda: sum(1 for _ in AllWhereabouts(crowd.database).all()))

    assert steps < 60 * MILLION
    sightings = Sightings(crowd.database)
    sight = sightings.begin()
    for number in range(1, sight.newest + 1):
        sight.see(number)
    looked = lambda: sightings.end(crowd.here, sight, is_whole=True, now=NOW)  # noqa: E731
    assert meter.steps(looked) < 12 * MILLION
    assert sightings.looked_at()[crowd.here] == NOW


def test_what_is_ready_is_found_behind_a_disk_that_is_away(crowd: Shelf) -> None:
    (found,) = crowd.items.claim(State.FOUND, worker="w", now=NOW)
    (mirrored,) = crowd.items.claim(State.MIRRORED, worker="w", now=NOW)

    assert {found.source_id, mirrored.source_id} == {crowd.here}
    assert found.source_mtime_ns > 999_100
    assert mirrored.source_mtime_ns == 400_001
    assert crowd.items.release_of("w") == 2


def test_the_meter_would_tell(crowd: Shelf) -> None:
    sql = "SELECT count(*) FROM media_items NOT INDEXED WHERE google_id = 'x'"

    assert Meter(crowd).steps(lambda: crowd.database.row(sql)) > MILLION
