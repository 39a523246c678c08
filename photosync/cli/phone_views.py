"""Phones and their folders as a terminal shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from photosync.app.report import rfc3339
from photosync.cli.result import printable
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
}
CHOICES = {
    "settings": ("green", "backed up"),
    "take": ("green", "backed up"),
    "leave": ("dim", "left"),
    "new": ("yellow", "new: not backed up"),
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
        table.add_row(Text(printable(line.label)), Text(line.serial), by, Text(words, style=style))
        if line.advice:
            name = printable(line.label or line.serial)
            parts.append(Text(f"! {name}: {line.advice}", style="bold"))
    return Group(*parts)


def folders_view(lines: list[FolderLine]) -> RenderableType:
    """What ``photosync folders`` shows: a table for each phone."""
    parts: list[RenderableType] = []
    for serial in dict.fromkeys(line.serial for line in lines):
        own = [line for line in lines if line.serial == serial]
        parts.append(Text(f"{printable(own[0].phone)} ({serial})", style="bold"))
        parts.append(_folders_of_one(own))
    if any(line.wanted and line.choice == "new" for line in lines):
        hint = "Decide: photosync folders --choose FOLDER (or --leave FOLDER); --choose alone asks."
        parts.append(Text(hint, style="bold"))
    return Group(*parts)


def _folders_of_one(lines: list[FolderLine]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("folder", overflow="fold")
    for heading in ("photos", "videos", "size"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("newest", no_wrap=True)
    table.add_column("")
    for line in lines:
        style, words = CHOICES[line.choice] if line.wanted else NOT_WANTED
        table.add_row(
            Text(line.shown),
            f"{line.photos:,}",
            f"{line.videos:,}",
            in_units(line.size_bytes),
            local(rfc3339(line.newest_at))[:10],
            Text(words, style=style),
        )
    return table
