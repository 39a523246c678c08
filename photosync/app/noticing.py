"""Looks at how things stand, and has people told of what changed."""

from __future__ import annotations

import logging
import os
import socket
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from photosync.app import signs
from photosync.app.standing import problems_of
from photosync.config import masked
from photosync.domain import notices
from photosync.domain.media import SourceKind
from photosync.domain.notices import Memory, Notice, Standing, due, remembered
from photosync.domain.silence import CODES, DAY_SECONDS
from photosync.domain.states import State
from photosync.errors import AlreadyRunning, DatabaseError, PhotosyncError, Stopping
from photosync.logs import escaped, hidden
from photosync.store.control import Problem
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from threading import Event

    from photosync.app.state import State as OpenState
    from photosync.config import Settings
    from photosync.notify.sending import Delivery

    Deliver = Callable[[Sequence[str], str, str], list[Delivery]]
    Ping = Callable[..., str]

log = logging.getLogger(__name__)

STAMP = "told_of_end"
"""A file in the state folder: when the end of the program was last told without a database."""

LAST_SECONDS = 20.0
"""So long the end of the program waits for its last notice."""

COPIED = (State.MIRRORED, State.UPLOADED, State.DONE, State.DUPLICATE)

KINDS = (notices.BLOCKED, notices.FAILED, notices.DONE, notices.PHONE, notices.SILENCE)
END = "end"
REMEMBERED = "notice_"
PINGED = "pinged"
SENDING, PINGING = "notify_failed", "ping_failed"

QUIET_SECONDS = 60
"""Where nobody is to be told, signs of life are noted down so often."""

SETTLING_SECONDS = 60
"""What passes by itself within that is not worth a notice."""

HOUR_SECONDS = 3600
SEEN_SECONDS = HOUR_SECONDS
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 60, HOUR_SECONDS


def noticing(
    settings: Settings,
    state: OpenState,
    *,
    clock: Callable[[], float],
    halt: Event | None = None,
) -> Noticing:
    """By apprise and HTTP; without ``halt`` it is the end, which does not wait for long."""
    from photosync.notify.pinging import ping
    from photosync.notify.sending import LONGEST_SECONDS, deliver

    seconds = LAST_SECONDS if halt is None else LONGEST_SECONDS
    told = partial(deliver, halt=halt, seconds=seconds)
    return Noticing(settings, state, deliver=told, ping=ping, clock=clock)


class _End:
    """``state``: None until the database is open."""

    state: OpenState | None = None


@contextmanager
def telling_of_the_end(settings: Settings, clock: Callable[[], float]) -> Iterator[_End]:
    """Have people told of an error that ends the program."""
    end = _End()
    try:
        yield end
    except PhotosyncError as error:
        rules = settings.notify
        if (rules.urls or rules.ping) and not isinstance(error, (AlreadyRunning, Stopping)):
            _tell_of_end(settings, end.state, error, clock)
        raise


def _tell_of_end(
    settings: Settings, state: OpenState | None, error: PhotosyncError, clock: Callable[[], float]
) -> None:
    try:
        if state is not None and not isinstance(error, DatabaseError):
            noticing(settings, state, clock=clock).tell_of_end(error)
        else:
            _tell_without_database(settings, error, clock)
    except PhotosyncError as another:  # the first is the one to be shown
        log.warning("notice.unsent kind=blocked reason=%s", another)


def _tell_without_database(
    settings: Settings, error: PhotosyncError, clock: Callable[[], float]
) -> None:
    """Systemd starts us again and again: a file keeps that to one an hour."""
    from photosync.notify.pinging import ping
    from photosync.notify.sending import deliver

    stamp = settings.state_dir / STAMP
    now = clock()
    if stamp.exists() and 0 <= now - stamp.stat().st_mtime < HOUR_SECONDS:
        return
    try:
        stamp.touch()
        os.utime(stamp, (now, now))
    except OSError as refused:  # a disk that cannot be written may be the very reason
        log.warning("notice.unstamped reason=%s", refused.strerror)
    text = f"{error.message} {error.hint}".rstrip()
    title = f"photosync on {_here(settings)} needs you"
    for one in deliver(settings.notify.urls, title, hidden(escaped(text)), seconds=LAST_SECONDS):
        if one.reason:
            log.warning("notice.unsent kind=blocked reason=%s", one)
    if settings.notify.ping:
        ping(settings.notify.ping, is_well=False, text=hidden(text))


class Noticing:
    """One look after another. ``clock`` gives seconds UTC.

    What was told is kept in the database: a daemon that is started again says nothing twice.
    """

    name = "notices"

    def __init__(
        self,
        settings: Settings,
        state: OpenState,
        *,
        deliver: Deliver,
        ping: Ping,
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._state = state
        self._deliver = deliver
        self._ping = ping
        self._clock = clock
        self._began_at = int(clock())
        self._first_seen: dict[str, int] = {}
        self._recent: dict[str, tuple[int, Problem]] = {}
        self._unsent: dict[str, Notice] = {}
        self._waits: dict[str, tuple[int, int]] = {}
        self._seen_at = 0
        self._noted_at = 0
        self._idle_since: int | None = None

    def run_once(self) -> bool:
        """Look, and tell what there is to tell."""
        self.look(settled=False)
        return False

    def look(self, *, settled: bool) -> None:
        """The same; ``settled``: this is how it stays, for the program ends."""
        now = int(self._clock())
        rules = self._settings.notify
        is_quiet = not rules.urls and not rules.ping
        if is_quiet and 0 <= now - self._noted_at < QUIET_SECONDS:
            return
        self._noted_at = now
        signs.note_waiting(self._state, now=now)
        if not 0 <= now - self._seen_at < SEEN_SECONDS:
            self._seen_at = now
            Sources(self._state.database).still_there(now=now)
        if is_quiet:
            return
        problems = self._standing_since(now, settled=settled)
        # what was in the way of the last run is perhaps not found again yet
        may_judge = settled or now - self._began_at >= SETTLING_SECONDS
        if rules.urls:
            standing = self._standing(problems, settled=settled)
            kinds = KINDS if may_judge else (notices.FAILED, notices.DONE)
            self._tell(standing, now, settled=settled, kinds=kinds)
        if rules.ping and may_judge:
            self._give_sign(problems, now, settled=settled)

    def tell_of_end(self, error: PhotosyncError) -> None:
        """The program cannot go on; told whatever else was told within the hour."""
        now = int(self._clock())
        problem = _as_problem(error, now)
        rules = self._settings.notify
        if rules.urls:
            standing = Standing(blocked=_said([problem]))
            known = remembered(self._state.control.flag(REMEMBERED + END)) or Memory()
            for one in due(standing, {notices.BLOCKED: known}, rules.on, now=now):
                if one.kind == notices.BLOCKED:
                    self._send(replace(one, kind=END), now, settled=True)
        if self._settings.notify.ping:
            self._give_sign([problem], now, settled=True)

    def _standing_since(self, now: int, *, settled: bool) -> list[Problem]:
        """The problems that stay: those that were there a minute ago too."""
        problems = problems_of(self._settings, self._state, now=now)
        by_key = {_key(one): one for one in problems}
        self._first_seen = {key: min(self._first_seen.get(key, now), now) for key in by_key}
        before = {
            key: (at, one)
            for key, (at, one) in self._recent.items()
            if 0 <= now - at < SETTLING_SECONDS
        }
        self._recent = before | {key: (now, one) for key, one in by_key.items()}
        return [
            one
            for one in problems
            if settled or now - self._first_seen[_key(one)] >= SETTLING_SECONDS
        ]

    def _is_idle(self, *, settled: bool) -> bool:
        """Nothing waits, and nothing did a minute ago."""
        now = int(self._clock())
        if signs.reachable(self._state):
            self._idle_since = None
            return False
        if self._idle_since is None or self._idle_since > now:
            self._idle_since = now
        return settled or now - self._idle_since >= SETTLING_SECONDS

    def _standing(self, problems: list[Problem], *, settled: bool) -> Standing:
        counts = self._state.overview.counts()
        by_kind: dict[str, list[Problem]] = {}
        for one in problems:
            by_kind.setdefault(_kind(one, int(self._clock())), []).append(one)
        copied = {
            str(source.id): (
                source.label,
                sum(counts.items(state, source.id) for state in COPIED),
            )
            for source in (one.source for one in self._state.overview.sources())
            if source.kind == SourceKind.PHONE
            and source.connected
            and not counts.items(State.FOUND, source.id)
        }
        return Standing(
            blocked=_said(by_kind.get(notices.BLOCKED, [])),
            phone=_said(by_kind.get(notices.PHONE, [])),
            silence=_said(by_kind.get(notices.SILENCE, [])),
            failed=counts.items(State.FAILED),
            reasons=tuple(
                f"{items:,} x {message}" if items > 1 else message
                for _, items, message in self._state.overview.reasons(State.FAILED)[:3]
            ),
            done=counts.items(State.DONE),
            is_idle=self._is_idle(settled=settled),
            seen=frozenset() if settled else frozenset(self._recent),
            copied=copied,
        )

    def _tell(
        self,
        standing: Standing,
        now: int,
        *,
        settled: bool,
        kinds: Sequence[str] = KINDS,
    ) -> None:
        known = {
            kind: memory
            for kind in KINDS
            if (memory := remembered(self._state.control.flag(REMEMBERED + kind))) is not None
        }
        self._send_again(now, settled=settled)
        for notice in due(standing, known, self._settings.notify.on, now=now):
            if notice.kind in kinds:
                self._send(notice, now, settled=settled)

    def _send(self, notice: Notice, now: int, *, settled: bool) -> None:
        """At every address; it is told once one of them took it."""
        if not notice.title:
            self._remember(notice.kind, notice.then, now)
            return
        if not settled and not self._may_try(SENDING, now):
            return
        failed = self._hand_over(self._settings.notify.urls, notice)
        if len(failed) == len(self._settings.notify.urls):
            self._wait_longer(SENDING, now)
            return
        self._waits.pop(SENDING, None)
        self._remember(notice.kind, notice.then, now)
        log.debug("notice.remembered kind=%s", notice.kind)
        self._unsent.update(dict.fromkeys(failed, notice))

    def _send_again(self, now: int, *, settled: bool) -> None:
        """What one address did not take and another did."""
        for url, notice in list(self._unsent.items()):
            if (settled or self._may_try(url, now)) and not self._hand_over((url,), notice):
                del self._unsent[url]
                self._waits.pop(url, None)
                self._all_sent()
            elif self._may_try(url, now):
                self._wait_longer(url, now)

    def _hand_over(self, urls: Sequence[str], notice: Notice) -> list[str]:
        """The addresses that did not take it."""
        title = f"photosync on {_here(self._settings)} {notice.title}"
        deliveries = self._deliver(urls, title, notice.body)
        failed = [one for one in deliveries if one.reason]
        for one in failed:
            log.warning("notice.unsent kind=%s reason=%s", notice.kind, one)
        if len(failed) < len(deliveries):
            log.info("notice.sent kind=%s", notice.kind)
        if failed:
            self._complain(SENDING, f"A notice could not be sent to {failed[0]}.")
        else:
            self._all_sent()
        return [one.url for one in failed]

    def _all_sent(self) -> None:
        if not self._unsent:
            self._state.control.clear_problem(SENDING, SENDING)

    def _give_sign(self, problems: list[Problem], now: int, *, settled: bool) -> None:
        """Once an hour that all is well, and at once when that changes."""
        failed = self._state.overview.counts().items(State.FAILED)
        told = self._state.control.flag(PINGED) or ""
        at, _, before = told.partition(" ")
        wrong = [one for one in problems if one.needs_user]
        if not wrong and before == "fail" and not settled:  # it may come and go
            wrong = [one for _, one in self._recent.values() if one.needs_user]
        says = "fail" if wrong else "ok"
        age = now - int(at or 0)
        if says == before and 0 <= age < HOUR_SECONDS and not settled:
            return
        if not settled and not self._may_try(PINGING, now):
            return
        lines = [f"{one.message} {one.hint}".rstrip() for one in wrong] or ["All is well."]
        if failed:
            lines.append(f"{failed:,} failed: photosync list --state failed")
        reason = self._ping(self._settings.notify.ping, is_well=not wrong, text="\n".join(lines))
        if reason:
            self._wait_longer(PINGING, now)
            log.warning("ping.unheard reason=%s", reason)
            address = masked(self._settings.notify.ping)
            self._complain(PINGING, f"A sign of life to {address} was not heard: {reason}.")
            return
        self._waits.pop(PINGING, None)
        self._state.control.set_flag(PINGED, f"{now} {says}", now=now)
        self._state.control.clear_problem(PINGING, PINGING)

    def _complain(self, code: str, message: str) -> None:
        key = "notify.ping" if code == PINGING else "notify.urls"
        self._state.control.raise_problem(
            Problem(
                code=code,
                subject=code,
                message=message,
                hint=f"Mend {key} in the settings, and try it: photosync notify",
                gate="",
                needs_user=False,
                since=int(self._clock()),
                until=None,
            )
        )

    def _remember(self, kind: str, memory: Memory, now: int) -> None:
        self._state.control.set_flag(REMEMBERED + kind, memory.text(), now=now)

    def _may_try(self, what: str, now: int) -> bool:
        at, wait = self._waits.get(what, (0, 0))
        return not at <= now < at + wait

    def _wait_longer(self, what: str, now: int) -> None:
        _, wait = self._waits.get(what, (0, 0))
        longer = min(max(2 * wait, FIRST_WAIT_SECONDS), LONGEST_WAIT_SECONDS)
        self._waits[what] = (now, longer)


def _kind(problem: Problem, now: int) -> str:
    """The kind of notice that it is worth; "" for none."""
    if problem.code in CODES:
        return notices.SILENCE
    if problem.code.startswith(("phone_", "adb_", "new_folder")):
        return notices.PHONE
    ends_soon = problem.code == "sign_in_ends" and (problem.until or 0) - now < DAY_SECONDS
    return notices.BLOCKED if problem.needs_user or ends_soon else ""


def _key(problem: Problem) -> str:
    return f"{problem.code} {problem.subject}"


def _said(problems: list[Problem]) -> Mapping[str, str]:
    """A sentence for each, with its cure; what comes from outside is shown and not obeyed."""
    return {_key(one): hidden(escaped(f"{one.message} {one.hint}".rstrip())) for one in problems}


def _as_problem(error: PhotosyncError, now: int) -> Problem:
    return Problem(
        error.code, "", error.message, error.hint, "", needs_user=True, since=now, until=None
    )


def _here(settings: Settings) -> str:
    """This machine, and which of several photosyncs on it."""
    name = "" if settings.file is None else settings.file.stem
    host = socket.gethostname()
    return host if name in ("", "config") else f"{host} ({name})"
