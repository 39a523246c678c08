"""What was measured, held against its mark, and kept: RESULTS.md, and results.json behind it."""

from __future__ import annotations

import json
import math
import os
import platform
import subprocess
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.measuring import Figure, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).parents[2]
RECORDS, REPORT = "results.json", "RESULTS.md"
LINEAR = 1.1
"""The exponent of growth that is still called linear."""


@dataclass(frozen=True, slots=True)
class Check:
    """One figure and its mark. ``limit`` None: there is none, the figure is told.

    ``ours``, ``theirs``: the two medians of a ratio, in ``unit``, for the picture; ``peer`` is
    whose the second is.
    """

    name: str
    figure: Figure
    limit: float | None = None
    ours: float | None = None
    theirs: float | None = None
    peer: str = ""
    unit: str = ""

    @property
    def reached(self) -> bool | None:
        return None if self.limit is None else self.figure.median <= self.limit

    def text(self) -> str:
        """The figure and, of a ratio, the two it is of."""
        said = f"{self.name} {self.figure.text()}".strip()
        if self.ours is None or self.theirs is None:
            return said
        both = f"{shown(self.ours, self.unit)} : {shown(self.theirs, self.unit)}"
        return f"{said} [{both}]"


def against(
    name: str, ours: list[float], theirs: list[float], *, peer: str, limit: float, unit: str = "s"
) -> Check:
    """Ours by theirs, run by run."""
    mine, other = Figure(tuple(ours)), Figure(tuple(theirs))
    pairs = tuple(one / two for one, two in zip(ours, theirs, strict=True))
    return Check(
        name, Figure(pairs), limit, ours=mine.median, theirs=other.median, peer=peer, unit=unit
    )


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table. ``short``: its name in pictures; ``missing``: why it was not measured."""

    what: str
    beside: str
    mark: str
    checks: tuple[Check, ...] = ()
    note: str = ""
    missing: str = ""
    short: str = ""

    @property
    def verdict(self) -> str:
        """yes, **no**, or nothing where there is no mark or no figure."""
        if self.missing:
            return "not measured"
        told = [one.reached for one in self.checks if one.reached is not None]
        return "" if not told else "yes" if all(told) else "**no**"


@dataclass(frozen=True, slots=True)
class Growth:
    """What something costs at 1x, 10x and 100x: (how many, value) in ``unit``."""

    what: str
    of: str
    unit: str
    points: tuple[tuple[float, float], ...]

    @property
    def exponent(self) -> float:
        """From 10x to 100x: 1 is linear, 0 is not at all; small ones are mostly start-up."""
        (few, before), (many, after) = self.points[-2:]
        return math.log(max(after, 1e-9) / max(before, 1e-9)) / math.log(many / few)

    @property
    def verdict(self) -> str:
        return "yes" if self.exponent <= LINEAR else "**no**"


@dataclass(slots=True)
class Results:
    """All that is known, of this run and of earlier ones."""

    folder: Path
    measured: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Results:
        """What earlier runs left in ``folder``."""
        file = folder / RECORDS
        return cls(folder, json.loads(file.read_text("utf-8")) if file.exists() else {})

    def note(
        self, name: str, found: Iterable[Row | Growth], *, seconds: float, scale: float, runs: int
    ) -> None:
        """Replace what was known under that name, and write everything down."""
        listed = list(found)
        self.measured[name] = {
            "rows": [asdict(one) for one in listed if isinstance(one, Row)],
            "growth": [asdict(one) for one in listed if isinstance(one, Growth)],
            "seconds": round(seconds, 1),
            "scale": scale,
            "runs": runs,
            "commit": commit(),
            "day": time.strftime("%Y-%m-%d", time.gmtime()),
            "machine": machine(),
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / RECORDS).write_text(
            json.dumps(self.measured, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )

    def in_order(self, names: Iterable[str]) -> None:
        """Whatever was measured when: the table has an order of its own."""
        self.measured = {one: self.measured[one] for one in names if one in self.measured}

    def rows(self) -> list[Row]:
        return [_row(one) for each in self.measured.values() for one in each["rows"]]

    def growth(self) -> list[Growth]:
        return [_growth(one) for each in self.measured.values() for one in each["growth"]]

    def report(self) -> None:
        """Write RESULTS.md."""
        (self.folder / REPORT).write_text("\n".join(_lines(self)) + "\n", "utf-8")


def _row(told: dict[str, Any]) -> Row:
    checks = tuple(
        Check(**{**one, "figure": Figure(tuple(one["figure"]["values"]), one["figure"]["unit"])})
        for one in told["checks"]
    )
    return Row(**{**told, "checks": checks})


def _growth(told: dict[str, Any]) -> Growth:
    points = tuple((few, value) for few, value in told["points"])
    return Growth(**{**told, "points": points})


def _lines(results: Results) -> list[str]:
    lines = [
        "# What was measured",
        "",
        "Written by `make bench`; not by hand. A figure is the median of several runs, and in",
        "brackets from where to where they went; a ratio is photosync by the other, taken run by",
        "run, one right after the other, with the two medians in square brackets. A MB is 10^6",
        "bytes.",
        "",
        "| what | against | mark | measured | reached |",
        "|---|---|---|---|---|",
    ]
    lines += [_table_line(one) for one in results.rows()]
    lines += ["", *_growth_lines(results.growth()), "", *_notes(results.rows()), *_origin(results)]
    return lines


def _table_line(row: Row) -> str:
    measured = row.missing or "; ".join(one.text() for one in row.checks)
    cells = (row.what, row.beside, row.mark, measured, row.verdict)
    return "| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |"


def _growth_lines(found: list[Growth]) -> list[str]:
    if not found:
        return []
    lines = [
        "## Growth",
        "",
        "The exponent is that of the step from 10x to 100x: 1 is linear, 0 is none.",
        "",
        "| what | of | 1x | 10x | 100x | exponent | linear or better |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        points = [f"{shown(count)}: {shown(value, one.unit)}" for count, value in one.points]
        cells = (one.what, one.of, *points, f"{one.exponent:.2f}", one.verdict)
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _notes(rows: list[Row]) -> list[str]:
    told = [f"- *{one.what}*: {one.note}" for one in rows if one.note]
    return ["## How, and what to know", "", *told, ""] if told else []


def _origin(results: Results) -> list[str]:
    lines = ["## Where and when", ""]
    lines += [f"- {one}" for one in sorted({one["machine"] for one in results.measured.values()})]
    lines += ["", "| measurement | commit | day | scale | runs | seconds |", f"|{'---|' * 6}"]
    for name, one in results.measured.items():
        cells = (one["commit"], one["day"], one["scale"], one["runs"], one["seconds"])
        lines.append(f"| `{name}` | " + " | ".join(map(str, cells)) + " |")
    return lines


def commit() -> str:
    """The commit measured, with a + if the program or the bench was changed after it."""
    asked = ["git", "-C", str(ROOT)]
    done = subprocess.run(
        [*asked, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        [*asked, "status", "--porcelain", "--", "photosync", "tests/bench/*.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stdout.strip() or "unknown") + ("+" if changed.stdout.strip() else "")


def machine() -> str:
    """What a reader has to know to compare."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GB of memory,"
        f" Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )
