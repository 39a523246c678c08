"""Phones of the lab: pulled by photosync and by adb in turns, listed, looked into, left alone.

Both go without the lab's cable, straight from adbd through the same adb server to the same disk.
photosync hashes what it pulls, compares it with the listing, and sees it onto the disk; adb does
not, so that photosync is the one at a disadvantage.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

from photosync.device.files import PhoneFiles
from photosync.device.identity import identify
from photosync.device.notices import Notices
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
from tests.lab import lab

MIB = 1 << 20
JPEG = b"\xff\xd8\xff\xe0"
FILM = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\0"
OLD = (1_600_000_000, 1_600_000_000)
ROUNDS = 3
PHOTOS, PHOTO_BYTES = 2000, 2 * MIB
FILM_BYTES = 5 * 1024 * MIB
LINK_BYTES = 300_000_000
"""A second: what USB 3 brings at best; USB 2 brings 40 MB/s."""


class Bells:
    """Nobody to wake."""

    def ring(self, *names: str) -> None:
        """Do nothing."""


def phones() -> None:
    """All of it."""
    missing = lab.missing_adb() or lab.missing_lab()
    if missing:
        print(f"phones: {missing}")
        return
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        host = lab.AdbHost(root)
        host.start()
        try:
            _all(host, root)
        finally:
            host.stop()


def _all(host: lab.AdbHost, root: Path) -> None:
    for measure in (_photos, _film, _listing, _heads, _idle):
        storage = root / measure.__name__
        with lab.phone(host, storage, "BENCH") as made:
            host.disconnect(made.transport)
            direct = f"127.0.0.1:{made.port}"
            host.connect(direct)
            with _opened(host, direct) as phone:
                measure(host, made, phone)
            host.disconnect(direct)
        shutil.rmtree(storage)


def _opened(host: lab.AdbHost, transport: str) -> Phone:
    server = AdbServer("127.0.0.1", host.port)
    lab.eventually(lambda: _answers(server, transport), "the phone")
    return Phone(server, transport, identify(server, transport, clock=time.time))


def _answers(server: AdbServer, transport: str) -> bool:
    try:
        return bool(server.features(transport))
    except PhoneGone:
        return False


def _photos(host: lab.AdbHost, made: lab.LabPhone, phone: Phone) -> None:
    folder = made.storage / "DCIM/Camera"
    for number in range(PHOTOS):
        file = folder / f"{number}.jpg"
        file.write_bytes(JPEG + os.urandom(PHOTO_BYTES - len(JPEG)))
        os.utime(file, OLD)
    _beside(f"{PHOTOS:,} photos of 2 MiB", host, made, phone, PHOTOS * PHOTO_BYTES)


def _film(host: lab.AdbHost, made: lab.LabPhone, phone: Phone) -> None:
    file = made.storage / "DCIM/Camera/film.mp4"
    with file.open("wb") as film:
        film.write(FILM)
        for _ in range(FILM_BYTES // (64 * MIB)):
            film.write(os.urandom(64 * MIB))
    os.utime(file, OLD)
    _beside("one film of 5 GiB, by memory", host, made, phone, FILM_BYTES)
    command = [sys.executable, "-m", "tests.bench.link", str(made.port), str(LINK_BYTES)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as link:
        assert link.stdout is not None
        transport = f"127.0.0.1:{int(link.stdout.readline())}"
        host.connect(transport)
        with _opened(host, transport) as linked:
            what = f"one film of 5 GiB, by a link of {LINK_BYTES / 1e6:.0f} MB/s"
            _beside(what, host, made, linked, FILM_BYTES)
        host.disconnect(transport)
        link.kill()


def _beside(
    what: str, host: lab.AdbHost, made: lab.LabPhone, phone: Phone, size_bytes: int
) -> None:
    ours, theirs = [], []
    for round_number in range(ROUNDS):
        ours.append(_ours(made, phone, compare=round_number == 0))
        theirs.append(_theirs(host, phone))
    mine, other = min(ours), min(theirs)
    print(
        f"phone, {what}: photosync {size_bytes / mine / 1e6:.0f} MB/s (hashed, compared, synced),"
        f" adb pull {size_bytes / other / 1e6:.0f} MB/s; ratio {other / mine:.2f}",
        flush=True,
    )


def _theirs(host: lab.AdbHost, phone: Phone) -> float:
    with tempfile.TemporaryDirectory(dir=DISK) as target:
        began = time.monotonic()
        done = host.run("-s", phone.transport, "pull", "-a", "/storage/emulated/0/DCIM", target)
        took = time.monotonic() - began
        assert done.returncode == 0, done.stderr
    return took


def _ours(made: lab.LabPhone, phone: Phone, *, compare: bool) -> float:
    """Found, copied and on record: everything up to the upload. Every hash is compared once."""
    with tempfile.TemporaryDirectory(dir=DISK) as folder:
        root = Path(folder)
        with Database(root) as database:
            database.migrate()
            began = time.monotonic()
            _mirror(database, phone, root / "mirror")
            took = time.monotonic() - began
            items = list(Overview(database).items(limit=10_000))
        assert all(one.state == State.MIRRORED for one in items)
        for item in items if compare else ():
            for file in (made.storage / item.source_path, root / "mirror" / str(item.mirror_path)):
                with file.open("rb") as content:
                    assert hashlib.file_digest(content, "sha256").hexdigest() == item.sha256
    return took


def _mirror(database: Database, phone: Phone, root: Path) -> None:
    """What the daemon does with a phone, in one thread."""
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
        discover.look(Watched(source, _files(own)))
    pull = Pull(
        items=MediaItems(database),
        mirror=disk,
        phones=lambda _: (source, phone),
        bells=Bells(),
        progress=lambda _id, _bytes: None,
        source_lost=lambda _, error: print(error),
        halt=halt,
        clock=time.time,
    )
    while pull.run_once():
        pass


def _files(phone: Phone) -> PhoneFiles:
    return PhoneFiles(phone, ["DCIM"])


def _listing(host: lab.AdbHost, made: lab.LabPhone, phone: Phone) -> None:
    for number in range(100):
        folder = made.storage / f"DCIM/{number}"
        folder.mkdir()
        for one in range(1000):
            (folder / f"IMG_{one:05}.jpg").touch()
    began = time.monotonic()
    found = sum(1 for _ in _files(phone).entries())
    ours = time.monotonic() - began
    began = time.monotonic()
    done = host.run("-s", phone.transport, "shell", "ls -lR /storage/emulated/0/DCIM")
    theirs = time.monotonic() - began
    assert done.returncode == 0
    print(
        f"phone, listing: {found:,} files in {ours:.2f} s; adb shell ls -lR {theirs:.2f} s;"
        f" ratio {theirs / ours:.1f}",
        flush=True,
    )


def _heads(host: lab.AdbHost, made: lab.LabPhone, phone: Phone) -> None:
    folder = made.storage / "DCIM/Camera"
    for number in range(1000):
        (folder / f"{number}.jpg").write_bytes(JPEG + bytes(3 * MIB))
    paths = [f"DCIM/Camera/{number}.jpg" for number in range(1000)]
    for size_bytes in (64 * 1024, 256 * 1024):
        began = time.monotonic()
        found = sum(len(head or b"") for head in phone.heads(paths, size_bytes=size_bytes))
        took = time.monotonic() - began
        assert found == 1000 * size_bytes
        print(f"phone, 1,000 beginnings of {size_bytes // 1024} KiB: {took:.2f} s", flush=True)


def _idle(host: lab.AdbHost, made: lab.LabPhone, phone: Phone) -> None:
    """What watching costs here and on the phone while nothing happens."""
    for number in range(50):
        (made.storage / f"DCIM/{number}").mkdir()
        (made.storage / f"DCIM/{number}/a.jpg").touch()
    files = _files(phone)
    list(files.entries())
    notices = Notices(phone, lambda: files.listed, lambda *_: None)
    notices.start()
    lab.eventually(lambda: notices._hearing, "events")
    time.sleep(5)
    before = time.process_time(), _cpu_of_phone(made)
    time.sleep(30)
    ours = time.process_time() - before[0]
    theirs = _cpu_of_phone(made) - before[1]
    notices.stop()
    print(
        f"phone, watching 50 folders: {ours / 30:.2%} of a core here,"
        f" {theirs / 30:.2%} on the phone",
        flush=True,
    )


def _cpu_of_phone(made: lab.LabPhone) -> float:
    """Seconds that everything in the phone has used."""
    found = made.pids()
    ticks = 0
    for pid in found:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


DISK = lab.HOME.parent
