"""The worker that puts back what was asked for on the web page, across restarts."""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import TYPE_CHECKING, Any

from photosync.domain.restoring import Wanted
from photosync.errors import (
    AlreadyRunning,
    DatabaseError,
    PhotosyncError,
    SettingsError,
    Stopping,
)
from photosync.store.restore_requests import RestoreRequests
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from photosync.app.restoring import Part, Restoration
    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.restoring import Target
    from photosync.store.restore_requests import RestoreRequest

Json = dict[str, Any]

log = logging.getLogger(__name__)

FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 30, 1800
TELL_SECONDS = 1.0
MOST_TOLD = 20


class PuttingBack:
    """One request after the other, each until all of it is there."""

    name = "restore"

    def __init__(self, settings: Settings, state: State, *, halt: Event) -> None:
        self._settings = settings
        self._state = state
        self._halt = halt
        self._requests = RestoreRequests(state.database)
        self._phones: set[int] = set()

    def run_once(self) -> bool:
        """Work off the request that is due; whether there was one."""
        self._notice_phones()
        request = self._requests.next(now=self._state.now())
        if request is None:
            return False
        from photosync.app import restoring  # what it needs takes memory: when somebody asks

        ids = self._requests.items(request.id)
        halt = _UntilDropped(self._halt, self._requests, request.id)
        try:
            found = restoring.restore(
                self._settings,
                restoring.Request(Wanted(ids=ids), to=_to(request)),
                halt=halt,
                tick=_Ticks(self._requests, request.id),
            )
        except (DatabaseError, Stopping):
            raise
        except AlreadyRunning as error:
            self._put_off(request, {"error": _told(error)})
        except PhotosyncError as error:
            self._requests.end(request.id, {"error": _told(error)})
        else:
            if self._halt.is_set():
                raise Stopping
            self._settle(request, found)
            if not self._requests.is_wanted(request.id) and halt.is_dropped:
                self._requests.drop_orders(ids, request.to)
        return True

    def _notice_phones(self) -> None:
        """Whatever waits for a phone goes on once it is there."""
        phones = {one.id for one in Sources(self._state.database).phones_there()}
        if phones - self._phones:
            self._requests.hurry()
        self._phones = phones

    def _settle(self, request: RestoreRequest, found: Restoration) -> None:
        told = _document(found)
        waits = [one for one in found.parts if one.error is not None or one.left]
        if not waits:
            self._requests.end(request.id, told)
            log.info("restore.done request=%d items=%d", request.id, told["there"])
            return
        self._put_off(request, {**told, "error": _told(_cause(waits[0]))})

    def _put_off(self, request: RestoreRequest, told: Json) -> None:
        rest = min(FIRST_REST_SECONDS * 2 ** min(request.tries, 10), LONGEST_REST_SECONDS)
        self._requests.put_off(request.id, told, until=self._state.now() + rest)


class _UntilDropped(Event):
    """Set when the program ends, or nobody wants that request any more."""

    def __init__(self, halt: Event, requests: RestoreRequests, number: int) -> None:
        super().__init__()
        self._outer = halt
        self._requests = requests
        self._number = number
        self._asked_at = time.monotonic()

    @property
    def is_dropped(self) -> bool:
        """Whether nobody wants it any more, as far as was noticed."""
        return super().is_set()

    def is_set(self) -> bool:
        """See Event; the record is asked once a second."""
        if self._outer.is_set() or super().is_set():
            return True
        if time.monotonic() - self._asked_at >= TELL_SECONDS:
            self._asked_at = time.monotonic()
            if not self._requests.is_wanted(self._number):
                self.set()
        return super().is_set()


class _Ticks:
    """Puts on record how far it is, over all the places that the items go to."""

    def __init__(self, requests: RestoreRequests, number: int) -> None:
        self._requests = requests
        self._number = number
        self._before = self._last = 0
        self._told_at = 0.0

    def __call__(self, seen: int, _of_all: int) -> None:
        """So many are looked after at this place."""
        if seen <= self._last:  # another place
            self._before += self._last
        self._last = seen
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self._told_at = time.monotonic()
            self._requests.seen(self._number, self._before + seen)


def _to(request: RestoreRequest) -> Target | None:
    return None if isinstance(request.to, str) else request.to


def _cause(part: Part) -> PhotosyncError:
    """Why something of it is left."""
    if part.error is not None:
        return part.error
    passing = [one.error for one in part.tally.troubles if one.passes]
    return passing[0] if passing else SettingsError("Not all of it could be put back yet.")


def _document(found: Restoration) -> Json:
    """What came of it: ``failed`` names some of those that will never be put there."""
    failed = [(one, part) for part in found.parts for one in part.tally.troubles if not one.passes]
    return {
        "there": sum(part.tally.put + part.tally.there for part in found.parts),
        "not_there": len(failed) + len(found.refused),
        "failed": [
            *({"id": one.item_id, **_told(one.error)} for one, _ in failed[:MOST_TOLD]),
            *(
                {"id": number, "message": f"{why[:1].upper()}{why[1:]}.", "hint": ""}
                for number, why in list(found.refused.items())[:MOST_TOLD]
            ),
        ][:MOST_TOLD],
    }


def _told(error: PhotosyncError) -> Json:
    return {"message": error.message, "hint": error.hint}
