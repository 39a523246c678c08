"""Phones and their folders as a terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from photosync.app.times import rfc3339
from photosync.cli.result import plural, printable
from photosync.cli.views import local
from photosync.domain.media import in_units

if TYPE_CHECKING:
    from rich.console import RenderableType

    from photosync.app.looking import FolderLine, PhoneLine

STATES = {
    "ready": ("green", "ready"),
    "connecting": ("yellow", "connecting"),
    "unauthorized": ("red", "not allowed yet"),
    "offline": ("red", "does not answer"),
    "no_permission": ("red", "may not be opened"),
    "not_android": ("yellow", "not in Android"),
    "away": ("dim", "not plugged in"),
}
CHOICES = {
    "settings": ("green", "chosen"),
    "take": ("green", "chosen"),
    "leave": ("dim", "left out"),
    "new": ("yellow", "new: not chosen"),
}
NOT_WANTED = ("dim", "phone not in phone.serials")


def phones_view(lines: list[PhoneLine]) -> RenderableType:
    """What ``photosync phones`` shows."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("phone", "serial", "by", "state"):
        table.add_column(heading, overflow="fold")
    parts: list[RenderableType] = [table]
    for line in lines:
        style, words = STATES[line.state]
        if not line.taken:
            style, words = "dim", f"{words}, not in phone.serials"
        by = "network" if line.wireless else "cable"
        if line.last_seen_at is not None:
            by, words = "", f"{words}, last seen {local(rfc3339(line.last_seen_at))}"
        table.add_row(Text(printable(line.label)), Text(line.serial), by, Text(words, style=style))
        if line.advice:
            name = printable(line.label or line.serial)
            parts.append(Text(f"! {name}: {line.advice}", style="bold"))
    return Group(*parts)


def folders_view(lines: list[FolderLine]) -> Text:
    """What ``photosync folders`` shows: a line each that can be copied, phone by phone."""
    text = Text()
    for serial in dict.fromkeys(line.serial for line in lines):
        own = [line for line in lines if line.serial == serial]
        text.append(f"{printable(own[0].phone)} ({serial})", style="bold")
        text.append("\n" if own[0].is_there else ", not plugged in: as last seen\n", style="dim")
        _append_folders(text, own)
    if any(line.wanted and line.choice == "new" for line in lines):
        hint = "Decide: photosync folders --choose FOLDER (or --leave FOLDER); --choose alone asks."
        text.append(hint, style="bold")
    text.rstrip()
    return text


def _append_folders(text: Text, lines: list[FolderLine]) -> None:
    counts = [_counts(line) for line in lines]
    count_width = max(map(len, counts))
    words_width = max(len(_choice(line)[1]) for line in lines)
    for line, count in zip(lines, counts, strict=True):
        style, words = _choice(line)
        newest = local(rfc3339(line.newest_at))[:10]
        text.append(f"  {words:{words_width}}", style=style)
        text.append(f"  {count:>{count_width}}  {in_units(line.size_bytes):>10}  {newest:10}  ")
        text.append(f"{line.shown}\n")


def _choice(line: FolderLine) -> tuple[str, str]:
    return CHOICES[line.choice] if line.wanted else NOT_WANTED


def _counts(line: FolderLine) -> str:
    """``1,234 photos, 5 videos``."""
    photos = f"{line.photos:,} {plural(line.photos, 'photo')}"
    videos = f"{line.videos:,} {plural(line.videos, 'video')}"
    return ", ".join([photos] * bool(line.photos) + [videos] * bool(line.videos)) or "0 photos"
