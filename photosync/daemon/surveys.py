"""Looks now and then whether a phone has photos in folders that nobody has decided about."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from photosync.device.survey import is_beneath, nearest, survey
from photosync.domain.media import readable
from photosync.errors import PhoneGone
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.daemon.folders import Folders
    from photosync.daemon.phones import Phones, Plugged
    from photosync.domain.selection import Selection
    from photosync.store.control import Control
    from photosync.store.phone_folders import Choice, PhoneFolders

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0
AGAIN_SECONDS = 60.0
NEW_FOLDERS = "new_folders"
MOST_NAMED = 3
TOP = "(the top)"
"""What a storage's own files are called, as ``photosync folders`` does."""


class Surveys:
    """``rule``: what becomes of a folder that appears; ``named``: those of the settings.

    ``leave_out`` lets go of what waits from folders of that phone that are not taken any more.
    """

    def __init__(
        self,
        phones: Phones,
        *,
        looks: Folders,
        folders: PhoneFolders,
        control: Control,
        selection: Selection,
        named: tuple[str, ...],
        rule: Choice,
        leave_out: Callable[[str], None],
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._phones = phones
        self._looks = looks
        self._folders = folders
        self._control = control
        self._selection = selection
        self._named = named
        self._rule = rule
        self._leave_out = leave_out
        self._clock = clock
        self._monotonic = monotonic
        self._due: dict[str, float] = {}
        self._decided: dict[int, frozenset[tuple[str, Choice]]] = {}

    def run_once(self) -> bool:
        """Survey each phone that is due, and see what the user has decided meanwhile."""
        for plugged in self._phones.plugged():
            self._heed(plugged)
            if self._due.get(plugged.phone.transport, 0.0) <= self._monotonic():
                self._survey(plugged)
                self._heed(plugged)
            self._tell(plugged)
        return False

    def surveyed(self) -> bool:
        """Whether each phone that is there was surveyed, or would not let itself be."""
        return all(one.phone.transport in self._due for one in self._phones.plugged())

    def _survey(self, plugged: Plugged) -> None:
        transport, source_id = plugged.phone.transport, plugged.source.id
        self._due[transport] = self._monotonic() + AGAIN_SECONDS
        try:
            with plugged.phone.another() as phone:
                found = survey(phone, self._selection)
        except PhoneGone as error:
            log.debug("phone.not_surveyed source=%d reason=%s", source_id, error)
            return
        self._due[transport] = self._monotonic() + EVERY_SECONDS
        self._folders.seen(
            source_id,
            [
                (one.path, one.photos + one.videos, one.size_bytes, one.newest_at)
                for one in found
                if not is_beneath(one.path, self._named)
            ],
            choice=self._rule,
            now=int(self._clock()),
        )

    def _heed(self, plugged: Plugged) -> None:
        """Look anew once the user has taken a folder, or left one."""
        source = plugged.source
        known = self._folders.of_source(source.id)
        decided = frozenset((one.path, one.choice) for one in known if one.choice != "new")
        if decided != self._decided.setdefault(source.id, decided):
            self._decided[source.id] = decided
            self._leave_out(source.address)  # what a look found while the user was deciding
            self._looks.look_at_everything()

    def _tell(self, plugged: Plugged) -> None:
        known = self._folders.of_source(plugged.source.id)
        decided = {one.path: one.choice for one in known}
        new = [one for one in known if not nearest(one.path, decided, self._named)]
        subject = str(plugged.source.id)
        if not new:
            self._control.clear_problem(NEW_FOLDERS, subject)
            return
        names = ", ".join(f"{readable(one.path) or TOP} ({one.photos})" for one in new[:MOST_NAMED])
        more = f" and {len(new) - MOST_NAMED} more" if len(new) > MOST_NAMED else ""
        self._control.raise_problem(
            Problem(
                code=NEW_FOLDERS,
                subject=subject,
                message=f"{plugged.source.label} has photos in folders that are not backed up:"
                f" {names}{more}.",
                hint="Decide about them: photosync folders",
                gate="",
                needs_user=False,
                since=int(self._clock()),
                until=None,
            )
        )
