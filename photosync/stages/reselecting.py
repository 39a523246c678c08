"""Changed settings reach what is queued already: at start, before anything is sent.

What ``select`` leaves out by now is skipped and comes back by sight once it is taken again; what
is on its way goes to the album that the settings name today.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import fields
from typing import TYPE_CHECKING

from photosync.domain.albums import album_of
from photosync.domain.selection import Selection

if TYPE_CHECKING:
    from photosync.domain.media import Source
    from photosync.store.control import Control
    from photosync.store.waiting import Waiting, WaitingItem

SAID_SINCE = frozenset({"min_size", "max_size", "types", "screenshots"})
"""What came with later versions: marks of those before stay good while it is not said."""

log = logging.getLogger(__name__)


def apply_settings(
    source: Source,
    selection: Selection,
    *,
    waiting: Waiting,
    control: Control,
    now: int,
    fixes_dates: bool = False,
) -> None:
    """Hold the unfinished items of ``source`` against settings that are not those of last time.

    What the user chose although ``selection`` leaves it out stays chosen until that changes.
    To be called while no worker runs: leases are of no account.
    """
    name = f"applied:{source.id}"
    marks = _marks(source, selection, fixes_dates=fixes_dates)
    before = (control.flag(name) or "").split()
    if before == marks:
        return
    is_selected_anew = marks[0] not in before
    left_out = 0
    for some in waiting.pages(source.id):
        why = {
            item.id: _why_not(item, selection)
            for item in some
            if is_selected_anew or not item.is_chosen
        }
        titles = {
            item.id: title
            for item in some
            if item.is_hashed
            and (title := _title(source, item, now, fixes_dates=fixes_dates)) != item.album
        }
        out = {number: sentence for number, sentence in why.items() if sentence is not None}
        waiting.change(left_out=out, albums=titles, now=now, alone=True)
        left_out += len(out)
    if left_out:
        log.info("items.left_out source=%d items=%d", source.id, left_out)
    control.set_flag(name, " ".join(marks), now=now)


def _why_not(item: WaitingItem, selection: Selection) -> str | None:
    reason = selection.why_not(item.path, item.mtime_ns, item.size_bytes, item.mime_type)
    return None if reason is None else reason.message


def _title(source: Source, item: WaitingItem, now: int, *, fixes_dates: bool) -> str:
    return album_of(
        source, item.path, item.mtime_ns, taken_at=item.taken_at, now=now, fixes_dates=fixes_dates
    )


def _marks(source: Source, selection: Selection, *, fixes_dates: bool) -> list[str]:
    """What is taken, and what albums are called. What is not said is as if it were not there."""
    more = {
        one.name: value
        for one in fields(Selection)
        if one.name in SAID_SINCE and (value := getattr(selection, one.name)) != one.default
    }
    chosen = [selection.include, selection.exclude, selection.since]
    albums = [source.album, source.label, *(["dates"] if fixes_dates else [])]
    told = ([*chosen, more] if more else chosen, albums)
    return [hashlib.sha256(json.dumps(one).encode()).hexdigest() for one in told]
