"""Pictures of what was measured: marks, peers and growth, as SVG that needs nothing to be seen."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from tests.bench.measuring import shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bench.results import Check, Growth, Results, Row

WIDE = 960
LABELS = 400
"""Pixels for what the bars are of."""
BARS = 330
LONGEST = 52
"""Characters that have room there."""
BAR, STEP = 14, 26
LEAST, MOST = 0.01, 4.0
"""Of a mark: what is smaller or larger is drawn at the edge; its number tells."""
PANELS, PANEL, TALL = 3, 300, 210
STYLE = """
text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #24292f }
.title { font-size: 17px; font-weight: 600 }
.small { font-size: 11px; fill: #57606a }
.good { fill: #2f8f5b } .bad { fill: #cf4a2f } .peer { fill: #b6bec8 }
.line { stroke: #57606a; stroke-width: 1 } .grid { stroke: #d8dee4; stroke-width: 1 }
.dash { stroke: #8c959f; stroke-width: 1.2; stroke-dasharray: 4 4; fill: none }
.curve { stroke: #2f6fdb; stroke-width: 2.2; fill: none } .dot { fill: #2f6fdb }
.paper { fill: #ffffff }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 } .small { fill: #9da7b3 } .paper { fill: #0d1117 }
.good { fill: #3fb37a } .bad { fill: #f0704f } .peer { fill: #57606a }
.line { stroke: #9da7b3 } .grid { stroke: #2a313a } .dash { stroke: #6e7781 }
.curve { stroke: #6ea8fe } .dot { fill: #6ea8fe }
}
"""


def draw(results: Results, folder: Path) -> None:
    """Three files into ``folder``; one that would be empty is not made."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = results.rows()
    pictures = {"bench-marks.svg": marks(rows), "bench-peers.svg": peers(rows)}
    pictures["bench-growth.svg"] = growth(results.growth())
    for name, picture in pictures.items():
        if picture:
            (folder / name).write_text(picture, "utf-8")


def marks(rows: Sequence[Row]) -> str:
    """How far each figure is from its mark, which is the line; shorter is better."""
    found = [(row, one) for row in rows for one in row.checks if one.limit is not None]
    if not found:
        return ""
    top, parts = 76, [_text(20, 30, "Measured, by the mark to reach", "title")]
    parts.append(_text(20, 50, "Logarithmic; left of the line the mark is reached.", "small"))
    bottom = top + STEP * len(found)
    for share in (0.01, 0.1, 1.0):
        x = LABELS + _along(share)
        parts.append(_line(x, top - 8, x, bottom, "line" if share == 1.0 else "grid"))
        parts.append(_text(x, top - 12, "the mark" if share == 1.0 else f"{share:g}", "small mid"))
    for number, (row, check) in enumerate(found):
        parts += _mark_bar(top + STEP * number, row, check)
    return _svg(WIDE, bottom + 20, parts)


def _mark_bar(y: float, row: Row, check: Check) -> list[str]:
    assert check.limit is not None
    share = check.figure.median / check.limit if check.limit else check.figure.median + LEAST
    told = f"{check.figure.text()}, mark {shown(check.limit, check.figure.unit)}"
    wide = max(2.0, _along(share))
    kind = "good" if check.reached else "bad"
    return [
        _label(y, _named(row, check)),
        f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{wide:.1f}" height="{BAR}" rx="2"/>',
        _text(LABELS + max(wide, _along(1.0)) + 8, y + 11, told, "small"),
    ]


def _along(share: float) -> float:
    held = min(MOST, max(LEAST, share))
    return BARS * math.log(held / LEAST) / math.log(MOST / LEAST)


def peers(rows: Sequence[Row]) -> str:
    """Ours and theirs, side by side, in their own units; shorter is better."""
    found = [(row, one) for row in rows for one in row.checks if one.theirs]
    if not found:
        return ""
    top, parts = 70, [_text(20, 30, "Beside what one would use instead", "title")]
    parts.append(
        _text(
            20,
            50,
            "Green or red: photosync, by the mark. Grey: the other. Shorter is better.",
            "small",
        )
    )
    for number, (row, check) in enumerate(found):
        parts += _pair(top + 44 * number, row, check)
    return _svg(WIDE, top + 44 * len(found) + 10, parts)


def _pair(y: float, row: Row, check: Check) -> list[str]:
    assert check.ours is not None
    assert check.theirs is not None
    most = max(check.ours, check.theirs)
    kind = "bad" if check.reached is False else "good"
    parts = [_label(y + 8, _named(row, check))]
    for at, value, look, who in (
        (y, check.ours, kind, "photosync"),
        (y + BAR + 2, check.theirs, "peer", check.peer),
    ):
        wide = max(2.0, BARS * value / most)
        parts.append(
            f'<rect class="{look}" x="{LABELS}" y="{at}" width="{wide:.1f}" height="{BAR}" rx="2"/>'
        )
        told = f"{shown(float(f'{value:.3g}'), check.unit)}  {who.replace('`', '')}"
        parts.append(_text(LABELS + wide + 8, at + 11, told, "small"))
    return parts


def growth(found: Sequence[Growth]) -> str:
    """A small panel each: by how much it grows when there is ten and a hundred times as much."""
    if not found:
        return ""
    parts = [_text(20, 30, "Growth at 1x, 10x and 100x", "title")]
    parts.append(
        _text(
            20,
            50,
            "Both axes logarithmic; the dashed line is linear growth, flat is none.",
            "small",
        )
    )
    for number, one in enumerate(found):
        parts += _panel(20 + PANEL * (number % PANELS), 70 + TALL * (number // PANELS), one)
    return _svg(20 + PANEL * PANELS + 20, 70 + TALL * -(-len(found) // PANELS), parts)


def _panel(left: float, top: float, one: Growth) -> list[str]:
    x0, y0, wide, tall = left + 34.0, top + 150.0, PANEL - 90.0, 120.0
    first_count, first = one.points[0]
    decades = max(2, round(math.log10(one.points[-1][0] / first_count)))

    def place(count: float, value: float) -> tuple[float, float]:
        along = math.log10(count / first_count) / decades
        up = math.log10(max(value, 1e-9) / max(first, 1e-9)) / decades
        return x0 + wide * along, y0 - tall * min(1.25, max(-0.1, up))

    parts = [_text(left, top + 12, f"{one.what} ({one.exponent:.2f})".replace("`", ""))]
    for step in range(decades + 1):
        x = x0 + wide * step / decades
        parts.append(_line(x, y0 - tall, x, y0, "grid"))
        parts.append(
            _line(x0, y0 - tall * step / decades, x0 + wide, y0 - tall * step / decades, "grid")
        )
        parts.append(_text(x0 - 6, y0 - tall * step / decades + 4, f"{10**step}x", "small end"))
    parts.append(f'<path class="dash" d="M{x0} {y0} L{x0 + wide} {y0 - tall}"/>')
    spots = [place(*point) for point in one.points]
    way = " L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
    parts.append(f'<path class="curve" d="M{way}"/>')
    for (count, value), (x, y) in zip(one.points, spots, strict=True):
        parts.append(f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
        parts.append(_text(x, y - 9, _short(value, one.unit), "small mid"))
        parts.append(_text(x, y0 + 18, _short(count), "small mid"))
    parts.append(_text(x0 + wide / 2, y0 + 34, one.of, "small mid"))
    return parts


def _short(value: float, unit: str = "") -> str:
    if unit == "bytes" or (not unit and value >= 1e6):
        for name, size in (("G", 1e9), ("M", 1e6)):
            if value >= size:
                return f"{value / size:.3g} {name}{'B' if unit else ''}"
    return shown(float(f"{value:.3g}"), unit)


def _named(row: Row, check: Check) -> str:
    return f"{row.short or row.what.partition(' (')[0]}: {check.name}".strip(": +")


def _label(y: float, text: str) -> str:
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
    return _text(LABELS - 10, y + 11, short.replace("`", ""), "end")


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    names = kind.split()
    anchor = "end" if "end" in names else "middle" if "mid" in names else "start"
    look = " ".join(one for one in names if one not in ("end", "mid"))
    told = f' class="{look}"' if look else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{told}>{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(wide: float, tall: float, parts: Sequence[str]) -> str:
    size = f'width="{wide:.0f}" height="{tall:.0f}" viewBox="0 0 {wide:.0f} {tall:.0f}"'
    paper = '<rect class="paper" width="100%" height="100%"/>'
    inside = "\n".join((f"<style>{STYLE}</style>", paper, *parts))
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{inside}\n</svg>\n'
