"""Folders: the first look with every file's hash, and a look at what is known already."""

from __future__ import annotations

import gc
import os
import subprocess
import time
from threading import Event
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind
from photosync.domain.states import State
from photosync.files.folder import Folder
from photosync.stages.discover import Discover, Watched
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.overview import Overview
from photosync.store.sources import Sources
from tests.bench.measuring import Figure, forget_files, peak_mb, timed, until
from tests.bench.place import QUIET_SECONDS, UNLIMITED, google, user
from tests.bench.results import Growth, Row, against
from tests.journeys.conftest import Daemon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.place import Place
    from tests.journeys.conftest import World

FILES, FILE_BYTES = 100_000, 200_000
PATIENCE_SECONDS = 900.0


class Bells:
    """Nobody to wake."""

    def ring(self, *names: str) -> None:
        """Do nothing."""


def scan(place: Place) -> Iterator[Row | Growth]:
    """100,000 files of 200 kB in folders of a hundredth each, looked at and hashed."""
    few, some, many = place.series(FILES, 10)
    hashed: dict[int, list[float]] = {one: [] for one in (few, some, many)}
    looked: dict[int, list[float]] = {one: [] for one in (few, some, many)}
    peaks: dict[int, float] = {}
    sums, finds = [], []
    with place.passing("files") as root:
        _fill(root, few)
        folders = {few: root / "0/0", some: root / "0", many: root}
        for count, folder in folders.items():
            for _ in range(place.runs if count == many else 1):
                with place.passing("home") as home:
                    world = _world(place, home, folder)
                    was_cold = forget_files()
                    seconds, peaks[count] = _first(world, count)
                    hashed[count].append(seconds)
                    looked[count] += [_again(world, folder, count) for _ in range(place.runs)]
                if count == many:
                    forget_files()
                    sums.append(timed(lambda: _shell("xargs -0 sha256sum", "-print0", root)))
                    finds += [timed(lambda: _find(root)) for _ in range(place.runs)]
    disk = "; nothing in the page cache at the start" if was_cold else ""
    yield Row(
        f"first scan and hash of {many:,} files ({many * FILE_BYTES / 1e9:.3g} GB)",
        "`sha256sum` over the same files",
        "≤ 1.2",
        (against("", hashed[many], sums, peer="sha256sum", limit=1.2),),
        note="From the start of the daemon until the last item is hashed and on record, uploads"
        f" resting; photosync takes SHA-256 and SHA-1 in one pass{disk}."
        " What is more goes, file by file, into looking at it, its date and its rows: both cores"
        " are busy (vmstat), 45 % of it in the kernel, half of that in changing from thread to"
        " thread (perf). Tried: as many lanes as cores, uploads woken together: a tenth less at"
        " 10,000 files.",
        short="first scan and hash",
    )
    yield Row(
        f"re-scan of {many:,} unchanged files",
        "`find -printf`",
        "≤ 4",
        (against("", looked[many], finds, peer="find -printf", limit=4.0),),
        note="The look alone, as a running daemon does it; both with the folders in memory."
        " Two thirds of it are listing with a stat a file from Python, and one question to the"
        " record for 512 files (cProfile).",
    )
    for what, values in (("first scan and hash", hashed), ("re-scan", looked)):
        points = tuple((float(one), Figure(tuple(each)).median) for one, each in values.items())
        yield Growth(what, "files", "s", points)
    memory = tuple((float(one), peak) for one, peak in peaks.items())
    yield Growth("memory of the first scan", "files", "MB", memory)


def _fill(root: Path, each: int) -> None:
    """A hundred folders of so many files."""
    filler = os.urandom(FILE_BYTES)
    head = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
    old = time.time() - 90_000
    for tens in range(10):
        for ones in range(10):
            folder = root / f"{tens}/{ones}"
            folder.mkdir(parents=True)
            for number in range(each):
                file = folder / f"IMG_{number:06}.jpg"
                own = head + bytes((tens, ones)) + number.to_bytes(8, "big")
                file.write_bytes(own + filler[len(own) :])
                os.utime(file, (old, old))
    time.sleep(QUIET_SECONDS)


def _world(place: Place, home: Path, folder: Path) -> World:
    """A user whose uploads rest at this time of day."""
    with google(place, UNLIMITED, clear=True) as at:
        later = time.localtime(time.time() + 6 * 3600)
        hours = f"{later.tm_hour:02}:00-{(later.tm_hour + 2) % 24:02}:00"
        return user(home / "user", at, folder, more=f'[upload]\nhours = "{hours}"')


def _first(world: World, count: int) -> tuple[float, float]:
    """Seconds until all are on record with their hashes, and the daemon's peak in MB."""
    began = time.monotonic()
    daemon = Daemon(world)
    try:
        with Database(world.state, read_only=True) as database:
            until(lambda: database.exists and database.file.stat().st_size, seconds=20, pause=0.01)
            time.sleep(0.5)  # its tables
            overview = Overview(database)
            until(
                lambda: overview.counts().items(State.MIRRORED) >= count, seconds=PATIENCE_SECONDS
            )
        took = time.monotonic() - began
        peak = peak_mb(daemon.process.pid)
        daemon.stop()
    finally:
        daemon.kill()
    return took, peak


def _again(world: World, folder: Path, count: int) -> float:
    """A look at all of it, of which everything is known."""
    with Database(world.state) as database:
        sources = Sources(database)
        source = sources.register(SourceKind.FOLDER, str(folder), label="x", album="")
        discover = Discover(
            intake=Intake(database),
            sources=sources,
            control=Control(database),
            first=lambda _: State.FOUND,
            bells=Bells(),
            halt=Event(),
            clock=time.time,
        )
        gc.freeze()  # as the daemon does when it has started
        began = time.monotonic()
        look = discover.look(Watched(source, Folder(folder)))
        took = time.monotonic() - began
        gc.unfreeze()
    assert (look.seen, look.added) == (count, 0), look
    return took


def _shell(into: str, how: str, root: Path) -> None:
    script = f'find "$0" -type f {how} | {into} > /dev/null'
    subprocess.run(["sh", "-c", script, str(root)], check=True)


def _find(root: Path) -> None:
    command = ["find", str(root), "-type", "f", "-printf", "%s %T@ %p\\n"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
