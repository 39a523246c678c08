"""Worlds in which a program dies, or the disk is full, and what has to hold after the next run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pyrage

from photosync.emulator.server import Emulator
from tests.crash.zygote import DIED
from tests.forking import without_coverage
from tests.journeys.conftest import World, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

LONG_AGO = 1_600_000_000

SOMETIMES = {("commit", "store/control.py:Control.tell")}
"""What is done only if a tick of the clock falls into it."""

Border = tuple[str, str, str, int]
Crossed = tuple[str, str, int]


@dataclass
class Program:
    """Runs verbs in children of one process that has everything imported."""

    process: subprocess.Popen[str]

    def run(self, world: World, *arguments: str, die: Border | None = None) -> tuple[int, Any]:
        """The exit code, and the borders crossed unless it died."""
        told = world.home / "told.json"
        told.unlink(missing_ok=True)
        order = {
            "arguments": [*arguments, "--config", str(world.config)],
            "log": str(world.home / "log"),
            "told": str(told),
            "die": die and dict(zip(("kind", "site", "when", "nth"), die, strict=True)),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return code, json.loads(told.read_text()) if told.exists() else None


@contextmanager
def started() -> Iterator[Program]:
    command = [sys.executable, "-m", "tests.crash.zygote"]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=without_coverage(os.environ),
        text=True,
    ) as process:
        yield Program(process)
        assert process.stdin is not None
        process.stdin.close()


@dataclass
class Stage:
    """What a matrix is played on: the same files for each of its worlds, long settled.

    ``configure`` writes a world's settings; ``expected`` are the photos that have to arrive,
    ``originals`` what the second copy has to hold if that is not the same.
    """

    folder: Path
    configure: Callable[[World], None]
    expected: list[bytes]
    duplicates: int
    failed: int
    skipped: int = 0
    key: str = ""
    originals: list[bytes] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def world(self) -> Iterator[World]:
        """A fresh state, a fresh library; a used token is refused, as Google may do.

        What became of it stays if the block ends with an error: all worlds together take 20 GB.
        """
        number = next(self.numbers)
        google, home = self.folder / f"google-{number}", self.folder / f"home-{number}"
        with Emulator(google) as emulator:
            emulator.options.reused_token = "code-3"
            world = World(home, emulator)
            world.pictures.rmdir()
            world.pictures = self.folder / "Pictures"
            expire(world.state / "token.json")
            self.configure(world)
            yield world
        shutil.rmtree(google)
        shutil.rmtree(home)

    def faults(self, world: World) -> list[str]:
        """Everything that is not as it should be at the end."""
        return [
            *self._faults_in_the_library(world),
            *self._faults_in_the_state(world),
            *self._faults_in_the_backup(world),
        ]

    def _faults_in_the_backup(self, world: World) -> Iterator[str]:
        """Each content once and whole, and nothing else."""
        lies = [one for one in (world.home / "backup").rglob("*") if one.is_file()]
        photos = [one for one in lies if ".photosync" not in one.parts]
        held = Counter(sha256(self._opened(one)) for one in photos)
        if held != Counter(map(sha256, self.originals or self.expected)):
            yield f"backup {sorted(str(one) for one in photos)}"
        left = [one for one in lies if one.parent.name == "part" or one.suffix == ".new"]
        if left:
            yield f"left over in the backup: {left}"

    def _opened(self, file: Path) -> bytes:
        if not self.key:
            return file.read_bytes()
        assert file.suffix == ".age"
        identity = pyrage.x25519.Identity.from_str(self.key)
        return bytes(pyrage.decrypt(file.read_bytes(), [identity]))

    def _faults_in_the_library(self, world: World) -> Iterator[str]:
        held = Counter(item.sha256 for item in world.emulator.library.items())
        wanted = Counter(map(sha256, self.expected))
        if held != wanted:
            yield f"lost {sum((wanted - held).values())}, doubled {sum((held - wanted).values())}"
        albums = world.emulator.library.albums()
        if [one.title for one in albums] != ["Trip"]:
            yield f"albums {albums}"
        if world.emulator.requests.overlapping_writes():
            yield "two writes at once"

    def _faults_in_the_state(self, world: World) -> Iterator[str]:
        database = sqlite3.connect(world.state / "photosync.db")
        rows = database.execute("SELECT state, count(*) FROM media_items GROUP BY state").fetchall()
        wanted = {"done": len(self.expected), "duplicate": self.duplicates, "failed": self.failed}
        wanted["skipped"] = self.skipped
        if dict(rows) != {state: items for state, items in wanted.items() if items}:
            yield f"states {rows}"
        for what, sql in AUDITS.items():
            found = database.execute(sql).fetchall()
            if found:
                yield f"{what}: {found[:3]}"
        database.close()
        left = [*world.home.glob("mirror/.photosync/part/*/*"), *unfinished(world)]
        left += world.state.glob("cache/dated/*")
        if left:
            yield f"left over: {left}"


AUDITS = {
    "backups": "SELECT sha256 FROM backups WHERE verified_at = 0 OR is_lost OR NOT is_listed",
    "backups waiting": "SELECT item_id FROM backup_waiting",
    "backup tallies": """
        SELECT target_id FROM backup_tallies
        WHERE items <> (SELECT count(*) FROM backups) OR waiting <> 0
            OR bytes <> (SELECT sum(size_bytes) FROM backups)
    """,
    "damaged": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
    "leases": "SELECT id, leased_by FROM media_items WHERE leased_by IS NOT NULL",
    "sessions": "SELECT item_id FROM upload_sessions",
    "history": """
        SELECT item_id, id, before, was FROM (
            SELECT item_id, id, before,
                lag(after) OVER (PARTITION BY item_id ORDER BY id) AS was FROM item_events)
        WHERE before IS NOT was
    """,
    "history's end": """
        SELECT id, state FROM media_items WHERE state IS NOT (
            SELECT after FROM item_events WHERE item_id = media_items.id ORDER BY id DESC LIMIT 1)
    """,
    "tallies": """
        SELECT source_id, state, sum(items), sum(bytes) FROM (
            SELECT source_id, state, items, bytes FROM tallies
            UNION ALL
            SELECT source_id, state, -count(*), -sum(size_bytes) FROM media_items
            GROUP BY source_id, state)
        GROUP BY source_id, state HAVING sum(items) <> 0 OR sum(bytes) <> 0
    """,
}


def expire(token_file: Path) -> None:
    """The first thing to do is to get another access token."""
    told = json.loads(token_file.read_text())
    token_file.write_text(json.dumps(told | {"expiry": "2020-01-01T00:00:00Z"}))


def unfinished(world: World) -> list[Path]:
    """Token files that a death left half written."""
    return list(world.state.glob(".token-*"))


def age(file: Path) -> None:
    os.utime(file, (LONG_AGO, LONG_AGO))


def borders_of(crossed: Iterable[Crossed]) -> list[Border]:
    """Before and after the first and the last time that each was crossed; in a file's middle."""
    return [
        (kind, site, when, nth)
        for kind, site, times in crossed
        for nth in sorted({1, times} | ({times // 2} if kind in ("body", "copy") else set()))
        for when in ("before", "after")
        if nth
    ]


def crossed_by(stage: Stage, program: Program) -> list[Crossed]:
    """The borders that one run crosses which comes to its good end, and how often."""
    with stage.world() as world:
        code, told = program.run(world, "run", "--once")
        assert code == min(stage.failed, 1)
        assert stage.faults(world) == []
    return [(kind, site, times) for kind, site, times in told["crossed"]]


def _die_at(border: Border, stage: Stage, program: Program) -> tuple[bool, list[str]]:
    """Whether it did die there, and what is wrong after the next run."""
    with stage.world() as world:
        died, _ = program.run(world, "run", "--once", die=border)
        world.let_google_finish()
        for left in unfinished(world):  # they go when a token is written an hour later
            age(left)
        code, _ = program.run(world, "run", "--once")
        faults = stage.faults(world)
        if code not in (0, 1):
            faults.append(f"exit code {code}")
        log = (world.home / "log").read_text()[-2000:]
    return died == DIED, [*faults, log] if faults else []


def die_everywhere(crossed: Iterable[Crossed], stage: Stage, programs: Sequence[Program]) -> None:
    matrix = borders_of(crossed)
    wrong: list[str] = []
    deaths: set[Border] = set()

    def die(border: Border, program: Program) -> None:
        died, faults = _die_at(border, stage, program)
        if died:
            deaths.add(border)
        if faults:
            wrong.append(f"{border}: " + "\n".join(faults))

    side_by_side(die, matrix, programs)
    assert not wrong, "\n\n".join(wrong)
    # threads meet otherwise each time, and may cross a border less often
    assert len(deaths) > len(matrix) * 0.7, sorted(set(matrix) - deaths)
    spared = {one[:2] for one in matrix} - {one[:2] for one in deaths}
    assert spared <= SOMETIMES


def side_by_side(
    do: Callable[[Border, Program], None], matrix: Sequence[Border], programs: Sequence[Program]
) -> None:
    free: SimpleQueue[Program] = SimpleQueue()
    for program in programs:
        free.put(program)

    def one(border: Border) -> None:
        mine = free.get()
        try:
            do(border, mine)
        finally:
            free.put(mine)

    with ThreadPoolExecutor(len(programs)) as pool:
        for _ in pool.map(one, matrix):
            pass
