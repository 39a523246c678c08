"""Frees space on a phone: what may go is proven and offered; whoever accepts has it removed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from photosync.app.connecting import connected
from photosync.app.places import whereabouts_of
from photosync.app.plugged import plugged
from photosync.app.state import looked_at, note_recalled, opened
from photosync.app.verifying import leave_room
from photosync.device.removing import PhoneRoom
from photosync.domain.media import SourceKind
from photosync.errors import AlreadyRunning, PhotosyncError, SettingsError, Stopping
from photosync.files.freed_log import FreedLog
from photosync.files.holding import FREEING, hold
from photosync.files.mirroring import MirrorDisk
from photosync.stages.free_space import FreeSpace, Proven, Removal, Stays
from photosync.store.freeing import Freed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from threading import Event

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.media import Source
    from photosync.store.freeing import Line

PATIENCE_SECONDS = 30.0
DAY_SECONDS = 86_400


@dataclass(slots=True)
class Offer:
    """What may go from a phone, and what has to stay on it and why.

    ``error``: what ended the removal before its end.
    """

    label: str
    serial: str
    stage: FreeSpace
    room: PhoneRoom
    proven: list[Proven] = field(default_factory=list)
    stays: list[Stays] = field(default_factory=list)
    error: PhotosyncError | None = None

    @property
    def size_bytes(self) -> int:
        """Of all that may go."""
        return sum(one.candidate.record.size_bytes for one in self.proven)

    def by_folder(self) -> dict[str, tuple[int, int]]:
        """Folder → files and bytes that may go, the largest first."""
        sums: dict[str, tuple[int, int]] = {}
        for one in self.proven:
            folder = one.candidate.path.rpartition("/")[0]
            count, size_bytes = sums.get(folder, (0, 0))
            sums[folder] = count + 1, size_bytes + one.candidate.record.size_bytes
        return dict(sorted(sums.items(), key=lambda item: (-item[1][1], item[0])))

    def reasons(self) -> dict[str, int]:
        """Why files have to stay, and how many, the most frequent first."""
        counts: dict[str, int] = {}
        for one in self.stays:
            counts[one.reason] = counts.get(one.reason, 0) + 1
        return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))

    def accept(self, *, tick: Callable[[int, int], None]) -> Removal:
        """Remove what was offered, one by one; what got in the way is ``error``."""
        removal = Removal()

        def told() -> None:
            tick(removal.gone + len(removal.stays), len(self.proven))

        try:
            self.stage.remove(self.proven, removal, told)
        except PhotosyncError as error:
            self.error = error
        finally:
            self.room.end()
        return removal


@contextmanager
def offered(
    settings: Settings,
    *,
    serial: str,
    older_than_days: int,
    halt: Event,
    tick: Callable[[int, int], None],
) -> Iterator[Offer]:
    """What may go from the phone, proven just now; ``tick``: files looked at, bytes that may go.

    No copy in the mirror is pruned during the block.

    Raises:
        PhoneNotReady, PhoneGone, ...: The phone is not there.
        SignInRequired, Offline, DailyQuotaSpent, ...: The library cannot be asked.
        MirrorAway, BackupAway, KeyMissing, ...: The copies cannot be read.
        AlreadyRunning: Somebody else relies on the copies, or takes them away.
        SettingsError: photosync never saw that phone.
    """
    with (
        opened(settings) as state,
        hold(settings.state_dir / FREEING, patience_seconds=PATIENCE_SECONDS) as is_held,
    ):
        if not is_held:
            raise AlreadyRunning(
                "Another photosync free-space is under way.", hint="Wait until it has ended."
            )
        with (
            plugged(settings, serial) as (server, phone),
            connected(settings, state, halt=halt) as connection,
        ):
            source = _source_of(state, phone.identity.serial, phone.identity.label)
            room = PhoneRoom(server, phone)
            where = whereabouts_of(settings, state)
            if not where.wants_backup:
                MirrorDisk(settings.mirror.path, least_free_bytes=0).prepare(known=True)
            stage = FreeSpace(
                freed=Freed(state.database),
                whereabouts=where,
                phone=room,
                library=connection.library,
                older_than_seconds=older_than_days * DAY_SECONDS,
                leave_room=lambda: leave_room(settings.google.daily_requests, state),
                halt=halt,
                clock=state.clock,
                note=FreedLog(settings.state_dir).add,
                address=source.address,
            )
            offer = Offer(source.label, source.address, stage, room)
            _look_through(offer, source, halt, tick)
            yield offer
            note_recalled(settings, state)


def _look_through(
    offer: Offer, source: Source, halt: Event, tick: Callable[[int, int], None]
) -> None:
    offer.stage.settle(source.id)
    proven_bytes = 0
    for one in offer.stage.prove(source.id):
        if halt.is_set():
            raise Stopping("Stopped before anything was removed.")
        if isinstance(one, Stays):
            offer.stays.append(one)
        else:
            offer.proven.append(one)
            proven_bytes += one.candidate.record.size_bytes
        tick(len(offer.proven) + len(offer.stays), proven_bytes)


def _source_of(state: State, serial: str, label: str) -> Source:
    for view in state.overview.sources():
        if (view.source.kind, view.source.address) == (SourceKind.PHONE, serial):
            return view.source
    raise SettingsError(
        f"Nothing of {label} ({serial}) was ever backed up.", hint="Start it: photosync run"
    )


def log_lines(settings: Settings, *, limit: int) -> list[Line]:
    """What was removed from phones, or kept after all, the latest first."""
    with looked_at(settings) as state:
        return [] if state is None else Freed(state.database).log(limit=limit)
