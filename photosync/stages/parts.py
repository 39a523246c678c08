"""Files of one shot: which of them are left out, and taken after all when the others drop out.

It follows the history of items, so that no move of a part is missed: a JPEG that comes after its
RAW, one that fails, is skipped or turns out to be gone. Whatever the order, it ends the same, but
for what was in the library already.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from photosync.domain.shots import OTHER_PART, left_out, name_of, places_of
from photosync.domain.states import UNFINISHED_STATES, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from photosync.domain.media import Source
    from photosync.domain.shots import Places, Rules
    from photosync.stages.ports import Bells
    from photosync.store.control import Control
    from photosync.store.shots import Moved, Shots
    from photosync.store.sources import Sources

log = logging.getLogger(__name__)

FLAG = "parts"


class Parts:
    """``first``: the state of new items of a source, found or held."""

    name = "parts"

    def __init__(
        self,
        *,
        shots: Shots,
        sources: Sources,
        control: Control,
        rules: Rules,
        first: Callable[[Source], State],
        bells: Bells,
        clock: Callable[[], float],
    ) -> None:
        self._shots = shots
        self._sources = sources
        self._control = control
        self._rules = rules
        self._first = first
        self._bells = bells
        self._clock = clock
        self._again: set[tuple[int, Places]] = set()

    def apply(self) -> None:
        """Hold everything that waits against rules that are not those of last time."""
        known = (self._control.flag(FLAG) or "").partition(" ")[0]
        if known == self._mark() or (self._rules.take_all and not known):
            return
        last = self._shots.last_event()
        for some in self._shots.undecided():
            self._settle(self._places(some))
        self._note(last)

    def run_once(self) -> bool:
        """Decide about the shots of which something has moved; False if nothing has."""
        last = int((self._control.flag(FLAG) or "").partition(" ")[2] or 0)
        moved = self._shots.moved_since(last)
        again, self._again = self._again, set()
        self._settle(self._places(moved) | again)
        if moved:
            self._note(moved[-1].number)
        return bool(moved)

    def is_behind(self) -> bool:
        """Whether something has moved that was not looked at yet."""
        last = int((self._control.flag(FLAG) or "").partition(" ")[2] or 0)
        return self._shots.last_event() > last

    def _places(self, moved: Iterable[Moved]) -> set[tuple[int, Places]]:
        names = ((one.source_id, name_of(one.path)) for one in moved)
        return {(number, places_of(name)) for number, name in names if name is not None}

    def _settle(self, shots: Iterable[tuple[int, Places]]) -> None:
        firsts = {one.id: self._first(one) for one in self._sources.all()}
        changed = False
        for source_id, places in shots:
            changed |= self._decide(source_id, places, firsts[source_id])
        if changed:
            self._bells.ring("mirror", "pull", "upload")

    def _decide(self, source_id: int, places: Places, first: State) -> bool:
        parts = self._shots.parts(source_id, places)
        found = left_out(parts, self._rules, first=first)
        out = {
            one.id: found[one.id].message
            for one in parts
            if one.id in found and one.state in UNFINISHED_STATES
        }
        taken = [
            one.id
            for one in parts
            if one.id not in found and one.state == State.SKIPPED and one.code == OTHER_PART
        ]
        if not out and not taken:
            return False
        now = int(self._clock())
        if self._shots.change(left_out=out, taken=taken, first=first, now=now):
            self._again.add((source_id, places))
        log.info("parts.decided source=%d out=%d back=%d", source_id, len(out), len(taken))
        return True

    def _mark(self) -> str:
        told = json.dumps(asdict(self._rules), sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def _note(self, last: int) -> None:
        self._control.set_flag(FLAG, f"{self._mark()} {last}", now=int(self._clock()))
