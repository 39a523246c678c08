"""The daemon as it lives: what it holds, at rest and at work."""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from photosync.domain.states import State
from photosync.store.database import Database
from photosync.store.overview import Overview
from tests.bench import crowd
from tests.bench.measuring import Figure, cpu_seconds, holds_of, peak_mb, until
from tests.bench.phone import computer, missing
from tests.bench.place import MB, UNLIMITED, google, once, put_film, put_photos, user
from tests.bench.results import Check, Growth, Row
from tests.journeys.conftest import Daemon, jpeg
from tests.lab import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.place import Place
    from tests.journeys.conftest import World

FEW, MANY = 1_000, 1_000_000
NEW = 1_000
FILM_BYTES = 5000 * MB
FOLDERS = 20
IDLE_SECONDS = 30.0
WORKING = 60_000
LOT, LOTS = 500, 20
UNPACED = "writes_per_minute = 10000\ndaily_requests = 10000000"


def memory(place: Place) -> Iterator[Row | Growth]:
    """The most that it ever held: a short and a long queue, and a large video."""
    few, many = place.count(FEW, 100), place.count(MANY, 1000)
    new = place.count(NEW, 50)
    peaks: dict[int, list[float]] = {few: [], many // 10: [], many: []}
    for count, found in peaks.items():
        for _ in range(1 if count == many // 10 else place.runs):
            found.append(_peak_at(place, count, new))
    films = {size: _peak_with_film(place, size) for size in place.series(FILM_BYTES, MB)}
    small, large = Figure(tuple(peaks[few]), "MB"), Figure(tuple(peaks[many]), "MB")
    film_bytes, film_mb = list(films.items())[-1]
    yield Row(
        f"memory of the daemon at {few:,} and {many:,} items, and while sending a"
        f" {film_bytes / 1e9:.3g} GB video",
        "each other",
        "≤ 1.1; ≤ 120 MB",
        (
            Check(
                "at many items by at few",
                Figure((large.median / small.median,)),
                1.1,
                large.median,
                small.median,
                f"{few:,} items",
                "MB",
            ),
            Check(f"at {many:,}", large, 120.0),
            Check("with the video", Figure((film_mb,), "MB"), 120.0),
        ),
        note="The peak of resident memory (VmHWM) from start to end, while"
        f" {new:,} new photos are found, hashed and sent beside those on record.",
        short="memory",
    )
    points = tuple((float(one), Figure(tuple(each)).median) for one, each in peaks.items())
    yield Growth("memory", "items", "MB", points)
    yield Growth(
        "memory with a video", "bytes of it", "MB", tuple((float(s), mb) for s, mb in films.items())
    )


def _peak_at(place: Place, count: int, new: int) -> float:
    with google(place, UNLIMITED, clear=True) as at, place.passing("home") as home:
        photos = put_photos(home / "photos", [3000] * new)
        world = user(home / "user", at, photos)
        world.variables["PHOTOSYNC_GOOGLE__API_URL"] = at.emulator.url
        world.configure(google=UNPACED)
        crowd.fill(world.state, photos, count)
        daemon = Daemon(world)
        try:
            until(lambda: at.emulator.library.count() >= new, seconds=300)
            peak = peak_mb(daemon.process.pid)
            daemon.stop()
        finally:
            daemon.kill()
    return peak


def _peak_with_film(place: Place, size: int) -> float:
    with google(place, UNLIMITED) as at, place.passing("home") as home:
        film = put_film(home / "films/film.mp4", size)
        one = once(user(home / "user", at, film.parent))
        assert one.code == 0, one.errors[-2000:]
        return one.peak_mb


def idle(place: Place) -> Iterator[Row | Growth]:
    """Folders watched and a phone plugged in, and nothing happens."""
    what, mark = "idle CPU, folders watched and phone plugged in", "≤ 0.3 %"
    why = missing()
    with ExitStack() as stack:
        at = stack.enter_context(google(place, UNLIMITED, clear=True))
        home = stack.enter_context(place.passing("home"))
        for number in range(FOLDERS):
            put_photos(home / f"photos/{number}", [3000] * 5)
        world = user(home / "user", at, home / "photos")
        world.variables["PHOTOSYNC_GOOGLE__API_URL"] = at.emulator.url
        photos = FOLDERS * 5
        if not why:
            host = stack.enter_context(computer(home / "adb"))
            made = stack.enter_context(lab.phone(host, home / "phone", "IDLE1"))
            put_photos(made.storage / "DCIM/Camera", [4000] * 5)
            photos += 5
            world.configure(
                google=UNPACED,
                phone=f"enabled = true\nadb_port = {host.port}",
                more=f'[mirror]\npath = "{home / "mirror"}"\nmin_free = "1 MiB"',
            )
        daemon = Daemon(world)
        try:
            until(lambda: at.emulator.library.count() >= photos, seconds=120)
            until(lambda: _state(world) == "idle", seconds=120, pause=1.0)
            shares = [_share(daemon, place.count(int(IDLE_SECONDS), 5)) for _ in range(place.runs)]
            daemon.stop()
        finally:
            daemon.kill()
    yield Row(
        what,
        "one core",
        mark,
        (Check("", Figure(tuple(shares), "%"), 0.3),),
        note=f"{FOLDERS} folders; all threads of the daemon over {IDLE_SECONDS:.0f} s each time."
        + (f" Without a phone: {why}." if why else ""),
    )


def _state(world: World) -> str:
    return str(world.json("status")["daemon"]["state"])


def _share(daemon: Daemon, seconds: float) -> float:
    began, before = time.monotonic(), cpu_seconds(daemon.process.pid)
    time.sleep(seconds)
    used = cpu_seconds(daemon.process.pid) - before
    return used / (time.monotonic() - began) * 100


def long_life(place: Place) -> Iterator[Row | Growth]:
    """10,000 photos through one daemon: what it holds after the first 500, and at the end."""
    lot = place.count(LOT, 10)
    with google(place, UNLIMITED, clear=True) as at, place.passing("home") as home:
        (home / "photos").mkdir()
        world = user(home / "user", at, home / "photos")
        world.variables["PHOTOSYNC_GOOGLE__API_URL"] = at.emulator.url
        world.configure(google=UNPACED)
        daemon = Daemon(world)
        held = []
        try:
            for number in range(LOTS):
                for one in range(number * lot, (number + 1) * lot):
                    world.put(f"{number}/{one}.jpg", jpeg(one, 3000))
                until(partial(_done, world, (number + 1) * lot), seconds=300, pause=0.2)
                held.append(holds_of(daemon.process.pid))
            daemon.stop()
        finally:
            daemon.kill()
        state_bytes = sum(one.stat().st_size for one in world.state.iterdir() if one.is_file())
    first, last = held[0], held[-1]
    yield Row(
        f"a long life: {lot * LOTS:,} photos through one daemon",
        f"after {lot:,} of them",
        "≤ 1.1 (ours)",
        (
            *(
                Check(name, Figure((now / then,)), 1.1, now, then, f"{lot:,} photos", unit)
                for name, now, then, unit in zip(
                    ("memory", "descriptors", "threads"), last, first, ("MB", "", ""), strict=True
                )
            ),
            Check("state", Figure((state_bytes / lot / LOTS,), "bytes a photo")),
        ),
        short="a long life",
    )


def _done(world: World, wanted: int) -> bool:
    with Database(world.state, read_only=True) as database:
        return database.exists and Overview(database).counts().items(State.DONE) == wanted
