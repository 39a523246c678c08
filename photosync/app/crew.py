"""The workers of a daemon: the name, the bell and the step of each."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from photosync.app.backing import backup_stage, no_backup
from photosync.app.destination import is_away
from photosync.app.putting_back import PuttingBack
from photosync.files.holding import FREEING, holder_of
from photosync.stages.create import Create
from photosync.stages.dating import Dating
from photosync.stages.mirror import Mirror, Told
from photosync.stages.prune import Prune
from photosync.stages.pull import Pull
from photosync.stages.upload import Upload
from photosync.store.albums import Albums
from photosync.store.copies import Copies
from photosync.store.dated import DatedRecords

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from threading import Event

    from photosync.app.phones import PhoneSide
    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.daemon.bells import Bells
    from photosync.daemon.everywhere import Everywhere
    from photosync.daemon.reports import Board
    from photosync.domain.media import Source
    from photosync.errors import SourceMissing
    from photosync.files.dating import DatedCopies
    from photosync.files.mirroring import MirrorDisk
    from photosync.google.connect import Connection
    from photosync.google.width import Width
    from photosync.stages.backup import Backup
    from photosync.stages.gate import LibraryGate
    from photosync.stages.originals import LocalOriginals
    from photosync.store.media import MediaItems

Step = tuple[str, str, Callable[[], bool]]
"""Name, bell and what the worker does when that rings; False if there was nothing to do."""

HASHERS = max(2, min(4, os.cpu_count() or 1))
"""Files are read side by side: while one waits for the disk, another is hashed. More than there are
cores only take the interpreter from each other."""

PULLERS = 3
"""While what one of them wants comes through the cable, another hashes, and a third waits for the
disk."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where photos come from. ``sources``: the watched folders; ``side``: None without phones."""

    sources: Mapping[int, Source]
    originals: LocalOriginals
    disk: MirrorDisk
    side: PhoneSide | None
    source_lost: Callable[[int, SourceMissing], None]


@dataclass(frozen=True, slots=True)
class Crew:
    """Makes them, by what they do. ``resting``: why nothing is sent just now, else empty."""

    settings: Settings
    state: State
    halt: Event
    items: MediaItems
    bells: Bells
    board: Board
    gate: LibraryGate
    connection: Connection
    width: Width
    dated_copies: DatedCopies
    resting: Callable[[], str]

    def copying(self, ground: Ground) -> Iterator[Step]:
        """Off the phone."""
        if ground.side is None:
            return
        for number in range(1, PULLERS + 1):
            pull = Pull(
                f"pull-{number}",
                items=self.items,
                mirror=ground.disk,
                phones=ground.side.phones.of_source,
                bells=self.bells,
                progress=self.board.copied,
                source_lost=ground.source_lost,
                halt=self.halt,
                clock=self.state.clock,
                fixes_dates=self.settings.upload.fix_dates,
            )
            yield pull.name, "pull", ground.side.prepared(pull.run_once)

    def hashing(self, ground: Ground) -> Iterator[Step]:
        """What lies in watched folders."""
        told = Told()
        for number in range(1, HASHERS + 1):
            mirror = Mirror(
                f"mirror-{number}",
                items=self.items,
                originals=ground.originals,
                sources=ground.sources,
                bells=self.bells,
                source_lost=ground.source_lost,
                clock=self.state.clock,
                fixes_dates=self.settings.upload.fix_dates,
                told=told,
            )
            yield mirror.name, "mirror", mirror.run_once

    def sending(self, ground: Ground, everywhere: Everywhere) -> Iterator[Step]:
        """To the library: a date for those without, the bytes, and the photos of them."""
        dating = self._dating()
        yield dating.name, "dating", dating.run_once
        for number in range(1, self.settings.upload.most_workers + 1):
            upload = Upload(
                f"upload-{number}",
                items=self.items,
                originals=ground.originals,
                dating=dating,
                library=self.connection.library,
                gate=self.gate,
                bells=self.bells,
                progress=self.board.progress,
                source_lost=ground.source_lost,
                clock=self.state.clock,
                resting=self.resting,
                has_room=partial(self.width.has_room_for, number),
            )
            yield upload.name, "upload", upload.run_once
        create = Create(
            items=self.items,
            albums=Albums(self.state.database),
            library=self.connection.library,
            control=self.state.control,
            gate=self.gate,
            bells=self.bells,
            small_bytes=self.settings.upload.resumable_above,
            more_expected=everywhere.expecting,
            clock=self.state.clock,
        )
        yield create.name, "create", create.run_once

    def _dating(self) -> Dating:
        return Dating(
            wanted=self.settings.upload.fix_dates,
            items=self.items,
            records=DatedRecords(self.state.database),
            copies=self.dated_copies,
            control=self.state.control,
            bells=self.bells,
            clock=self.state.clock,
        )

    def pruning(self, ground: Ground) -> Iterator[Step]:
        """What the mirror need not keep."""
        keep_days = self.settings.mirror.keep
        if keep_days is None:
            return
        prune = Prune(
            copies=Copies(self.state.database),
            mirror=ground.disk,
            keep_days=keep_days,
            backup=self.settings.backup.address or None,
            backup_is_there=lambda: not is_away(self.settings, self.state),
            clock=self.state.clock,
            alone=holder_of(self.settings.state_dir / FREEING),
        )
        yield prune.name, "prune", prune.run_once

    def backup(self, ground: Ground) -> Backup | None:
        """Who makes the second copy, if one is wanted."""
        if not self.settings.backup.to:
            no_backup(self.settings, self.state)
            return None

        def lost(source_id: int, error: SourceMissing) -> None:
            if source_id in ground.sources:  # not a folder that left the settings
                ground.source_lost(source_id, error)

        is_local = "://" not in self.settings.backup.to
        return backup_stage(
            self.settings,
            self.state,
            originals=ground.originals,
            resting=(lambda: "") if is_local else self.resting,
            is_paused=lambda: self.state.control.flag("paused") is not None,
            source_lost=lost,
            halt=self.halt,
        )

    def putting_back(self) -> Iterator[Step]:
        """What is asked for on the web page."""
        if self.settings.web.enabled:
            back = PuttingBack(self.settings, self.state, halt=self.halt)
            yield back.name, "restore", back.run_once
