"""Settings → everything about phones, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from photosync.app.looking import leave_out
from photosync.app.mirrors import prepare
from photosync.daemon.folders import Folders
from photosync.daemon.phones import Phones
from photosync.daemon.surveys import Surveys
from photosync.device.files import PhoneFiles
from photosync.device.notices import Notices
from photosync.device.phone import Phone
from photosync.device.presence import Presence
from photosync.device.server import AdbServer
from photosync.domain.media import SourceKind
from photosync.store.phone_folders import PhoneFolders

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.daemon.bells import Bells
    from photosync.device.identity import Identity
    from photosync.device.presence import Seen
    from photosync.domain.selection import Selection
    from photosync.files.mirroring import MirrorDisk
    from photosync.stages.discover import Discover, Watched
    from photosync.store.control import Control
    from photosync.store.phone_folders import Choice
    from photosync.store.sources import Sources

RULES: dict[str, Choice] = {"ask": "new", "take": "take", "leave": "leave"}


@dataclass(frozen=True, slots=True)
class PhoneSide:
    """What a daemon with phones has more than one without."""

    phones: Phones
    looks: Folders
    surveys: Surveys
    disk: MirrorDisk
    control: Control
    clock: Callable[[], float]

    def prepared(self, step: Callable[[], bool]) -> Callable[[], bool]:
        """``step``, after the mirror is known to be there."""

        def checked() -> bool:
            prepare(self.disk, self.control, self.clock)
            return step()

        return checked


def phone_side(
    settings: Settings,
    state: State,
    *,
    sources: Sources,
    discover: Discover,
    bells: Bells,
    disk: MirrorDisk,
    selection: Selection,
    once: bool,
    halt: Event,
) -> PhoneSide:
    """Presence, looks and the record of phones, ready to run."""
    wanted = settings.phone
    folders = PhoneFolders(state.database)
    server = AdbServer(wanted.adb_host, wanted.adb_port)

    def opened(seen: Seen) -> tuple[Phone, PhoneFiles]:
        identity = seen.identity
        assert identity is not None
        phone = Phone(server, seen.transport, identity)
        return phone, PhoneFiles(
            phone.another(),
            wanted.folders,
            lambda: decided(identity),
            selection=selection,
            clock=state.clock,
        )

    def decided(identity: Identity) -> tuple[Sequence[str], Sequence[str]]:
        """Folders that are taken, and those that are left."""
        known = [
            one
            for source in sources.all()
            if (source.kind, source.address) == (SourceKind.PHONE, identity.serial)
            for one in folders.of_source(source.id)
        ]
        taken = [one.path for one in known if one.choice == "take"]
        left = [one.path for one in known if one.choice == "leave"]
        return taken, left

    def watch(watched: Watched, hint: Callable[[str, str | None], None]) -> Notices:
        files = cast("PhoneFiles", watched.files)
        return Notices(files.phone, lambda: files.listed, hint)

    looks = Folders(
        [],
        discover=discover,
        control=state.control,
        watch=None if once else watch,
        halt=halt,
        clock=state.clock,
        looked=lambda: bells.ring("create"),
    )
    phones = Phones(
        Presence(server, changed=lambda: bells.ring("phones"), halt=halt, clock=state.clock),
        looks=looks,
        sources=sources,
        control=state.control,
        opened=opened,
        serials=wanted.serials,
        album=wanted.album,
        alone=not settings.folder,
        lost=discover.lost,
        plugged=lambda: bells.ring("surveys"),
        clock=state.clock,
    )
    surveys = Surveys(
        phones,
        looks=looks,
        folders=folders,
        control=state.control,
        selection=selection,
        named=wanted.folders,
        rule=RULES[wanted.new_folders],
        leave_out=lambda serial: leave_out(state, settings, serial),
        clock=state.clock,
    )
    return PhoneSide(phones, looks, surveys, disk, state.control, state.clock)
