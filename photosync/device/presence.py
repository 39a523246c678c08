"""Which phones are plugged in, and whether each can be used: told by the adb server at once.

States and what they mean: phone.md §7.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Lock, Thread
from typing import TYPE_CHECKING

from photosync.device.identity import identify
from photosync.device.server import blocks
from photosync.domain.media import readable
from photosync.errors import (
    AdbMissing,
    NotAdb,
    PhoneGarbled,
    PhoneGone,
    PhoneStalled,
    PhotosyncError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from threading import Event

    from photosync.device.identity import Identity
    from photosync.device.server import AdbServer
    from photosync.device.stream import Stream

log = logging.getLogger(__name__)

JOIN_SECONDS = 4.0
IDLE_SECONDS = 24 * 3600.0
"""The adb server says nothing while nothing changes; to ask every day is enough."""

LEAST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
IDENTIFY_AGAIN_SECONDS = 3.0


class Readiness(StrEnum):
    """What can be done with a phone."""

    READY = "ready"
    CONNECTING = "connecting"
    UNAUTHORIZED = "unauthorized"
    OFFLINE = "offline"
    NO_PERMISSION = "no_permission"
    NOT_ANDROID = "not_android"

    @property
    def words(self) -> str:
        """What is so, to follow "The phone ... is plugged in but"."""
        return WORDS[self]


WORDS: Mapping[str, str] = {
    "ready": "ready",
    "connecting": "is still connecting",
    "unauthorized": "has not allowed this computer yet",
    "offline": "does not answer",
    "no_permission": "this user may not open it",
    "not_android": "runs no Android at the moment",
}


ADVICE: Mapping[Readiness, str] = {
    Readiness.READY: "",
    Readiness.CONNECTING: "Wait a moment.",
    Readiness.UNAUTHORIZED: "Unlock the phone and tap Allow (tick 'Always allow from this"
    " computer').",
    Readiness.OFFLINE: "Unplug the phone and plug it in again; if that does not help, switch USB"
    " debugging off and on.",
    Readiness.NO_PERMISSION: "This user may not open the phone: install udev rules (on Debian and"
    " Ubuntu: sudo apt install android-sdk-platform-tools-common), then plug it in again.",
    Readiness.NOT_ANDROID: "The phone is in its recovery or boot loader: start Android.",
}

OFF_THE_AIR = (
    "Switch wireless debugging off and on, on the phone; then: adb connect IP:PORT, as it shows"
    " them."
)

BY_STATE = {
    "device": Readiness.READY,
    "unauthorized": Readiness.UNAUTHORIZED,
    "authorizing": Readiness.CONNECTING,
    "connecting": Readiness.CONNECTING,
    "offline": Readiness.OFFLINE,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """A phone as adb sees it. ``transport`` is adb's name for it, ``since`` monotonic seconds.

    ``identity`` is there once it is ready and has told who it is.
    """

    transport: str
    readiness: Readiness
    since: float
    identity: Identity | None = None

    @property
    def advice(self) -> str:
        """What the user should do, "" for nothing."""
        if self.readiness is Readiness.OFFLINE and self.wireless:
            return OFF_THE_AIR
        return ADVICE[self.readiness]

    @property
    def needs_user(self) -> bool:
        """Whether it will not come right by itself."""
        return self.readiness in (
            Readiness.UNAUTHORIZED,
            Readiness.NO_PERMISSION,
            Readiness.NOT_ANDROID,
        )

    @property
    def wireless(self) -> bool:
        """Whether it is connected over the network."""
        return WIRELESS.search(self.transport) is not None


WIRELESS = re.compile(r":[0-9]+$|\._adb(-tls-connect)?\._tcp")


def parse(block: str) -> dict[str, Readiness]:
    """One list of ``host:track-devices``: lines of name, tab, state.

    The state of a phone without udev rules is a whole sentence, with blanks in it.
    """
    found = {}
    for line in block.split("\n"):
        transport, tab, state = line.partition("\t")
        if tab and transport.strip():
            found[transport.strip()] = readiness(state.strip())
    return found


def readiness(state: str) -> Readiness:
    """What one of adb's words for a state means to us."""
    if state.startswith(("no permissions", "insufficient permissions")):
        return Readiness.NO_PERMISSION
    return BY_STATE.get(state, Readiness.NOT_ANDROID)


class Presence:
    """Follows the adb server; ``changed`` is called after each change, in this thread.

    ``phones`` and ``trouble`` may be asked from any thread.
    """

    def __init__(
        self,
        server: AdbServer,
        *,
        changed: Callable[[], None],
        halt: Event,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._tell = changed
        self._halt = halt
        self._clock = clock
        self._monotonic = monotonic
        self._phones: dict[str, Seen] = {}
        self._trouble: AdbMissing | NotAdb | PhoneGarbled | None = None
        self._looked = False
        self._changed = Lock()
        self._stream: Stream | None = None
        self._thread = Thread(target=self._follow, name="presence", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End; the stop event has to be set before."""
        with self._changed:
            stream = self._stream
            if stream is not None:
                stream.interrupt()
        if self._thread.is_alive():
            # without a stream it asks somebody who may be silent, and holds nothing
            self._thread.join(timeout=JOIN_SECONDS if stream else 0.2)

    @property
    def trouble(self) -> AdbMissing | NotAdb | PhoneGarbled | None:
        """Why no phone can be seen at all, or None."""
        with self._changed:
            return self._trouble

    @property
    def looked(self) -> bool:
        """Whether the adb server told once who is there, or cannot be had."""
        with self._changed:
            return self._looked

    def phones(self) -> list[Seen]:
        """Every phone, those that are ready first; one that is connected twice counts once."""
        with self._changed:
            seen = sorted(self._phones.values(), key=_preferred)
        found: dict[str, Seen] = {}
        for one in seen:
            key = one.transport if one.identity is None else one.identity.serial
            found.setdefault(key, one)
        return list(found.values())

    def look_again(self, transport: str) -> None:
        """A phone that the server calls ready does not answer: ask it who it is until it does."""
        with self._changed:
            seen = self._phones.get(transport)
            if seen is None or seen.identity is None:
                return
            doubted = Seen(transport, seen.readiness, seen.since)
            self._phones[transport] = doubted
        self._introduce(doubted)
        self._tell()

    def _follow(self) -> None:
        pause = LEAST_PAUSE
        while not self._halt.is_set():
            try:
                self._server.start()
                with self._server.tracking() as stream:
                    self._keep(stream)
                    for block in blocks(stream):
                        pause = LEAST_PAUSE
                        self._update(parse(block))
            except (AdbMissing, NotAdb, PhoneGarbled) as error:
                self._blind(error)
            except PhoneStalled:
                log.debug("adb.silent address=%s", self._server.address)
            except PhoneGone as error:
                if not self._halt.is_set():
                    log.info("adb.lost reason=%s", error.message)
                    self._update({})
            except Exception:  # a bug must not leave us blind for good
                log.exception("presence.bug")
            self._halt.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _keep(self, stream: Stream) -> None:
        """Let ``stop`` find the stream; the server says nothing while nothing changes."""
        with self._changed:
            self._stream = stream
        if self._halt.is_set():
            stream.interrupt()
        stream.wait_at_most(IDLE_SECONDS)

    def _update(self, states: Mapping[str, Readiness]) -> None:
        """Take over what the adb server says now."""
        now = self._monotonic()
        with self._changed:
            before = self._phones
            self._phones = {
                transport: before[transport]
                if transport in before and before[transport].readiness is state
                else Seen(transport, state, now)
                for transport, state in states.items()
            }
            self._trouble, self._looked = None, True
            new = [one for name, one in self._phones.items() if before.get(name) is not one]
            gone = [one for name, one in before.items() if name not in self._phones]
        for one in new:
            log.info("phone.%s transport=%r", one.readiness, readable(one.transport))
            if one.readiness is Readiness.READY:
                self._introduce(one)
        for one in gone:
            log.info("phone.gone transport=%r", readable(one.transport))
        self._tell()

    def _introduce(self, seen: Seen) -> None:
        """Ask a phone who it is, without keeping the others waiting."""
        name = f"introduce-{readable(seen.transport)[:40]}"
        Thread(target=self._ask, args=(seen,), name=name, daemon=True).start()

    def _ask(self, seen: Seen) -> None:
        while not self._halt.is_set() and self._is_current(seen):
            try:
                identity = identify(self._server, seen.transport, clock=self._clock)
            except (PhotosyncError, ValueError) as error:
                log.info("phone.silent transport=%r reason=%s", readable(seen.transport), error)
                self._halt.wait(IDENTIFY_AGAIN_SECONDS)
            else:
                self._take(seen, identity)
                return

    def _take(self, seen: Seen, identity: Identity) -> None:
        with self._changed:
            if self._phones.get(seen.transport) is not seen:
                return  # it left meanwhile
            self._phones[seen.transport] = replace(seen, identity=identity)
        log.info("phone.known serial=%s label=%r", identity.serial, identity.label)
        self._tell()

    def _is_current(self, seen: Seen) -> bool:
        with self._changed:
            return self._phones.get(seen.transport) is seen

    def _blind(self, error: AdbMissing | NotAdb | PhoneGarbled) -> None:
        with self._changed:
            known = self._trouble is not None and self._trouble.message == error.message
            self._trouble, self._looked = error, True
            self._phones = {}
        log.log(logging.DEBUG if known else logging.WARNING, "adb.missing reason=%s", error)
        if not known:
            self._tell()


def _preferred(seen: Seen) -> tuple[bool, bool, str]:
    """Ready before not ready, cable before air."""
    return (seen.readiness is not Readiness.READY, seen.wireless, seen.transport)
