"""A long queue: what a verb costs, and a start."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.bench import crowd
from tests.bench.measuring import Figure, ran, timed
from tests.bench.place import UNLIMITED, google, user, verb
from tests.bench.results import Check, Growth, Row
from tests.journeys.conftest import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.place import Place
    from tests.journeys.conftest import World

MILLION = 1_000_000
VERBS = 10
"""Each verb is so quick that it is run that often."""


def million(place: Place) -> Iterator[Row | Growth]:
    """``status`` and a start with 10,000, 100,000 and 1,000,000 items."""
    status: dict[int, list[float]] = {}
    ready: dict[int, list[float]] = {}
    bare = []
    sizes = place.series(MILLION, 10)
    for count in sizes:
        with google(place, UNLIMITED, clear=True) as at, place.passing("home") as home:
            (home / "photos").mkdir()
            world = user(home / "user", at, home / "photos")
            world.put("one.jpg", b"\xff\xd8\xff\xe0 no more than this")
            crowd.fill(world.state, world.pictures, count)
            _start(world)  # the first start by new settings looks at what waits
            ready[count] = [_start(world) for _ in range(place.runs)]
            status[count] = []
            for _ in range(VERBS):
                status[count].append(verb(world, "status").seconds)
                if count == sizes[-1]:
                    bare.append(ran([sys.executable, "-c", "pass"]).seconds)
    many = sizes[-1]
    more = [(one - two) * 1000 for one, two in zip(status[many], bare, strict=True)]
    mine, other = Figure(tuple(status[many])).median, Figure(tuple(bare)).median
    yield Row(
        f"`status` at {many:,} items, whole process",
        "`python -c pass`",
        "≤ +250 ms",
        (
            Check("+", Figure(tuple(more), "ms"), 250.0),
            Check("in all", Figure((mine / other,)), None, mine, other, "python -c pass", "s"),
        ),
        note=f"{VERBS} times in turns, with the files of both in memory. It is all loading, no more"
        " for a million items than for ten thousand: of 250 ms of imports (-X importtime),"
        " pydantic and pydantic-settings (settings, options) take 75 with what they load,"
        " photosync's own modules 75 (half of it dataclasses and settings models), Typer and Rich"
        " 35. Tried: only the one verb loaded (-5 ms), no plugins of pydantic (-5), no garbage"
        " collection (-10).",
        short="status, more than python -c pass",
    )
    yield Row(
        f"start to ready at {many:,} items",
        "-",
        "≤ 1 s",
        (Check("", Figure(tuple(ready[many]), "s"), 1.0),),
        note="From the start of the process until it tells the service manager that it is ready;"
        " the folder that it watches is small.",
    )
    for what, values in (("`status`", status), ("start to ready", ready)):
        points = tuple((float(one), Figure(tuple(each)).median) for one, each in values.items())
        yield Growth(what, "items", "s", points)


def _start(world: World) -> float:
    """Seconds from the start of the daemon to READY=1."""
    address = f"\0photosync-bench-{os.getpid()}-{time.monotonic_ns()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hearing:
        hearing.bind(address)
        hearing.settimeout(120)
        environ = {**world.environ(), "NOTIFY_SOCKET": "@" + address[1:]}
        with (world.home / "start.log").open("wb") as log:
            process = subprocess.Popen(
                [*PROGRAM, "run", "--config", str(world.config)],
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            return timed(lambda: _until_ready(hearing))
        finally:
            process.terminate()
            process.wait(60)


def _until_ready(hearing: socket.socket) -> None:
    while b"READY=1" not in hearing.recv(65_536):
        pass
