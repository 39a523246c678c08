"""Links that break, that are slow, and how soon a new file is through."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from tests.bench.link import Line, link
from tests.bench.measuring import Figure, percentile, until
from tests.bench.place import MB, UNLIMITED, google, once, put_film, user
from tests.bench.results import Check, Growth, Row
from tests.journeys.conftest import Daemon, jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.place import Google, Place

FILM_BYTES = 2000 * MB
CUTS = 10
LATE = 28
"""One after the other: with more of them, we would keep to Google's 30 writes a minute."""


def broken_link(place: Place) -> Iterator[Row | Growth]:
    """One video over a link that is cut ten times."""
    sizes = place.series(FILM_BYTES, 5 * MB)
    sent: dict[int, list[float]] = {}
    for size in sizes:
        for _ in range(place.runs if size == sizes[-1] else 1):
            sent.setdefault(size, []).append(_over_broken_link(place, size))
    size = sizes[-1]
    shares = Figure(tuple(one / size for one in sent[size]))
    yield Row(
        f"one video of {size / 1e9:.3g} GB over a link cut {CUTS} times",
        "bytes of the file",
        "≤ 1.02 x sent",
        (Check("", shares, 1.02),),
        note="Counted at the link, HTTP's own bytes and what a cut swallowed included. After a cut"
        " Google keeps whole pieces of 256 KiB (google-photos-api.md §2.3).",
        short="one video over a link cut 10 times",
    )
    points = tuple((float(one), sent[one][0]) for one in sizes)
    yield Growth("sent over the broken link", "bytes of the video", "bytes", points)


def _over_broken_link(place: Place, size: int) -> float:
    with (
        google(place, {"keep_prefix": "aligned"}, clear=True) as at,
        place.passing("home") as home,
    ):
        film = put_film(home / "films/film.mp4", size)
        port = int(at.emulator.url.rpartition(":")[2])
        line = Line(reach=("127.0.0.1", port), cut_every=size // (CUTS + 1), cuts=CUTS)
        with link(line) as broken:
            more = '[upload]\nresumable_above = "1 MiB"'  # the smallest of the three, too
            world = user(home / "user", at, film.parent, more=more)
            world.variables["PHOTOSYNC_GOOGLE__API_URL"] = f"http://127.0.0.1:{broken.address[1]}"
            one = once(world)
            assert one.code == 0, one.errors[-2000:]
            assert len(at.emulator.library.items()) == 1
        assert broken.carried.cuts == CUTS, broken.carried
        return float(broken.carried.sent)


def latency(place: Place) -> Iterator[Row | Growth]:
    """From the moment a program closes a new file to the library."""
    seconds: list[float] = []
    with google(place, UNLIMITED) as at, place.passing("home") as home:
        (home / "photos").mkdir()
        world = user(home / "user", at, home / "photos")
        daemon = Daemon(world)
        try:
            until(lambda: "daemon.started" in daemon.log(), seconds=20)
            for number in range(place.count(LATE, 5)):
                world.put(f"{number}.jpg", jpeg(number, 2 * MB))
                began = time.monotonic()
                until(partial(_holds, at, number + 1), seconds=30, pause=0.01)
                seconds.append(time.monotonic() - began)
            daemon.stop()
        finally:
            daemon.kill()
    yield Row(
        "new file closed → in the library (median, p95)",
        "-",
        "≤ 1.5 s, ≤ 3 s",
        (
            Check("median", Figure((percentile(seconds, 50),), "s"), 1.5),
            Check("p95", Figure((percentile(seconds, 95),), "s"), 3.0),
            Check("worst", Figure((max(seconds),), "s")),
        ),
        note=f"{len(seconds)} photos of 2 MB, one after the other, each after the last is there.",
    )


def _holds(at: Google, wanted: int) -> bool:
    return at.emulator.library.count() == wanted


def rate(place: Place) -> Iterator[Row | Growth]:
    """upload.max_rate: what arrives a second over all workers, by what was asked for."""
    checks = []
    for asked_mib, count, size_mib in ((2, place.count(40, 4), 1), (8, 3, place.count(48, 4))):
        with google(place, UNLIMITED, clear=True) as at, place.passing("home") as home:
            for number in range(count):
                put_film(home / f"films/{number}.mp4", size_mib << 20)
            more = f'[upload]\nmax_rate = "{asked_mib} MiB/s"\nchunk = "1 MiB"'
            world = user(home / "user", at, home / "films", more=more)
            world.variables["PHOTOSYNC_GOOGLE__API_URL"] = at.emulator.url
            assert once(world).code == 0
            sent = [one for one in at.emulator.requests.all() if one.bytes > 1 << 19]
        lasted = max(one.ended_at or 0.0 for one in sent) - min(one.began_at for one in sent)
        got = sum(one.bytes for one in sent) / lasted / (asked_mib << 20)
        checks.append(Check(f"{asked_mib} MiB/s:", Figure((got,)), 1.05))
    yield Row(
        "`upload.max_rate`, what is sent over four workers",
        "what was asked for",
        "≤ 1.05 (ours)",
        tuple(checks),
        short="upload.max_rate",
    )
