"""Phones that come and go: each is a source while it is plugged in and has allowed us."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from photosync.domain.media import SourceKind, readable
from photosync.errors import AdbMissing, NotAdb, PhoneGone
from photosync.stages.discover import Watched
from photosync.store.control import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.daemon.folders import Folders
    from photosync.device.files import PhoneFiles
    from photosync.device.phone import Phone
    from photosync.device.presence import Presence, Seen
    from photosync.domain.media import Source
    from photosync.errors import SourceMissing
    from photosync.store.control import Control
    from photosync.store.sources import Sources

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""So long a phone may be connecting or offline before anybody is bothered with it."""


@dataclass(frozen=True, slots=True)
class Plugged:
    """A phone that can be used, as a source."""

    watched: Watched
    phone: Phone
    files: PhoneFiles

    @property
    def source(self) -> Source:
        """Where its items come from."""
        return self.watched.source


class Phones:
    """Keeps the looks and the record in step with who is plugged in.

    ``opened`` makes a phone and its files of what presence saw; ``serials`` empty: all phones.
    ``plugged`` is called after each that is new.
    """

    def __init__(
        self,
        presence: Presence,
        *,
        looks: Folders,
        sources: Sources,
        control: Control,
        opened: Callable[[Seen], tuple[Phone, PhoneFiles]],
        serials: tuple[str, ...],
        album: str,
        alone: bool,
        lost: Callable[[Source, SourceMissing], None],
        plugged: Callable[[], None],
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._presence = presence
        self._looks = looks
        self._sources = sources
        self._control = control
        self._opened = opened
        self._serials = frozenset(serials)
        self._album = album
        self._alone = alone
        self._lost = lost
        self._tell_plugged = plugged
        self._clock = clock
        self._monotonic = monotonic
        self._lock = Lock()
        self._plugged: dict[str, Plugged] = {}
        self._doubted: set[str] = set()
        self._told: dict[tuple[str, str], str] = {}

    def run_once(self) -> bool:
        """Take over what has changed; never busy: the bell rings at the next change."""
        seen = self._presence.phones()
        ready = {
            one.identity.serial: one
            for one in seen
            if one.identity is not None and self._wanted(one.identity.serial)
        }
        with self._lock:
            doubted, self._doubted = self._doubted, set()
        for serial in list(self._plugged):
            if serial in doubted or not self._still(serial, ready):
                self._unplug(serial)
        for serial, one in ready.items():
            if serial not in self._plugged:
                self._plug(serial, one)
        self._tell(seen)
        return False

    def looked(self) -> bool:
        """Whether every phone that is there is known (or will not say who it is in time)."""
        if not self._presence.looked:
            return False
        with self._lock:
            plugged = set(self._plugged)
        return all(
            one.identity.serial in plugged or not self._wanted(one.identity.serial)
            if one.identity is not None
            else one.needs_user or self._monotonic() - one.since > PATIENCE_SECONDS
            for one in self._presence.phones()
        )

    def start(self) -> None:
        """Begin to follow who is plugged in."""
        self._presence.start()

    def stop(self) -> None:
        """End; the stop event has to be set before."""
        self._presence.stop()

    def of_source(self, source_id: int) -> tuple[Source, Phone]:
        """The phone that is a source.

        Raises:
            PhoneGone: It is not plugged in.
        """
        with self._lock:
            for one in self._plugged.values():
                if one.source.id == source_id:
                    return one.source, one.phone
        raise PhoneGone("The phone is not plugged in.")

    def plugged(self) -> list[Plugged]:
        """Every phone that can be used now."""
        with self._lock:
            return list(self._plugged.values())

    def was_lost(self, source_id: int, error: SourceMissing) -> None:
        """Something could not reach a phone: it is away until it says who it is again."""
        with self._lock:
            plugged = [one for one in self._plugged.values() if one.source.id == source_id]
            self._doubted.update(one.source.address for one in plugged)
        for one in plugged:
            self._lost(one.source, error)
            self._presence.look_again(one.phone.transport)
        if not plugged:
            self._sources.set_connected(source_id, connected=False, now=int(self._clock()))

    def _cared_for(self) -> bool:
        """Whether anybody backs up phones here: nobody else is told to install adb."""
        return self._alone or any(one.kind == SourceKind.PHONE for one in self._sources.all())

    def _is_surprising(self, serial: str) -> bool:
        """Whether a phone that the settings leave out was backed up before, or is the only one."""
        known = {one.address for one in self._sources.all() if one.kind == SourceKind.PHONE}
        return serial in known or known.isdisjoint(self._serials)

    def _wanted(self, serial: str) -> bool:
        return not self._serials or serial in self._serials

    def _still(self, serial: str, ready: dict[str, Seen]) -> bool:
        """Whether a phone is still there, under the name that adb had for it."""
        return serial in ready and ready[serial].transport == self._plugged[serial].phone.transport

    def _plug(self, serial: str, seen: Seen) -> None:
        assert seen.identity is not None
        source = self._sources.register_phone(serial, label=seen.identity.label, album=self._album)
        phone, files = self._opened(seen)
        watched = Watched(source, files)
        with self._lock:
            self._plugged[serial] = Plugged(watched, phone, files)
        self._sources.set_connected(source.id, connected=True, now=int(self._clock()))
        log.info("phone.plugged source=%d label=%r", source.id, source.label)
        self._looks.add(watched)
        self._tell_plugged()

    def _unplug(self, serial: str) -> None:
        with self._lock:
            gone = self._plugged.pop(serial)
        gone.watched.gone.set()
        self._looks.remove(gone.source.id)
        for phone in (gone.phone, gone.files.phone):
            phone.close()  # what it kept open for the next call would stay open for long
        self._lost(gone.source, PhoneGone("The phone was unplugged."))
        log.info("phone.unplugged source=%d label=%r", gone.source.id, gone.source.label)

    def _tell(self, seen: list[Seen]) -> None:
        """Put on record what the user has to do, and take back what is done."""
        now = int(self._clock())
        told: dict[tuple[str, str], Problem] = {}
        trouble = self._presence.trouble
        if trouble is not None and (
            self._cared_for() or not isinstance(trouble, (AdbMissing, NotAdb))
        ):
            told[trouble.code, ""] = _problem(trouble.code, "", trouble.message, trouble.hint, now)
        for one in seen:
            if one.identity is not None and not self._wanted(one.identity.serial):
                code, name = "phone_left_out", one.identity.serial
                message = (
                    f"The phone {one.identity.label} ({name}) is plugged in, but phone.serials"
                    " leaves it out."
                )
                if self._is_surprising(name):
                    hint = f'To back it up: add "{name}" to phone.serials.'
                    told[code, name] = _problem(code, name, message, hint, now, needs_user=False)
            late = self._monotonic() - one.since > PATIENCE_SECONDS
            if one.advice and (one.needs_user or late):
                name = readable(one.transport)
                there = "connected" if one.wireless else "plugged in"
                message = f"The phone {name} is {there} but {one.readiness.words}."
                code = f"phone_{one.readiness}"
                told[code, name] = _problem(code, name, message, one.advice, now)
        for key, problem in told.items():
            if self._told.get(key) != problem.message:
                self._control.raise_problem(problem)
        for code, subject in self._told.keys() - told.keys():
            self._control.clear_problem(code, subject or "phones")
        self._told = {key: problem.message for key, problem in told.items()}


def _problem(
    code: str, subject: str, message: str, hint: str, now: int, *, needs_user: bool = True
) -> Problem:
    return Problem(
        code=code,
        subject=subject or "phones",  # "" is the gate to the library
        message=message,
        hint=hint,
        gate="",
        needs_user=needs_user,
        since=now,
        until=None,
    )
