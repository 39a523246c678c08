"""What the doctor says of the second copy."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from photosync.app.destination import Destination
from photosync.app.exposed import exposed
from photosync.app.finding import Finding, Verdict, of
from photosync.app.state import looked_at
from photosync.backup import keys as key_files
from photosync.backup.places import place_of
from photosync.domain.backups import RESEAL_HINT
from photosync.domain.media import readable
from photosync.errors import BackupAway, KeyMissing, KeyWrong
from photosync.store.backups import Backups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.config import Settings
    from photosync.errors import PhotosyncError


def second_copy(settings: Settings) -> Iterator[Finding]:
    """Whether the target can be reached and written, and sealed for; nothing without a target."""
    backup, about = settings.backup, "second copy"
    if not backup.to:
        return
    told, trouble = "", None
    with looked_at(settings) as state:
        known = None if state is None else Backups(state.database).target(backup.address)
        if state is not None and known is not None and known.mark is not None:
            destination = Destination(
                settings, state, backups=Backups(state.database), target=known
            )
            destination.look()
            words = f"is there; it holds {destination.backups.tally(backup.address).items:,}"
            told = exposed(settings, state).words()
            trouble = _passphrase_trouble(destination) if backup.encrypt else None
        else:
            words = "can be reached"
            _place(settings)
    yield Finding(about, Verdict.OK, f"{readable(backup.address)} {words}.")
    if told:
        yield Finding(about, Verdict.NOTE, told, RESEAL_HINT)
    if trouble is not None:
        yield of(about, trouble)
    elif backup.encrypt:
        yield _key(settings)
    yield from _secrets(settings)


def _passphrase_trouble(destination: Destination) -> PhotosyncError | None:
    """Why the passphrase does not open what lies there, if it does not."""
    try:
        destination.try_passphrase()
    except (KeyMissing, KeyWrong) as error:
        return error
    return None


def _secrets(settings: Settings) -> Iterator[Finding]:
    """Whether others can read what lets photosync in there."""
    file, backup = settings.file, settings.backup
    holds = bool(backup.options) or ("://" in backup.to and backup.address != backup.to.rstrip("/"))
    if holds and file is not None and file.stat().st_mode & 0o004:
        name = shlex.quote(str(file))
        message = f"{name} may hold a password for the second copy, and everybody here can read it."
        yield Finding("second copy", Verdict.NOTE, message, f"chmod o= {name}")


def _place(settings: Settings) -> None:
    place = place_of(settings.backup)
    place.check()
    if place.is_local and not os.access(Path(settings.backup.to), os.W_OK | os.X_OK):
        raise BackupAway(
            f"{place.name} cannot be written.",
            hint="Let the user that runs photosync write there, or set another backup.to.",
        )


def _key(settings: Settings) -> Finding:
    backup = settings.backup
    identities = []
    if backup.identity_file.exists():
        identities = key_files.read_identities(backup.identity_file)
        if backup.identity_file.stat().st_mode & 0o077:
            name = readable(str(backup.identity_file))
            message = f"The key {name} can be read by others on this computer."
            return Finding("second copy", Verdict.NOTE, message, f"chmod 600 {name}")
    recipients = key_files.read_recipients(backup.recipients)
    key_files.require_match(key_files.Keys(recipients, identities))
    if backup.passphrase_file is not None:
        key_files.read_passphrase(backup.passphrase_file)
    if not identities and not recipients and backup.passphrase_file is None:
        raise KeyMissing("backup.encrypt is on, and there is no key to seal with.")
    if not identities and backup.passphrase_file is None:
        message = "It can be sealed, but not opened: the secret key is not on this computer."
        return Finding("second copy", Verdict.OK, message)
    return Finding("second copy", Verdict.OK, "There is a key to seal and to open it with.")
