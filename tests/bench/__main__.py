"""``python -m tests.bench [NAME ...]``: measure, and write down what was found.

At full size the results go to tests/bench/RESULTS.md and the pictures to docs; at any other to
.cache/bench. What is not measured this time stays as it was. Machines are shared and noisy, so
nothing here fails because it is slow.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench import daemon, disk, library, phone, phone_looks, plots, store, troubles, web, wire
from tests.bench.place import place
from tests.bench.results import ROOT, Growth, Results, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.place import Place

    Measure = Callable[[Place], Iterator[Row | Growth]]

MEASURES: dict[str, Measure] = {
    one.__name__: one
    for one in (
        library.away,
        library.limited,
        library.cpu,
        wire.broken_link,
        wire.latency,
        disk.scan,
        store.million,
        daemon.memory,
        daemon.idle,
        phone.pull,
        phone_looks.listing,
        troubles.troubles,
        web.thumbnails,
        web.gallery,
        web.looking,
        wire.rate,
        daemon.long_life,
        phone_looks.watching,
    )
}


def main(arguments: list[str] | None = None) -> int:
    """Run the named measurements, or all; 1 if one of them broke."""
    given = _parser().parse_args(arguments)
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"):
        os.environ.pop(name, None)  # a program that is installed has its bytecode
    here, pictures = (
        (Path(__file__).parent, ROOT / "docs")
        if given.scale == 1
        else (ROOT / ".cache" / "bench",) * 2
    )
    here.mkdir(parents=True, exist_ok=True)
    results, broken = Results.load(here), []
    for name in given.names or MEASURES:
        if not _measured(name, given.scale, given.runs, results):
            broken.append(name)
        results.in_order(MEASURES)
        results.report()
        plots.draw(results, pictures)
    print(f"written to {here} and {pictures}")
    if broken:
        print(f"broke off: {', '.join(broken)}")
    return 1 if broken else 0


def _measured(name: str, scale: float, runs: int, results: Results) -> bool:
    """Whether it came to its end. What it found is told and noted."""
    began = time.monotonic()
    with place(scale, runs) as here:
        try:
            found = list(MEASURES[name](here))
        except Exception:  # noqa: BLE001 - the others are measured nevertheless
            traceback.print_exc()
            return False
    took = time.monotonic() - began
    results.note(name, found, seconds=took, scale=scale, runs=runs)
    for one in found:
        print(_told(one), flush=True)
    print(f"  ({name}: {took:.0f} s)", flush=True)
    return True


def _told(one: Row | Growth) -> str:
    if isinstance(one, Growth):
        points = ", ".join(f"{count:g}: {value:.3g} {one.unit}" for count, value in one.points)
        return f"  growth of {one.what}: {points}; exponent {one.exponent:.2f}"
    said = one.missing or "; ".join(check.text() for check in one.checks)
    return f"{one.what}: {said}. Mark: {one.mark}. {one.verdict}"


def _known(name: str) -> str:
    if name not in MEASURES:
        raise argparse.ArgumentTypeError(f"there is no {name!r}: {', '.join(MEASURES)}")
    return name


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", type=_known, metavar="NAME", help=f"of {', '.join(MEASURES)}"
    )
    parser.add_argument("--scale", type=float, default=1.0, help="1: full size; 0.01: soon")
    parser.add_argument("--runs", type=int, default=3, help="of each thing that is measured")
    return parser


if __name__ == "__main__":
    sys.exit(main())
