"""Phones of the lab: pulled by photosync and by adb in turns, listed, looked into, left alone.

Both go without the lab's cable, straight from adbd through the same adb server to the same disk.
photosync hashes what it pulls, compares it with the listing, and sees it onto the disk; adb does
not, so that photosync is the one at a disadvantage.
"""

from __future__ import annotations

import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from photosync.app.crew import PULLERS
from photosync.device.files import PhoneFiles
from photosync.device.identity import identify
from photosync.device.phone import Phone
from photosync.device.server import AdbServer
from photosync.domain.media import SourceKind
from photosync.domain.states import State
from photosync.errors import PhoneGone
from photosync.files.mirroring import MirrorDisk
from photosync.stages.discover import Discover, Watched
from photosync.stages.pull import Pull
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.sources import Sources
from tests.bench.disk import Bells
from tests.bench.link import Line, link
from tests.bench.measuring import Figure
from tests.bench.place import MB, OLD
from tests.bench.results import Growth, Row, against
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bench.place import Place

JPEG = b"\xff\xd8\xff\xe0"
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\0"
PHOTOS, PHOTO_BYTES = 2000, 2 * MB
FILM_BYTES = 2000 * MB
LINK_BYTES = 300_000_000
"""A second: what USB 3 brings at best; USB 2 brings 40 MB/s."""
STORAGE = "/storage/emulated/0/DCIM"


class Bench(NamedTuple):
    """A phone by the shortest way, and the computer it is plugged into."""

    host: lab.AdbHost
    made: lab.LabPhone
    phone: Phone


def missing() -> str:
    """Why there can be no phone here, or nothing."""
    return lab.missing_adb() or lab.missing_lab() or ""


@contextmanager
def computer(home: Path) -> Iterator[lab.AdbHost]:
    """With an adb server of its own."""
    home.mkdir(parents=True, exist_ok=True)
    host = lab.AdbHost(home)
    host.start()
    try:
        yield host
    finally:
        host.stop()


@contextmanager
def a_phone(place: Place) -> Iterator[Bench]:
    with (
        place.passing("phone") as root,
        computer(root / "adb") as host,
        lab.phone(host, root / "storage", "BENCH") as made,
    ):
        host.disconnect(made.transport)
        direct = f"127.0.0.1:{made.port}"
        host.connect(direct)
        with _opened(host, direct) as phone:
            yield Bench(host, made, phone)
        host.disconnect(direct)


def _opened(host: lab.AdbHost, transport: str) -> Phone:
    server = AdbServer("127.0.0.1", host.port)
    lab.eventually(lambda: _answers(server, transport), "the phone")
    return Phone(server, transport, identify(server, transport, clock=time.time))


def _answers(server: AdbServer, transport: str) -> bool:
    try:
        return bool(server.features(transport))
    except PhoneGone:
        return False


def pull(place: Place) -> Iterator[Row | Growth]:
    """One large film, and many photos, beside ``adb pull``."""
    what = "pull from the phone lab: one 2 GB film; 2,000 x 2 MB"
    if missing():
        yield Row(what, "`adb pull`", "≤ 1.1; ≤ 0.7", missing=missing())
        return
    film = place.count(FILM_BYTES, MB)
    counts = place.series(PHOTOS, 2)
    points = []
    with a_phone(place) as at:
        _put_film(at, film)
        one = _in_turns(place, at)
        linked = _by_cable(place, at)
    for count in counts:
        with a_phone(place) as at:
            for number in range(count):
                _put(at.made.storage / f"DCIM/Camera/{number}.jpg", JPEG, PHOTO_BYTES)
            many = _in_turns(place, at)
            points.append((float(count), Figure(tuple(many[0])).median))
    yield Row(
        f"pull from the phone lab: one {film / 1e9:.3g} GB file;"
        f" {counts[-1]:,} x {PHOTO_BYTES / MB:.0f} MB",
        "`adb pull`",
        "≤ 1.1; ≤ 0.7",
        (
            against("one file", *one, peer="adb pull", limit=1.1),
            against("photos", *many, peer="adb pull", limit=0.7),
            against(f"one file at {LINK_BYTES / MB:.0f} MB/s", *linked, peer="adb pull", limit=1.1),
        ),
        note="photosync: listed, copied, hashed, compared with the listing, each file synced to the"
        " disk, and on record. adb: copied. The lab's phone is in this machine's memory, faster"
        " than any cable; at the speed of USB 3 the rest hides behind the cable. Every hash is"
        " compared once. Two cores are the limit here: adb, its server and the phone's adbd use 1.8"
        " CPU seconds a GB, photosync with the same two 4, of which its hashes are 1.1.",
        short="pull from a phone",
    )
    yield Growth("pull", "photos of 2 MB", "s", tuple(points))


def _put(file: Path, head: bytes, size: int) -> None:
    file.write_bytes(head + os.urandom(size - len(head)))
    os.utime(file, OLD)


def _put_film(at: Bench, size: int) -> None:
    file = at.made.storage / "DCIM/Camera/film.mp4"
    with file.open("wb") as film:
        film.write(FILM)
        for done in range(len(FILM), size, 50 * MB):
            film.write(os.urandom(min(50 * MB, size - done)))
    os.utime(file, OLD)


def _by_cable(place: Place, at: Bench) -> tuple[list[float], list[float]]:
    line = Line(reach=("127.0.0.1", at.made.port), rate=LINK_BYTES)
    with link(line) as cable:
        transport = f"127.0.0.1:{cable.address[1]}"
        at.host.connect(transport)
        with _opened(at.host, transport) as phone:
            found = _in_turns(place, Bench(at.host, at.made, phone))
        at.host.disconnect(transport)
    return found


def _in_turns(place: Place, at: Bench) -> tuple[list[float], list[float]]:
    """Seconds of photosync and of adb."""
    ours, theirs = [], []
    for number in range(place.runs):
        with place.passing("mirror") as root:
            os.sync()
            ours.append(_ours(at, root, compare=number == 0))
        with place.passing("adb") as root:
            os.sync()
            theirs.append(_theirs(at, root))
    return ours, theirs


def _theirs(at: Bench, target: Path) -> float:
    began = time.monotonic()
    done = at.host.run("-s", at.phone.transport, "pull", "-a", STORAGE, str(target))
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    return took


def _ours(at: Bench, root: Path, *, compare: bool) -> float:
    """Found, copied and on record: everything up to the upload."""
    with Database(root) as database:
        database.migrate()
        began = time.monotonic()
        _mirror(database, at.phone, root / "mirror")
        took = time.monotonic() - began
        items = list(Overview(database).items(limit=10_000))
    assert items
    assert all(one.state == State.MIRRORED for one in items)
    for item in items if compare else ():
        for file in (at.made.storage / item.source_path, root / "mirror" / str(item.mirror_path)):
            with file.open("rb") as content:
                assert hashlib.file_digest(content, "sha256").hexdigest() == item.sha256
    return took


def _mirror(database: Database, phone: Phone, root: Path) -> None:
    """What the daemon does with a phone."""
    sources = Sources(database)
    source = sources.register(SourceKind.PHONE, "BENCH", label="Bench", album="")
    disk = MirrorDisk(root, least_free_bytes=0)
    disk.prepare(known=False)
    halt = Event()
    discover = Discover(
        intake=Intake(database),
        sources=sources,
        control=Control(database),
        first=lambda _: State.FOUND,
        bells=Bells(),
        halt=halt,
        clock=time.time,
    )
    with phone.another() as own:
        discover.look(Watched(source, files_of(own)))

    def copy_all(number: int) -> None:
        stage = Pull(
            f"pull-{number}",
            items=MediaItems(database),
            mirror=disk,
            phones=lambda _: (source, phone),
            bells=Bells(),
            progress=lambda _id, _bytes: None,
            source_lost=lambda _, error: print(error),
            halt=halt,
            clock=time.time,
        )
        while stage.run_once():
            pass

    with ThreadPoolExecutor(PULLERS) as pool:
        list(pool.map(copy_all, range(1, PULLERS + 1)))


def files_of(phone: Phone) -> PhoneFiles:
    return PhoneFiles(phone, ["DCIM"])
