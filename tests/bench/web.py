"""The page: thumbnails, and the gallery's first page. Measured as soon as there is one."""

from __future__ import annotations

import importlib
import importlib.util
import io
import random
import time
import urllib.error
import urllib.request
from functools import partial
from threading import Event, Thread
from typing import TYPE_CHECKING

from tests.bench import crowd
from tests.bench.measuring import Figure, timed, until
from tests.bench.place import MB, UNLIMITED, google, user
from tests.bench.results import Check, Growth, Row, against
from tests.journeys.conftest import Daemon
from tests.lab.lab import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from tests.bench.place import Place

NOT_YET = "not in this version yet"
THUMBNAILS = "photosync.files.thumbnails"
PHOTOS, WIDE, HIGH = 40, 4000, 3000
ITEMS = 100_000
PAGES = ("/photos", "/gallery")
VISITS = 20
LOOKED_AT = 150
LINE_BYTES = 5 * MB


def thumbnails(place: Place) -> Iterator[Row | Growth]:
    """Pictures of 12 megapixels, made small in one process."""
    what, beside = "thumbnails per second per core", "Pillow's `draft` + `thumbnail` alone"
    if importlib.util.find_spec(THUMBNAILS) is None:
        yield Row(what, beside, "≤ 1.2", missing=NOT_YET)
        return
    module = importlib.import_module(THUMBNAILS)
    counts = place.series(PHOTOS * 10, 1)
    with place.passing("pictures") as folder, module.Thumbnailer() as maker:
        files = [_picture(folder / f"{one}.jpg", one) for one in range(min(PHOTOS, counts[-1]))]
        with files[0].open("rb") as first:
            maker.thumbnail(first, "x")  # its process is there now
        ours, theirs = [], []
        for _ in range(place.runs):
            ours.append(timed(lambda: _ours(maker, files)) / len(files))
            theirs.append(timed(lambda: _theirs(files, module.EDGE)) / len(files))
        points = []
        for count in counts:
            many = [files[number % len(files)] for number in range(count)]
            points.append((float(count), timed(partial(_ours, maker, many))))
    yield Row(
        what,
        beside,
        "≤ 1.2",
        (
            against("time of one", ours, theirs, peer="Pillow alone", limit=1.2),
            Check("a second:", Figure(tuple(1 / one for one in ours))),
        ),
        note=f"Photos of {WIDE} x {HIGH}; ours are decoded in a process of their own with limits,"
        " one at a time.",
    )
    yield Growth("thumbnails", "photos", "s", tuple(points))


def _picture(file: Path, number: int) -> Path:
    """Something with detail, so that it is as large as a photo."""
    from PIL import Image

    chance = random.Random(number)
    small = Image.frombytes("RGB", (400, 300), chance.randbytes(400 * 300 * 3))
    small.resize((WIDE, HIGH), Image.Resampling.BICUBIC).save(file, quality=90)
    return file


def _ours(maker: object, files: list[Path]) -> None:
    for file in files:
        with file.open("rb") as opened:
            assert maker.thumbnail(opened, file.name)  # type: ignore[attr-defined]


def _theirs(files: list[Path], edge: int) -> None:
    from PIL import Image

    for file in files:
        with Image.open(file) as picture:
            _shrunk(picture, edge)


def _shrunk(picture: Image.Image, edge: int) -> None:
    picture.draft("RGB", (edge, edge))
    picture.thumbnail((edge, edge))
    picture.save(io.BytesIO(), "JPEG")


def looking(place: Place) -> Iterator[Row | Growth]:
    """Uploads while somebody scrolls through pictures of which none has a thumbnail yet."""
    count = place.count(LOOKED_AT, 12)
    alone: list[float] = []
    looked_at: list[float] = []
    seen: list[int] = []
    for _ in range(place.runs):
        alone.append(_upload(place, count, seen=None))
        looked_at.append(_upload(place, count, seen=seen))
    yield Row(
        "an upload while the gallery makes thumbnails",
        "the same with nobody looking",
        "≤ 1.1",
        (
            against("time", looked_at, alone, peer="nobody looks", limit=1.1),
            Check("pictures made meanwhile", Figure(tuple(map(float, seen)))),
        ),
        note=f"{count} photos of 12 megapixels at {LINE_BYTES // MB} MB/s, which a good line takes;"
        " each is asked for small and as large as a screen, as fast as it is made.",
    )


def _upload(place: Place, count: int, *, seen: list[int] | None) -> float:
    """Seconds until all are in the library; ``seen`` is told how many pictures were made."""
    with google(place, UNLIMITED, clear=True) as at, place.passing("home") as home:
        (home / "photos").mkdir()
        for number in range(count):
            _picture(home / f"photos/{number}.jpg", number)
        line = f'[upload]\nmax_rate = "{LINE_BYTES // MB} MB/s"\n'
        world = user(home / "user", at, home / "photos", more=line)
        port = free_port()
        world.variables |= {
            "PHOTOSYNC_WEB__ENABLED": "true",
            "PHOTOSYNC_WEB__PORT": str(port),
            "PHOTOSYNC_GOOGLE__API_URL": at.emulator.url,
        }
        over = Event()
        made: list[str] = []
        looker = Thread(target=_look, args=(port, count, over, made))
        began = time.monotonic()
        daemon = Daemon(world)
        try:
            until(lambda: "web.ready" in daemon.log(), seconds=60)
            if seen is not None:
                looker.start()
            until(lambda: at.emulator.library.count() >= count, seconds=600)
            took = time.monotonic() - began
            over.set()
            if seen is not None:
                looker.join()
                seen.append(len(made))
            daemon.stop()
        finally:
            over.set()
            daemon.kill()
    return took


def _look(port: int, count: int, over: Event, made: list[str]) -> None:
    """One picture after the other, as a browser asks for what comes into sight."""
    for kind in ("thumbnails", "large"):
        for number in range(1, count + 1):
            path = f"/{kind}/{number}"
            while not over.is_set():
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                        if answer.headers.get_content_type() == "image/jpeg" and answer.read():
                            made.append(path)
                            break
                except urllib.error.HTTPError:
                    pass
                over.wait(0.05)  # not found yet


def gallery(place: Place) -> Iterator[Row | Growth]:
    """The first page of all photos, with a warm cache."""
    what, mark = "the gallery's first page at 100,000 items", "≤ 150 ms"
    found = {count: _visits(place, count) for count in place.series(ITEMS, 10)}
    if not all(found.values()):
        yield Row(what, "-", mark, missing=NOT_YET)
        return
    *_, most = found
    shown = tuple(one * 1000 for one in found[most])
    yield Row(
        f"the gallery's first page at {most:,} items",
        "-",
        mark,
        (Check("", Figure(shown, "ms"), 150.0),),
        note=f"The page's HTML by HTTP, {VISITS} visits after the first.",
    )
    points = tuple((float(count), Figure(tuple(each)).median) for count, each in found.items())
    yield Growth("the gallery's first page", "items", "s", points)


def _visits(place: Place, count: int) -> list[float]:
    """Seconds of each visit; none if there is no gallery."""
    with google(place, UNLIMITED, clear=True) as at, place.passing("home") as home:
        (home / "photos").mkdir()
        world = user(home / "user", at, home / "photos")
        port = free_port()
        world.variables |= {
            "PHOTOSYNC_WEB__ENABLED": "true",
            "PHOTOSYNC_WEB__PORT": str(port),
            "PHOTOSYNC_GOOGLE__API_URL": at.emulator.url,
        }
        crowd.fill(world.state, world.pictures, count)
        daemon = Daemon(world)
        try:
            until(lambda: "web.ready" in daemon.log(), seconds=60)
            pages = [f"http://127.0.0.1:{port}{path}" for path in PAGES]
            there = next((one for one in pages if _answers(one)), None)
            visits = [timed(lambda: _answers(str(there))) for _ in range(VISITS)] if there else []
            daemon.stop()
        finally:
            daemon.kill()
    return visits


def _answers(page: str) -> bool:
    try:
        with urllib.request.urlopen(page, timeout=30) as answer:
            kind = answer.headers.get_content_type()
            return bool(answer.read()) and kind == "text/html"
    except urllib.error.HTTPError:
        return False
