"""What is on a phone, its beginnings, and hearing of what is new."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.device.notices import Notices
from tests.bench.measuring import Figure
from tests.bench.phone import JPEG, STORAGE, a_phone, files_of, missing
from tests.bench.results import Check, Growth, Row, against
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.phone import Bench
    from tests.bench.place import Place

LISTED = 100_000


def listing(place: Place) -> Iterator[Row | Growth]:
    """100,000 files, beside ``find`` on the phone, which tells the same of each."""
    what, beside, mark = "list 100,000 files on the phone lab", "`find -printf` over adb", "≤ 0.7"
    if missing():
        yield Row(what, beside, mark, missing=missing())
        return
    points = []
    for count in place.series(LISTED, 100):
        with a_phone(place) as at:
            for number in range(100):
                folder = at.made.storage / f"DCIM/{number}"
                folder.mkdir()
                for one in range(count // 100):
                    (folder / f"IMG_{one:05}.jpg").touch()
            turns = [(_listed(at, count), _found(at, count)) for _ in range(place.runs)]
        ours, theirs = [one for one, _ in turns], [other for _, other in turns]
        points.append((float(count), Figure(tuple(ours)).median))
    yield Row(
        f"list {count:,} files on the phone lab",
        beside,
        mark,
        (against("", ours, theirs, peer="find over adb", limit=0.7),),
        note="A hundred folders; name, size and time of every file. find is toybox's, like that of"
        " every phone.",
    )
    yield Growth("listing a phone", "files", "s", tuple(points))


def _listed(at: Bench, count: int) -> float:
    began = time.monotonic()
    found = sum(1 for _ in files_of(at.phone).entries())
    took = time.monotonic() - began
    assert found == count, found
    return took


def _found(at: Bench, count: int) -> float:
    began = time.monotonic()
    done = at.host.run(
        "-s", at.phone.transport, "shell", f"find {STORAGE} -type f -printf '%s %T@ %p\\n'"
    )
    took = time.monotonic() - began
    assert done.stdout.count(b"\n") == count, (done.stdout[-200:], done.stderr[-200:])
    return took


def watching(place: Place) -> Iterator[Row | Growth]:
    """What hearing of new photos costs here and on the phone, and a thousand beginnings."""
    what = "on a phone: watching 50 folders; 1,000 beginnings of 64 KiB"
    if missing():
        yield Row(what, "-", "-", missing=missing())
        return
    with a_phone(place) as at:
        heads = [_heads(at, place.count(1000, 10)) for _ in range(place.runs)]
        here, there = _idle(at, place.count(30, 5))
    yield Row(
        what,
        "-",
        "-",
        (
            Check("here", Figure((here,), "%")),
            Check("on the phone", Figure((there,), "%")),
            Check("beginnings", Figure(tuple(heads), "s")),
        ),
    )


def _heads(at: Bench, count: int) -> float:
    folder = at.made.storage / "DCIM/Camera"
    for number in range(count):
        (folder / f"{number}.jpg").write_bytes(JPEG + bytes(100_000))
    paths = [f"DCIM/Camera/{number}.jpg" for number in range(count)]
    began = time.monotonic()
    found = sum(len(head or b"") for head in at.phone.heads(paths, size_bytes=1 << 16))
    took = time.monotonic() - began
    assert found == count << 16
    return took


def _idle(at: Bench, seconds: float) -> tuple[float, float]:
    for number in range(50):
        (at.made.storage / f"DCIM/{number}").mkdir()
        (at.made.storage / f"DCIM/{number}/a.jpg").touch()
    files = files_of(at.phone)
    list(files.entries())
    notices = Notices(at.phone, lambda: files.listed, lambda *_: None)
    notices.start()
    lab.eventually(lambda: notices._hearing, "events")
    time.sleep(5)
    before = time.process_time(), _cpu_of_phone(at.made)
    time.sleep(seconds)
    ours, theirs = time.process_time() - before[0], _cpu_of_phone(at.made) - before[1]
    notices.stop()
    return ours / seconds * 100, theirs / seconds * 100


def _cpu_of_phone(made: lab.LabPhone) -> float:
    """Seconds that everything in the phone has used."""
    ticks = 0
    for pid in made.pids():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")
