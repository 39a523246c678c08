"""The target of backups with its keys, as the settings name them: made ready when it is needed."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from photosync.backup import keys as key_files
from photosync.backup import places
from photosync.backup.indexing import read_index, time_for_index
from photosync.backup.keys import Keys
from photosync.backup.sealing import SUFFIX
from photosync.domain.media import readable
from photosync.errors import BackupAway, KeyMissing, PhotosyncError
from photosync.store.backups import Backups
from photosync.store.resealing import Reseals

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.app.state import State
    from photosync.backup.places import Place
    from photosync.config import Settings
    from photosync.store.backups import Target

log = logging.getLogger(__name__)

KEY_FLAG = "backup_key:"


class Destination:
    """One target. Nothing is asked of the place itself before ``ready``.

    ``owner`` tells this photosync from others that write there; needed by those who write.
    """

    def __init__(
        self,
        settings: Settings,
        state: State,
        *,
        backups: Backups,
        target: Target,
        owner: str = "",
    ) -> None:
        self._settings = settings
        self._state = state
        self.backups = backups
        self.target = target
        self.place: Place = places.place_of(settings.backup, owner)
        self._keys: Keys | None = None
        self._unlocked: Any = None

    def ready(self) -> Keys:
        """See to it that the place is there, is ours, and can be sealed for; the keys for that.

        What lies there already, made by another photosync or before the state was lost, is
        taken over.

        Raises:
            BackupAway, BackupFull, KeyMissing, KeyWrong, SettingsError.
        """
        mark, was_there = places.prepare(self.place, self.target.mark)
        if self._keys is None:
            self._keys = self._sealing_keys(mark)
            self._note_keys(self._keys)
        if self.target.mark is None:
            if was_there:
                self.adopt()
            self._note_mark(mark)
        return self._keys

    def _note_keys(self, keys: Keys) -> None:
        if keys.seals:
            now = time_for_index(self.place, self._state.now())  # all there are were before
            Reseals(self._state.database).note_keys(self.target, keys.sealed_for, now=now)

    def _note_mark(self, mark: str) -> None:
        self.backups.note_mark(self.target, mark)
        self.target = self.target.marked(mark)

    def look(self) -> None:
        """See to it that the place is there, without ever writing to it.

        What lies there is taken over if nothing is on record of it.

        Raises:
            BackupAway: It is not, or nothing was ever put there.
            KeyMissing, KeyWrong: Its index is sealed, and cannot be opened.
        """
        if self.target.mark is None:
            self.place.check()
            if self.place.get(places.MARK) is None:
                raise BackupAway(f"There is no backup at {self.place.name} yet.")
        mark, _ = places.prepare(self.place, self.target.mark)
        if self.target.mark is None:
            self.adopt()
            self._note_mark(mark)

    def opening_keys(self) -> list[Any]:
        """All secret keys that are here.

        Raises:
            KeyMissing: There is none.
            KeyWrong: One cannot be read, or the passphrase is another.
        """
        backup = self._settings.backup
        found = []
        if backup.identity_file.exists():
            found += key_files.read_identities(backup.identity_file)
        if backup.passphrase_file is not None and not (found and self._is_unlocked_by_none()):
            found.append(self._unlock(backup.passphrase_file))
        if not found:
            raise KeyMissing(
                f"The second copy is encrypted, and its key {readable(str(backup.identity_file))}"
                " is not here.",
                hint="Bring it back from where you stored it, or name it: backup.identity_file.",
            )
        return found

    def _is_unlocked_by_none(self) -> bool:
        """Whether no passphrase was ever used there, so that none is needed to open it."""
        return self._unlocked is None and self.place.get(places.KEY) is None

    def try_passphrase(self) -> None:
        """See to it that the passphrase opens the key that lies there, if one does.

        One that was tried before, and did not change since, is not tried again: that takes a
        second.

        Raises:
            KeyMissing: Its file is not here, or is empty.
            KeyWrong: It is another.
        """
        file = self._settings.backup.passphrase_file
        if file is None or self.place.get(places.KEY) is None:
            return
        if self._known_passphrase(self.target.mark or "").get("stamp") != _stamp(file):
            self._unlock(file)

    def _known_passphrase(self, mark: str) -> dict[str, str]:
        told = self._state.control.flag(f"{KEY_FLAG}{mark}")
        known: dict[str, str] = {} if told is None else json.loads(told)
        return known

    def _sealing_keys(self, mark: str) -> Keys:
        backup = self._settings.backup
        if not backup.encrypt:
            return Keys()
        identities = []
        if backup.identity_file.exists():
            identities = key_files.read_identities(backup.identity_file)
        recipients = key_files.read_recipients(backup.recipients)
        key_files.require_match(Keys(recipients, identities))
        publics = list(backup.recipients)
        if not recipients:
            recipients = key_files.public_of(identities)
            publics = [str(one) for one in recipients]
        if backup.passphrase_file is not None:
            recipients.append(self._passphrase_key(backup.passphrase_file, mark))
            publics.append(str(recipients[-1]))
        if not recipients:
            raise KeyMissing("backup.encrypt is on, and there is no key to seal with.")
        return Keys(recipients, identities, key_files.digest_of(publics))

    def _passphrase_key(self, file: Path, mark: str) -> Any:
        """The public key of what the passphrase opens; made with the first backup.

        It is looked into again only if the passphrase's file changed: that takes a second.
        """
        known = self._known_passphrase(mark)
        stamp = _stamp(file)
        if self.place.get(places.KEY) is None:
            self._bring_key(file, mark)
        elif known.get("stamp") == stamp:
            return key_files.read_recipients([known["public"]])[0]
        public = self._unlock(file).to_public()
        value = json.dumps({"public": str(public), "stamp": stamp})
        self._state.control.set_flag(f"{KEY_FLAG}{mark}", value, now=self._state.now())
        return public

    def _bring_key(self, file: Path, mark: str) -> None:
        """The sealed key, new or from where we kept it, for without it nothing opens."""
        own = self._settings.state_dir / f"backup-key-{mark}.age"
        if own.exists():
            sealed = own.read_bytes()
        else:
            sealed, self._unlocked = key_files.lock_new(key_files.read_passphrase(file))
            key_files.write_new(own, sealed)
        self.place.put(places.KEY, sealed)

    def _unlock(self, file: Path) -> Any:
        if self._unlocked is None:
            sealed = self.place.get(places.KEY)
            if sealed is None:
                raise KeyMissing(f"There is no {places.KEY} at {self.place.name}.")
            self._unlocked = key_files.unlock(sealed, key_files.read_passphrase(file))
        return self._unlocked

    def adopt(self) -> None:
        """What the place's own index tells of, as far as it lies there in that size."""
        lies = dict(self.place.walk())
        taken = told = 0
        if any(not name.endswith(SUFFIX) for name in self.place.names(places.INDEX)):
            Reseals(self._state.database).note_old_index(self.target, has=True)
        for records in read_index(self.place, self.opening_keys):
            there = [one for one in records if lies.get(one.path) == one.stored_bytes]
            told += len(records)
            taken += self.backups.adopt(self.target, there)
        self.backups.forget_kept(self.target)
        log.info("backup.taken_over told=%d taken=%d", told, taken)


def is_away(settings: Settings, state: State) -> bool:
    """Whether the folder that the settings name is not the one that was written to, or not there.

    Looks without ever writing.
    """
    target = Backups(state.database).target(settings.backup.address)
    place = places.place_of(settings.backup)
    try:
        if target is None or target.mark is None:
            place.check()
        else:
            places.prepare(place, target.mark)
    except PhotosyncError:
        return True
    return False


def _stamp(file: Path) -> str:
    try:
        found = file.stat()
    except OSError as error:
        raise key_files.no_passphrase(file) from error
    return f"{found.st_mtime_ns}:{found.st_size}"
