"""Threads and processes that use the database at the same time, and one that is killed."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier
from typing import TYPE_CHECKING

import pytest

from photosync.domain.states import State
from photosync.store.database import Database, shipped_migrations
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from tests.store.conftest import NOW, Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THREADS = 8
ITEMS = 2000

LOOKER = """
import pathlib, sys
from photosync.domain.states import State
from photosync.store.database import Database
from photosync.store.overview import Overview

with Database(pathlib.Path(sys.argv[1]), read_only=True) as database:
    overview = Overview(database)
    print("looking", flush=True)
    looks = 0
    while sys.stdin.readable():
        counts = overview.counts()
        assert counts.total() == int(sys.argv[2]), counts
        looks += 1
        if counts.items(State.FOUND) == 0:
            break
    print(looks, flush=True)
"""

WRITER = """
import pathlib, sys
from photosync.domain.media import Hashes
from photosync.domain.states import State
from photosync.store.database import Database
from photosync.store.media import MediaItems

items = MediaItems(Database(pathlib.Path(sys.argv[1])))
number = 0
while True:
    for item in items.claim(State.FOUND, worker="mirror", now=2_000_000_000, limit=3):
        number += 1
        if number % 3:
            hashes = Hashes(1, f"{number:064x}", f"{number:040x}")
            items.mark_hashed(
                item, hashes, album="", taken_at=None, mirror_path=None, now=2_000_000_000
            )
            print(item.id, flush=True)
"""

MIGRATOR = """
import pathlib, sys
from photosync.store.database import Database

print("ready", flush=True)
sys.stdin.readline()
with Database(pathlib.Path(sys.argv[1])) as database:
    database.migrate()
    print(database.version())
"""


@contextmanager
def python(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, which does not outlive the test."""
    with subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_each_item_is_claimed_once_while_another_process_looks_on(
    database: Database, tmp_path: Path
) -> None:
    shelf = Shelf(database)
    ids = shelf.found(*(f"{number}.jpg" for number in range(ITEMS)))

    together = Barrier(THREADS)

    def work(name: str) -> list[int]:
        mine: list[int] = []
        while claimed := shelf.items.claim(State.FOUND, worker=name, now=NOW, limit=5):
            assert {one.leased_by for one in claimed} == {name}
            for item in claimed:
                shelf.items.skip(item, code="vanished", message="", now=NOW)
            if not mine:
                together.wait(60)  # nobody has done it all before another begins
            mine += [item.id for item in claimed]
        return mine

    with python(LOOKER, tmp_path, ITEMS) as looker, ThreadPoolExecutor(THREADS) as pool:
        assert line(looker) == "looking"
        done = list(pool.map(work, [f"worker-{number}" for number in range(THREADS)]))
        assert int(line(looker)) >= 1
        assert looker.wait(60) == 0

    assert Counter(item for mine in done for item in mine) == dict.fromkeys(ids, 1)
    assert all(done)


def test_a_killed_writer_leaves_a_sound_file_and_its_leases_are_freed(
    database: Database, tmp_path: Path
) -> None:
    shelf = Shelf(database)
    shelf.found(*(f"{number}.jpg" for number in range(ITEMS)))
    with python(WRITER, tmp_path) as writer:
        told = [int(line(writer)) for _ in range(40)]
        writer.send_signal(signal.SIGKILL)
        # not communicate(): it reads past what readline() has buffered
        assert writer.stdout is not None
        rest = writer.stdout.read()
    told += [int(one) for one in rest.split("\n")[:-1]]

    counts = shelf.overview.counts()
    assert counts.total() == ITEMS
    # what was told is kept; one more may have been moved and not told of
    assert len(told) <= counts.items(State.MIRRORED) <= len(told) + 1
    assert all(shelf.state(one) == State.MIRRORED for one in told)
    leased = shelf.overview.in_hand()
    assert leased
    assert shelf.items.release_all() == len(leased)
    assert not shelf.overview.in_hand()
    assert shelf.items.claim(State.FOUND, worker="w", now=NOW)[0].id in leased
    assert [tuple(row) for row in database.rows("PRAGMA integrity_check")] == [("ok",)]


def test_many_processes_make_the_database_at_once(tmp_path: Path) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(python(MIGRATOR, tmp_path)) for _ in range(4)]
        for process in processes:
            assert line(process) == "ready"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        versions = [process.communicate(timeout=240)[0] for process in processes]

    assert versions == [f"{len(shipped_migrations())}\n"] * 4
    with Database(tmp_path) as database:
        assert Overview(database).counts().total() == 0


def test_a_reader_sees_one_moment_while_a_writer_is_half_way(database: Database) -> None:
    shelf = Shelf(database)
    shelf.found("a")

    with database.write() as connection:
        connection.execute("UPDATE flags SET value = 'x'")
        connection.execute("UPDATE media_items SET leased_by = 'w'")
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(shelf.overview.in_hand).result() == {}
    assert len(shelf.overview.in_hand()) == 1


def test_transactions_do_not_nest(database: Database) -> None:
    items = MediaItems(database)

    with pytest.raises(sqlite3.OperationalError, match="within a transaction"), database.write():
        items.release_all()
    assert items.release_all() == 0


def test_threads_wait_for_one_another_without_asking_sqlite(database: Database) -> None:
    def write_often() -> None:
        database.be_brief()
        database.connection().execute("PRAGMA busy_timeout = 0")
        for _ in range(10):
            with database.write():
                time.sleep(0.001)  # the others come meanwhile

    with ThreadPoolExecutor(THREADS) as pool:
        for one in [pool.submit(write_often) for _ in range(THREADS)]:
            one.result()  # no "database is locked"
