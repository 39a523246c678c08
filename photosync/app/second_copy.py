"""The second copy for those who read it: restore, free-space, verify."""

from __future__ import annotations

import hashlib
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from photosync.app.destination import Destination
from photosync.backup.sealing import unsealed
from photosync.domain.media import readable
from photosync.errors import BackupAway, BackupLost, KeyWrong
from photosync.store.backups import Backups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from photosync.app.state import State
    from photosync.config import Settings
    from photosync.domain.backups import Kept
    from photosync.stages.ports import SecondCopy

BLOCK_BYTES = 1 << 20


def second_copy(settings: Settings, state: State) -> SecondCopy | None:
    """What ``backup.to`` names; None if it names nothing. Nothing is asked of it yet."""
    if not settings.backup.to:
        return None
    return TargetCopy(settings, state)


class TargetCopy:
    """The content in one target. For one thread at a time."""

    def __init__(self, settings: Settings, state: State) -> None:
        self._settings = settings
        self._state = state
        self._backups = Backups(state.database)
        self._destination: Destination | None = None
        self._identities: list[Any] | None = None
        self.is_local = "://" not in settings.backup.to

    def find(self, sha256: str) -> Kept | None:
        """What is on record of that content in the target that the settings name, or None."""
        return self._backups.find(self._settings.backup.address, sha256)

    @contextmanager
    def open(self, kept: Kept) -> Iterator[BinaryIO]:
        """The plain content from its beginning; at its end it is held against ``kept.sha256``."""
        destination = self._reached()
        try:
            with destination.place.open(kept.path) as source:
                if not kept.is_sealed:
                    yield checked(source, kept)
                    return
                with unsealed(source, self._keys(destination)) as plain:
                    yield checked(plain, kept)
        except BackupLost:
            destination.look()  # a disk that was unmounted meanwhile lost nothing
            raise
        except KeyWrong as error:
            if not self._is_whole(destination, kept):  # what tells for whom it is was damaged
                raise _changed(kept) from error
            raise

    def _is_whole(self, destination: Destination, kept: Kept) -> bool:
        """Whether the file lies there as it was put there, sealed as it is."""
        record, digest = self._backups.record(destination.target, kept.sha256), hashlib.sha256()
        with destination.place.open(kept.path) as source:
            while block := source.read(BLOCK_BYTES):
                digest.update(block)
        return record is not None and record.stored_sha256 == digest.hexdigest()

    def _reached(self) -> Destination:
        if self._destination is None:
            target = self._backups.target(self._settings.backup.address)
            if target is None:
                raise BackupAway(
                    f"Nothing was ever backed up to {readable(self._settings.backup.address)}."
                )
            destination = Destination(
                self._settings, self._state, backups=self._backups, target=target
            )
            destination.look()
            self._destination = destination
        return self._destination

    def _keys(self, destination: Destination) -> list[Any]:
        if self._identities is None:
            self._identities = destination.opening_keys()
        return self._identities


def checked(plain: BinaryIO, kept: Kept) -> BinaryIO:
    """``plain``, whose end is only reached if it is what was backed up; else BackupLost."""
    return io.BufferedReader(_Checked(plain, kept), BLOCK_BYTES)


def _changed(kept: Kept) -> BackupLost:
    return BackupLost(f"{readable(kept.path)} in the backup is not what was put there.")


class _Checked(io.RawIOBase):
    def __init__(self, plain: BinaryIO, kept: Kept) -> None:
        self._plain = plain
        self._kept = kept
        self._sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        into = memoryview(buffer).cast("B")
        some = self._plain.read(len(into))
        if not some and into and self._sha256.hexdigest() != self._kept.sha256:
            raise _changed(self._kept)
        self._sha256.update(some)
        into[: len(some)] = some
        return len(some)
