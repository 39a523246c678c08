"""What ``phones`` and ``folders`` say; works beside a running daemon and without one."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import TYPE_CHECKING, Any

from photosync.app.state import looked_at, opened
from photosync.app.times import rfc3339
from photosync.device.phone import Phone
from photosync.device.presence import Presence, Readiness
from photosync.device.server import AdbServer
from photosync.device.survey import nearest, survey
from photosync.domain.media import SourceKind, path_base64, readable
from photosync.errors import PhoneNotReady, SettingsError
from photosync.store.phone_folders import PhoneFolders
from photosync.store.sources import Sources
from photosync.store.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.device.identity import Identity
    from photosync.device.presence import Seen
    from photosync.domain.media import Source
    from photosync.store.overview import SourceView
    from photosync.store.phone_folders import Choice

Json = dict[str, Any]

AWAY = "away"
PATIENCE_SECONDS = 10.0
AFTER_START_SECONDS = 2.0
"""An adb server that was only just started needs a moment to see what is plugged in."""


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """One phone. ``serial`` is its own, or what adb calls it until it says.

    ``state``: a readiness, or AWAY; then ``last_seen_at`` (seconds UTC) is when it was there.
    """

    serial: str
    label: str
    state: str
    advice: str
    wireless: bool
    taken: bool
    last_seen_at: int | None = None

    def document(self) -> Json:
        """As JSON."""
        return {
            "serial": self.serial,
            "label": self.label,
            "state": self.state,
            "advice": self.advice,
            "wireless": self.wireless,
            "taken": self.taken,
            "last_seen_at": rfc3339(self.last_seen_at),
        }


@dataclass(frozen=True, slots=True)
class FolderLine:
    """One folder with photos. ``choice``: settings, take, leave or new.

    ``wanted``: whether the settings want that phone at all. ``is_there``: it is plugged in; else
    the counts are those of the last look.
    """

    phone: str
    serial: str
    path: str
    photos: int
    videos: int
    size_bytes: int
    newest_at: int
    choice: str
    wanted: bool
    is_there: bool = True

    @property
    def shown(self) -> str:
        """The path for people."""
        return readable(self.path) or "(the top)"

    @property
    def items(self) -> int:
        """Photos and videos."""
        return self.photos + self.videos

    @property
    def taken(self) -> bool:
        """Whether it is backed up."""
        return self.wanted and self.choice in ("settings", "take")

    def document(self) -> Json:
        """As JSON."""
        line: Json = {
            "phone": self.phone,
            "serial": self.serial,
            "path": readable(self.path),
            "photos": self.photos,
            "videos": self.videos,
            "size_bytes": self.size_bytes,
            "newest_at": rfc3339(self.newest_at),
            "choice": self.choice,
            "taken": self.taken,
            "there": self.is_there,
        }
        exact = path_base64(self.path)
        if exact is not None:
            line["path_base64"] = exact
        return line


def phone_lines(settings: Settings) -> list[PhoneLine]:
    """Every phone that is plugged in, and those known from before.

    Raises:
        AdbMissing, NotAdb, PhoneGarbled: None can be seen at all.
    """
    known = phones_known(settings)
    with phones_present(settings) as (_, seen):
        lines = [_phone_line(one, settings, known) for one in seen]
    there = {one.serial for one in lines} | {readable(one.transport) for one in seen}
    return lines + [
        PhoneLine(
            serial=view.source.address,
            label=view.source.label,
            state=AWAY,
            advice="",
            wireless=False,
            taken=_is_wanted(serial, settings),
            last_seen_at=view.last_seen_at,
        )
        for serial, view in known.items()
        if serial not in there
    ]


def phones_known(settings: Settings) -> dict[str, SourceView]:
    """Every phone that was ever here, by its serial number."""
    with looked_at(settings) as state:
        if state is None:
            return {}
        views = state.overview.sources()
    return {one.source.address: one for one in views if one.source.kind == SourceKind.PHONE}


def folder_lines(settings: Settings, serial: str = "") -> list[FolderLine]:
    """Every folder with photos on the phones that can be used, or on one.

    Of phones that are away: what is on record about folders that the settings do not name, and
    whatever was decided.

    Raises:
        AdbMissing, NotAdb, PhoneGarbled, PhoneGone: They cannot be seen.
        PhoneNotReady: One is plugged in, but it shows nothing (yet).
        SettingsError: No such phone is plugged in.
    """
    known = phones_known(settings)
    with phones_present(settings) as (server, seen):
        wanted = [one for one in seen if one.identity and serial in ("", one.identity.serial)]
        lines = [line for one in wanted for line in _folders_of(one, server, settings, known)]
        there = {one.identity.serial for one in wanted if one.identity}
        there |= {readable(one.transport) for one in seen}
        away = [one for one in known if one not in there and serial in ("", one)]
        recorded = [line for one in away for line in _on_record(known[one], settings)]
        _refuse_silence(seen, wanted, away, serial, settings)
    if wanted and not lines:
        raise PhoneNotReady(
            "The phone shows no folder with photos in it.",
            hint="Unlock it once: before that it shows nothing since it was started.",
        )
    return lines + recorded


def _refuse_silence(
    seen: list[Seen], wanted: list[Seen], away: list[str], serial: str, settings: Settings
) -> None:
    if wanted or away:
        return
    if serial:
        raise SettingsError(
            f"No phone {readable(serial)} is plugged in and ready.", hint="See photosync phones."
        )
    if seen:
        line = _phone_line(seen[0], settings, {})
        raise PhoneNotReady(
            f"{line.label or line.serial} cannot be looked at yet. {line.advice}".strip()
        )


def _on_record(view: SourceView, settings: Settings) -> list[FolderLine]:
    """Folders of a phone that is away, as they were last seen."""
    with looked_at(settings) as state:
        found = [] if state is None else PhoneFolders(state.database).of_source(view.source.id)
    decided = {one.path: one.choice for one in found}
    return [
        FolderLine(
            phone=view.source.label,
            serial=view.source.address,
            path=one.path,
            photos=one.photos,
            videos=0,
            size_bytes=one.size_bytes,
            newest_at=one.newest_at or 0,
            choice=_choice(one.path, decided, settings),
            wanted=_is_wanted(view.source.address, settings),
            is_there=False,
        )
        for one in found
    ]


def known_labels(settings: Settings) -> list[str]:
    """What the phones are called that were ever here."""
    return [one.source.label for one in phones_known(settings).values()]


def decide(
    settings: Settings, lines: Sequence[FolderLine], paths: Sequence[str], *, take: bool
) -> None:
    """Take folders from now on, or leave them.

    Raises:
        SettingsError: A path is none of those that are shown.
    """
    choice: Choice = "take" if take else "leave"
    with opened(settings) as state:
        for path in paths:
            named = path.rstrip("/")
            found = _named(lines, named)
            if not found:
                raise SettingsError(
                    f"No phone has a folder {readable(path)} with photos in it.",
                    hint="Name it as photosync folders shows it.",
                )
            for one in found:
                _decide(state, one, choice)
        for serial in {one.serial for one in lines}:
            leave_out(state, settings, serial)
        state.control.ring(now=state.now())


def _named(lines: Sequence[FolderLine], name: str) -> list[FolderLine]:
    """The folders of that name, or those above others, one a phone; what is beneath follows it."""
    found = [one for one in lines if name in (one.path, one.shown)]
    depth = name.count("/") + 1
    above = {
        one.serial: replace(one, path="/".join(one.path.split("/")[:depth]))
        for one in lines
        if name and one.shown.startswith(f"{name}/")
    }
    return found or list(above.values())


def _decide(state: State, line: FolderLine, choice: Choice) -> None:
    source = Sources(state.database).register_phone(line.serial, label=line.phone)
    PhoneFolders(state.database).choose(source.id, [line.path], choice=choice, now=state.now())


def leave_out(state: State, settings: Settings, serial: str) -> None:
    """What waits from folders that are not taken (any more); taken again, it comes back by sight.

    What a worker has in its hands at this moment goes on.
    """
    waiting = Waiting(state.database)
    for source in Sources(state.database).all():
        if (source.kind, source.address) != (SourceKind.PHONE, serial):
            continue
        decided = _decided(state, source)
        for some in waiting.pages(source.id):
            out = {}
            for one in some:
                why = _why_left(one.path, decided, settings)
                if why is not None:
                    out[one.id] = why
            waiting.change(left_out=out, albums={}, now=state.now(), alone=False)


def why_left(state: State, settings: Settings, phone: Source, path: str) -> str | None:
    """Why the folder of a phone's file is left out, in a sentence; None if it is not.

    By the user's choice alone while phones are switched off: their folders may have left the
    settings with that, and copies that are there are sent all the same.
    """
    decided = _decided(state, phone)
    if settings.phone.enabled:
        return _why_left(path, decided, settings)
    return WHY_LEFT["leave"] if nearest(path.rpartition("/")[0], decided, ()) == "leave" else None


def _why_left(path: str, decided: dict[str, Choice], settings: Settings) -> str | None:
    return WHY_LEFT.get(_choice(path.rpartition("/")[0], decided, settings))


def _decided(state: State, phone: Source) -> dict[str, Choice]:
    return {one.path: one.choice for one in PhoneFolders(state.database).of_source(phone.id)}


@contextmanager
def phones_present(settings: Settings) -> Iterator[tuple[AdbServer, list[Seen]]]:
    """The adb server, and every phone that it sees; each has said who it is, or will not.

    Raises:
        AdbMissing, NotAdb, PhoneGarbled: None can be seen at all.
    """
    server = AdbServer(settings.phone.adb_host, settings.phone.adb_port)
    fresh = not server.is_up()
    changed, halt = Event(), Event()
    presence = Presence(server, changed=changed.set, halt=halt)
    presence.start()
    try:
        _wait(presence, changed, least_seconds=AFTER_START_SECONDS if fresh else 0.0)
        if presence.trouble is not None:
            raise presence.trouble
        yield server, presence.phones()
    finally:
        halt.set()
        presence.stop()


def _wait(presence: Presence, changed: Event, *, least_seconds: float) -> None:
    """Until every phone has said who it is, or will not."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) < PATIENCE_SECONDS:
        changed.clear()
        phones = presence.phones()
        open_ends = any(
            one.readiness is Readiness.CONNECTING
            or (one.readiness is Readiness.READY and one.identity is None)
            for one in phones
        )
        if presence.looked and not open_ends and (phones or passed >= least_seconds):
            return
        changed.wait(0.2)


def _phone_line(seen: Seen, settings: Settings, known: Mapping[str, SourceView]) -> PhoneLine:
    identity = seen.identity
    serial = readable(seen.transport) if identity is None else identity.serial
    advice = seen.advice
    if seen.readiness is Readiness.READY and identity is None:
        advice = "It does not say who it is: unplug it and plug it in again."
    return PhoneLine(
        serial=serial,
        label=label_of(identity, known),
        state=str(seen.readiness),
        advice=advice,
        wireless=seen.wireless,
        taken=_is_wanted(serial, settings),
    )


def label_of(identity: Identity | None, known: Mapping[str, SourceView]) -> str:
    """What a phone is called: two of one model are told apart once they are known."""
    if identity is None:
        return ""
    view = known.get(identity.serial)
    return identity.label if view is None else view.source.label


def _is_wanted(serial: str, settings: Settings) -> bool:
    return not settings.phone.serials or serial in settings.phone.serials


def _folders_of(
    seen: Seen, server: AdbServer, settings: Settings, known: Mapping[str, SourceView]
) -> list[FolderLine]:
    assert seen.identity is not None
    identity = seen.identity
    decided = decided_of(settings, identity.serial)
    with Phone(server, seen.transport, identity) as phone:
        return [
            FolderLine(
                phone=label_of(identity, known),
                serial=identity.serial,
                path=one.path,
                photos=one.photos,
                videos=one.videos,
                size_bytes=one.size_bytes,
                newest_at=one.newest_at,
                choice=_choice(one.path, decided, settings),
                wanted=_is_wanted(identity.serial, settings),
            )
            for one in survey(phone)
        ]


def _choice(path: str, decided: dict[str, Choice], settings: Settings) -> str:
    """What holds for a folder of a phone."""
    return nearest(path, decided, settings.phone.folders) or RULE_WORDS[settings.phone.new_folders]


WHY_LEFT = {
    "leave": "photosync folders --leave leaves its folder out.",
    "new": "Its folder is not backed up (any more): photosync folders",
}
RULE_WORDS = {"ask": "new", "take": "take", "leave": "leave"}


def folder_choice(settings: Settings, serial: str, path: str) -> str:
    """What holds for a folder of a phone, by the record and the settings: see ``FolderLine``."""
    return _choice(path, decided_of(settings, serial), settings)


def decided_of(settings: Settings, serial: str) -> dict[str, Choice]:
    """What the user decided about folders of a phone, by their exact paths."""
    with looked_at(settings) as state:
        if state is None:
            return {}
        for source in Sources(state.database).all():
            if (source.kind, source.address) == (SourceKind.PHONE, serial):
                found = PhoneFolders(state.database).of_source(source.id)
                return {one.path: one.choice for one in found}
    return {}
