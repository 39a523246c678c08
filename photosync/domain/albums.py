"""Album titles from templates."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from photosync.domain.dating import shown_at
from photosync.domain.media import readable

if TYPE_CHECKING:
    from photosync.domain.media import Source

ALBUM_LIMIT = 20_000
"""So many photos an album holds (google-photos-api.md §3.1)."""

PLACEHOLDERS = ("folder", "source", "year", "month")
LONGEST_TITLE = 500  # characters, google-photos-api.md §4


def album_title(template: str, *, source_label: str, source_path: str, at: float) -> str:
    """The title that ``template`` gives for one file; "" if it wants none.

    ``{folder}`` is the name of the folder that holds the file (the source's label at the top),
    ``{source}`` the source's label, ``{year}`` and ``{month}`` local time at ``at`` (seconds UTC).
    """
    if not template:
        return ""
    folder = source_path.rpartition("/")[0].rpartition("/")[2] or source_label
    local = time.localtime(at)
    values = {
        "folder": folder,
        "source": source_label,
        "year": f"{local.tm_year:04d}",
        "month": f"{local.tm_mon:02d}",
    }
    title = template
    for name in PLACEHOLDERS:
        # a folder called "{year}" must not be filled in again: each name is replaced with a mark
        title = title.replace("{" + name + "}", f"\x00{name}\x01")
    for name, value in values.items():
        title = title.replace(f"\x00{name}\x01", value)
    return readable(title).strip()[:LONGEST_TITLE].strip()


def album_of(
    source: Source,
    path: str,
    mtime_ns: int,
    *,
    taken_at: int | None,
    now: float,
    fixes_dates: bool,
) -> str:
    """The title for a file of ``source``, by the moment that ``shown_at`` gives for it."""
    return album_title(
        source.album,
        source_label=source.label,
        source_path=path,
        at=shown_at(taken_at, path, mtime_ns, now=now, fixes_dates=fixes_dates),
    )


def part_title(title: str, number: int) -> str:
    """The title of the ``number``-th album of that title: the first one's is the title itself."""
    if number == 1:
        return title
    mark = f" ({number})"
    return title[: LONGEST_TITLE - len(mark)] + mark
