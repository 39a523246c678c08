"""What ``photosync report`` shows: within 80 columns on a terminal, lines for grep in a pipe."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Group
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from photosync.cli.result import photos, printable
from photosync.cli.views import local
from photosync.domain.media import in_units

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult

Json = dict[str, Any]

COUNTED = ("items", "bytes")
MOST_ROWS = 40
NOTHING_YET = "photosync has not found anything yet. Start it: photosync run"
PIECE = re.compile(r"[^/ ]*[/ ]*")
THERE = "there: on the phone, or in the watched folder itself."
MOST_EXAMPLES = 3
PLACE_WORDS = {
    "phone": "on the phone only",
    "mirror": "in the mirror only",
    "folder": "in a watched folder only",
    "backup": "in the second copy only",
    "library": "in the library only",
}


class Named:
    """A path on as many lines as it takes, broken behind "/" and spaces, never within a word.

    Only what is longer than a whole line is cut. ``before``: words before it, less bright.
    """

    def __init__(self, path: str, *, before: str = "") -> None:
        self._text = Text(before, style="dim").append(path, style="default")

    def _pieces(self) -> list[Text]:
        ends = [found.end() for found in PIECE.finditer(self._text.plain)]
        return [one for one in self._text.divide(ends) if one]

    def __rich_measure__(self, _: Console, options: ConsoleOptions) -> Measurement:
        widest = max((one.cell_len for one in self._pieces()), default=0)
        most = options.max_width
        return Measurement(min(widest, most), min(self._text.cell_len, most))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text()
        for piece in self._pieces():
            bare = piece.copy()
            bare.rstrip()
            if line and line.cell_len + bare.cell_len > options.max_width:
                yield from line.wrap(console, options.max_width, overflow="fold")
                line = Text()
            line.append_text(piece)
        yield from line.wrap(console, options.max_width, overflow="fold")


def report_view(found: Json, *, by: str, missing: bool, page: Path | None) -> RenderableType:
    """The whole report; ``missing``: only what is in one place or none.

    With a ``page``, which has all of it, where that is and what it comes to.
    """
    if page is not None:
        return Group(Text(f"Written: {printable(str(page))}"), _summary(found), *_damaged(found))
    parts: list[RenderableType] = []
    if not missing and not found["sources"]:
        return Text(NOTHING_YET)
    if not missing:
        parts += [_sources(found), *_legend(found), _groups(found, by)]
    parts += _heaps("In one place only", found["one_place"], alone=True)
    parts += _heaps("Nowhere that photosync knows of", found["nowhere"])
    if not missing:
        parts += _stopped(found)
    parts += _damaged(found)
    if missing and not parts:
        parts.append(Text("Everything lies in two places at least.", style="green"))
    return Group(*parts)


def _summary(found: Json) -> Text:
    """All of it in one line."""
    if not found["in_all"]["items"]:
        return Text(NOTHING_YET)
    told = {
        "in one place only": found["in_all"]["one_place"],
        "nowhere that photosync knows of": found["in_all"]["nowhere"],
        "not on their way to the library": sum(one["items"] for one in found["stopped"]),
    }
    counts = [f"{count:,} {words}" for words, count in told.items() if count]
    rest = ", ".join(counts) or "everything lies in two places at least"
    return Text(f"{photos(found['in_all']['items'])}: {rest}.")


def _columns(table: Table, found: Json) -> list[str]:
    """The places that have a column, as the document calls them."""
    names = {"at_source": "there", "mirror": "mirror", "backup": "backup", "library": "library"}
    if not found["backup"]["there"]:
        del names["backup"]
    if all(one["kind"] == "folder" for one in found["sources"]):
        del names["mirror"]
    if found["in_all"]["assumed"]:
        names["assumed"] = "assumed"
    for heading in ("items", "size", *names.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    return list(names)


def _numbers(one: Json, columns: list[str]) -> list[str]:
    return [
        f"{one['items']:,}",
        in_units(one["bytes"]),
        *(f"{one[column]:,}" for column in columns),
    ]


def _sources(found: Json) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("source")
    columns = _columns(table, found)
    for one in found["sources"]:
        table.add_row(Named(one["label"]), *_numbers(one, columns))
    if len(found["sources"]) > 1:
        table.add_section()
        table.add_row("in all", *_numbers(found["in_all"], columns))
    return table


def _legend(found: Json) -> list[Text]:
    """How each source is known, which is not the same as how it is."""
    lines = [THERE]
    for one in found["sources"]:
        name = printable(one["label"])
        if one["kind"] == "phone":
            at = local(one["looked_at"]) or "never to its end"
            lines.append(f"{name}: as it was when it was last looked through ({at}).")
        elif not one["there"]:
            lines.append(f"{name} is away: as it was when it was last looked through.")
    if not found["mirror"]["there"] and found["in_all"]["mirror"]:
        lines.append("The mirror is not there now: its copies are counted by the record.")
    if found["in_all"]["assumed"]:
        lines.append("assumed: taken as uploaded already, by photosync import; not proved.")
    return [Text(line, style="dim") for line in lines]


def _groups(found: Json, by: str) -> RenderableType:
    rows = found["folders"] if by == "folder" else found["months"]
    if not rows:
        return Text(f"\n{NOTHING_YET}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(by)
    columns = _columns(table, found)
    several = len(found["sources"]) > 1
    for one in rows[:MOST_ROWS]:
        source = f"{one['source']}: " if several else ""
        table.add_row(Named(one[by], before=source), *_numbers(one, columns))
    if len(rows) <= MOST_ROWS:
        return table
    more = f"and {len(rows) - MOST_ROWS:,} more: --json has all of them"
    return Group(table, Text(more, style="dim"))


def _heaps(title: str, heaps: list[Json], *, alone: bool = False) -> list[RenderableType]:
    if not heaps:
        return []
    total = sum(one["items"] for one in heaps)
    text = Text(f"\n{title}: {total:,}", style="bold")
    for one in heaps:
        where = PLACE_WORDS[one["places"][0]] if alone else one["state"]
        text.append(f"\n  {one['items']:,} ", style="bold yellow")
        text.append(f"{where}, {in_units(one['bytes'])}. ", style="default")
        text.append(printable(one["why"]), style="default")
        if one["cure"]:
            text.append(f"\n    {printable(one['cure'])}", style="bold")
        text.append(_examples(one["examples"], one["items"]))
    return [text]


def _stopped(found: Json) -> list[RenderableType]:
    """Counts alone: which they are, ``list`` says. What was told of above is not told again."""
    above: Counter[tuple[str, str | None, str]] = Counter()
    for one in (*found["one_place"], *found["nowhere"]):
        if not one["is_past"]:
            above.update({(one["fate"], one["code"], name): one[name] for name in COUNTED})
    heaps = []
    for one in found["stopped"]:
        rest = {name: one[name] - above[one["fate"], one["code"], name] for name in COUNTED}
        if rest["items"] > 0:
            heaps.append({**one, **rest})
    if not heaps:
        return []
    total = sum(one["items"] for one in heaps)
    text = Text(f"\nNot on its way to the library: {total:,}", style="bold")
    for one in heaps:
        text.append(f"\n  {one['items']:,} {one['fate']}, {in_units(one['bytes'])}. ")
        text.append(printable(one["why"]))
    states = dict.fromkeys(one["fate"] for one in heaps)
    lists = ", ".join(f"photosync list --state {state}" for state in states)
    return [text.append(f"\n  {lists}", style="dim")]


def _examples(examples: list[Json], items: int) -> Text:
    text = Text(style="dim")
    for one in examples[:MOST_EXAMPLES]:
        text.append(f"\n    {one['id']:>6}  {printable(one['source'])}: {one['path']}")
    if items > MOST_EXAMPLES:
        text.append(f"\n            and {items - MOST_EXAMPLES:,} more")
    return text


def _damaged(found: Json) -> list[RenderableType]:
    damaged = found["damaged"]
    if not damaged["items"]:
        return []
    text = Text(f"\nNot what it was: {damaged['items']:,}", style="bold red")
    text.append(" files on this computer hold other bytes than were hashed.", style="default")
    text.append(_examples(damaged["examples"], damaged["items"]))
    return [text]
