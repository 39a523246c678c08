"""Into the library: requests, time, CPU, a link that breaks, and what Google refuses."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from tests.bench import rclone
from tests.bench.measuring import Figure
from tests.bench.place import (
    MB,
    UNLIMITED,
    Google,
    google,
    once,
    put_film,
    put_photos,
    user,
)
from tests.bench.results import Check, Growth, Row, against

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.bench.measuring import Ran
    from tests.bench.place import Place

    Who = Callable[[Google, Path, Path], Ran]

PHOTOS = 400
AWAY_SECONDS = 0.050
RCLONE, FIFTY = "rclone, as it comes", "rclone `--transfers 50`"


class Sent(NamedTuple):
    """One upload of everything: how it ran, and how many requests it took."""

    ran: Ran
    asked: int


def _sizes(count: int) -> list[int]:
    chance = random.Random(8)
    return [chance.randrange(MB // 2, 7 * MB // 2) for _ in range(count)]


def photosync(at: Google, photos: Path, home: Path) -> Ran:
    """As it comes, too."""
    return once(user(home, at, photos))


def fifty(at: Google, photos: Path, home: Path) -> Ran:
    """rclone with its batches as large as Google takes them."""
    return rclone.copy(at, photos, home, "--transfers", "50")


def _sent(
    place: Place, who: Who, photos: Path, options: Mapping[str, object], delay: float = 0.0
) -> Sent:
    """All of them into an empty library."""
    with google(place, options, delay=delay) as at, place.passing("home") as home:
        one = who(at, photos, home / "user")
        assert one.code == 0, (one.code, one.output[-2000:], one.errors[-2000:])
        held = len(at.emulator.library.items())
        assert held == len(list(photos.iterdir())), held
        return Sent(one, at.asked())


def away(place: Place) -> Iterator[Row | Growth]:
    """Requests and wall time, 50 ms away; CPU where nothing is away."""
    count = place.count(PHOTOS, 8)
    with place.passing("photos") as folder:
        photos = put_photos(folder / "all", _sizes(count))
        whos: dict[str, Who] = {"photosync": photosync}
        if not rclone.missing():
            whos |= {RCLONE: rclone.copy, FIFTY: fifty}
        sent: dict[str, list[Sent]] = {name: [] for name in whos}
        for _ in range(place.runs):
            for name, who in whos.items():
                sent[name].append(_sent(place, who, photos, UNLIMITED, AWAY_SECONDS / 2))
        yield from _away_rows(sent, count)
        yield from _away_growth(place, folder, sent["photosync"], count)


def _away_rows(sent: dict[str, list[Sent]], count: int) -> Iterator[Row]:
    each = {name: [one.asked / count for one in all_of] for name, all_of in sent.items()}
    took = {name: [one.ran.seconds for one in all_of] for name, all_of in sent.items()}
    ours = Figure(tuple(each["photosync"]))
    theirs = Figure(tuple(each[RCLONE])).median if RCLONE in each else None
    told = f"rclone: {theirs:.3g}" if theirs else rclone.missing()
    yield Row(
        f"requests per photo, {count} photos of 0.5-3.5 MB",
        told,
        "≤ 1.03",
        (
            Check("", ours, 1.03),
            *(
                [
                    Check(
                        "by rclone's",
                        Figure((ours.median / theirs,)),
                        None,
                        ours.median,
                        theirs,
                        RCLONE,
                        "",
                    )
                ]
                if theirs
                else []
            ),
        ),
        short="requests per photo",
    )
    missing = rclone.missing()
    yield Row(
        "wall time of the same, emulator 50 ms away",
        f"{RCLONE}; {FIFTY}",
        "≤ 0.5; ≤ 1.0",
        ()
        if missing
        else (
            against("by rclone", took["photosync"], took[RCLONE], peer=RCLONE, limit=0.5),
            against("by rclone with 50", took["photosync"], took[FIFTY], peer=FIFTY, limit=1.0),
        ),
        note="A relay holds every byte back for 25 ms each way; both programs go through the same"
        " one, encrypted, to the same emulator, and start with a sign-in that is an hour good."
        " Whole processes, from start to exit. The cores are the limit, not the line: both are"
        " busy while photosync sends (vmstat), with its own 4 CPU seconds (see below), the"
        " emulator and the relay; beside rclone with 50 a third of them is idle.",
        missing=missing,
        short="wall time, 50 ms away",
    )


def _away_growth(place: Place, folder: Path, full: list[Sent], count: int) -> Iterator[Growth]:
    points, asked = [], []
    for number, few in enumerate((max(1, count // 100), max(2, count // 10))):
        photos = put_photos(folder / str(number), _sizes(few))
        one = _sent(place, photosync, photos, UNLIMITED, AWAY_SECONDS / 2)
        points.append((float(few), one.ran.seconds))
        asked.append((float(few), float(one.asked)))
    seconds = Figure(tuple(one.ran.seconds for one in full)).median
    points.append((float(count), seconds))
    asked.append((float(count), float(full[0].asked)))
    yield Growth("into the library, 50 ms away", "photos", "s", tuple(points))
    yield Growth("requests", "photos", "", tuple(asked))


def limited(place: Place) -> Iterator[Row | Growth]:
    """With Google's observed 30 writes a minute."""
    count = place.count(PHOTOS, 8)
    beside, mark = RCLONE, "≤ 0.1"
    what = "the same with Google's observed 30 writes a minute in force"
    if rclone.missing():
        yield Row(what, beside, mark, missing=rclone.missing())
        return
    ours, theirs = [], []
    with place.passing("photos") as folder:
        photos = put_photos(folder / "all", _sizes(count))
        for _ in range(min(place.runs, 2)):
            delay = AWAY_SECONDS / 2
            ours.append(_sent(place, photosync, photos, {}, delay).ran.seconds)
            theirs.append(_sent(place, rclone.copy, photos, {}, delay).ran.seconds)
    yield Row(
        what,
        beside,
        mark,
        (against("", ours, theirs, peer=RCLONE, limit=0.1),),
        note="Two runs: rclone spends minutes in waiting, which is always as long.",
        short="wall time, 30 writes a minute",
    )


def cpu(place: Place) -> Iterator[Row | Growth]:
    """CPU seconds for each GB, over TLS, nothing away."""
    checks = []
    with place.passing("photos") as folder:
        put_photos(folder / "photos", _sizes(place.count(PHOTOS, 8)))
        put_film(folder / "film/film.mp4", place.count(1000 * MB, 20 * MB))
        for kind, name in (("photos of 0.5-3.5 MB", "photos"), ("one film", "film")):
            ours, theirs = _cpu_of(place, folder / name)
            if theirs:
                checks.append(against(kind, ours, theirs, peer=RCLONE, limit=1.3, unit="s/GB"))
    yield Row(
        "CPU seconds per GB uploaded over TLS",
        RCLONE,
        "≤ 1.3",
        tuple(checks),
        note="Whole processes, start-up included. photosync reads each file twice, first for"
        " its SHA-256 and SHA-1, which alone are about one CPU second a GB, nearly all that rclone"
        " takes; rclone hashes nothing. Half a second more goes into starting and ending.",
        missing=rclone.missing(),
        short="CPU per GB over TLS",
    )


def _cpu_of(place: Place, photos: Path) -> tuple[list[float], list[float]]:
    """Seconds for each GB: ours, and rclone's if it can be had."""
    gb = sum(one.stat().st_size for one in photos.iterdir()) / 1e9
    ours, theirs = [], []
    for _ in range(place.runs):
        ours.append(_sent(place, photosync, photos, UNLIMITED).ran.cpu_seconds / gb)
        if not rclone.missing():
            theirs.append(_sent(place, rclone.copy, photos, UNLIMITED).ran.cpu_seconds / gb)
    return ours, theirs
