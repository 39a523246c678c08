"""Medians, spreads and ratios; what a process took; waiting for something with an end."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Timer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TICKS = 1e9
LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """What several runs gave. ``unit`` stands behind the number: "s", "MB", "" for a ratio."""

    values: tuple[float, ...]
    unit: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def text(self) -> str:
        """The median and, if there is a spread, from where to where."""
        low, high = min(self.values), max(self.values)
        said = shown(self.median, self.unit)
        if len(self.values) == 1 or shown(low) == shown(high):
            return said
        return f"{said} ({shown(low)} to {shown(high)})"


def shown(value: float, unit: str = "") -> str:
    """Three digits are as much as a shared machine can tell; counts are told whole."""
    if value == int(value) and abs(value) < 1e15:
        text = f"{int(value):,}"
    elif abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}"
    if unit == "%":
        return f"{text} %"
    return f"{text} {unit}" if unit else text


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> Figure:
    """Run by run, for the two of a run met the same machine in the same mood."""
    return Figure(tuple(one / other for one, other in zip(ours, theirs, strict=True)))


def percentile(values: Sequence[float], hundredths: int) -> float:
    """The smallest value that so many hundredths do not exceed."""
    ranked = sorted(values)
    return ranked[max(0, -(-len(ranked) * hundredths // 100) - 1)]


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that has ended. Times in seconds; ``peak_mb`` is its largest resident memory."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    code: int
    output: str
    errors: str


def ran(
    command: Sequence[str], environ: Mapping[str, str] | None = None, *, timeout: float = 900.0
) -> Ran:
    """Run it to its end; after ``timeout`` seconds it is killed and ``code`` is negative."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        process = subprocess.Popen(
            command, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        timer = Timer(timeout, process.kill)
        timer.start()
        with ThreadPoolExecutor(1) as pool:
            has_ended = Event()
            peak = pool.submit(_highest_peak_mb, process.pid, has_ended)
            try:
                _, status, used = os.wait4(process.pid, 0)
            finally:
                timer.cancel()
                has_ended.set()
            seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = [_all_of(one.fileno()) for one in (out, err)]
    return Ran(
        seconds,
        used.ru_utime + used.ru_stime,
        peak.result(),
        process.returncode,
        *texts,
    )


def _highest_peak_mb(pid: int, has_ended: Event) -> float:
    """What the kernel told last of it: ``ru_maxrss`` counts what the parent had at the start."""
    found = 0.0
    while not has_ended.wait(LOOK_SECONDS):
        with suppress(OSError, IndexError):  # it has just ended
            found = peak_mb(pid)
    return found


def _all_of(descriptor: int) -> str:
    with open(descriptor, "rb", closefd=False) as file:
        file.seek(0)
        return file.read().decode("utf-8", "replace")


def timed(what: Callable[[], object]) -> float:
    """Seconds that it takes."""
    began = time.monotonic()
    what()
    return time.monotonic() - began


def until(what: Callable[[], object], *, seconds: float, pause: float = 0.05) -> None:
    """Wait until it holds.

    Raises:
        TimeoutError: It does not in ``seconds``.
    """
    ends = time.monotonic() + seconds
    while not what():
        if time.monotonic() > ends:
            raise TimeoutError(f"not within {seconds:.0f} s")
        time.sleep(pause)


def cpu_seconds(pid: int) -> float:
    """What all threads of a living process have used, to the nanosecond."""
    used = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        used += int((task / "schedstat").read_text().split()[0])
    return used / TICKS


def peak_mb(pid: int) -> float:
    """The largest resident memory of a living process."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(told.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def holds_of(pid: int) -> tuple[float, int, int]:
    """Resident memory in MB, open descriptors, threads."""
    process = Path(f"/proc/{pid}")
    told = (process / "status").read_text()
    resident, threads = (int(told.split(f"{name}:")[1].split()[0]) for name in ("VmRSS", "Threads"))
    return resident * 1024 / 1e6, len(list((process / "fd").iterdir())), threads


def forget_files() -> bool:
    """Empty the page cache, so that files come from the disk; False without the right to."""
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
    except OSError:
        return False
    return True
