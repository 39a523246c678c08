"""What the doctor says of the second copy."""

from __future__ import annotations

from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from photosync import config
from photosync.app.backing import back_up
from photosync.app.backup_health import second_copy
from photosync.app.destination import Destination
from photosync.app.finding import Finding, Verdict
from photosync.app.state import opened
from photosync.backup.keys import new_identity
from photosync.errors import BackupAway, KeyMissing, KeyWrong
from photosync.store.backups import Backups

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "config.toml"
    file.write_text(f'state_dir = "state"\n[backup]\nto = "{tmp_path / "disk"}"\n')
    (tmp_path / "disk").mkdir()
    return config.load(file, {"HOME": str(tmp_path)})


def with_backup(settings: Settings, **changed: Any) -> Settings:
    return replace(settings, backup=replace(settings.backup, **changed))


def told(settings: Settings) -> list[Finding]:
    return list(second_copy(settings))


def test_without_one_nothing_is_said(settings: Settings) -> None:
    assert told(with_backup(settings, to="")) == []


def test_a_folder_that_can_be_reached(settings: Settings, tmp_path: Path) -> None:
    (one,) = told(settings)
    assert (one.verdict, one.message) == (Verdict.OK, f"{tmp_path / 'disk'} can be reached.")
    (tmp_path / "disk").rmdir()
    with pytest.raises(BackupAway, match="is not there"):
        told(settings)


def test_a_key_that_is_missing_wrong_or_for_all_to_read(settings: Settings) -> None:
    sealed = with_backup(settings, encrypt=True)
    with pytest.raises(KeyMissing):
        told(sealed)
    public = new_identity(sealed.backup.identity_file, now=1.8e9)
    assert told(sealed)[-1].message == "There is a key to seal and to open it with."
    assert {one.verdict for one in told(with_backup(sealed, recipients=(public,)))} == {Verdict.OK}
    other = str(pyrage.x25519.Identity.generate().to_public())
    with pytest.raises(KeyWrong):
        told(with_backup(sealed, recipients=(other,)))
    sealed.backup.identity_file.chmod(0o644)
    assert (told(sealed)[-1].verdict, told(sealed)[-1].hint[:9]) == (Verdict.NOTE, "chmod 600")
    sealed.backup.identity_file.unlink()
    assert "not opened" in told(with_backup(sealed, recipients=(other,)))[-1].message


def test_settings_with_a_password_are_not_for_everybody(settings: Settings) -> None:
    assert settings.file is not None
    settings.file.chmod(0o644)
    assert len(told(settings)) == 1
    found = told(with_backup(settings, options={"secret": "hidden"}))
    assert found[-1].hint.startswith("chmod o= ")
    assert "hidden" not in str(found)


def test_a_disk_that_is_away_after_it_was_written_to(settings: Settings, tmp_path: Path) -> None:
    halt: Event = Event()
    with opened(settings) as state:
        target = Backups(state.database).aim(settings.backup.address)
        Backups(state.database).note_mark(target, "mark")
    with pytest.raises(BackupAway, match="is missing"):
        told(settings)
    assert back_up(settings, stay=True, halt=halt).error is None, "nothing waits for it"


def test_a_passphrase_that_opens_nothing_is_told(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    sealed = with_backup(settings, encrypt=True, passphrase_file=file)
    with opened(sealed) as state:
        backups = Backups(state.database)
        target = backups.aim(sealed.backup.address)
        Destination(sealed, state, backups=backups, target=target).ready()
    assert told(sealed)[-1].message == "There is a key to seal and to open it with."
    file.write_text("another horse\n")
    wrong = told(sealed)[-1]
    assert (wrong.verdict, wrong.message[:28]) == (Verdict.BAD, "The passphrase does not open")
    file.unlink()
    missing = told(sealed)[-1]
    assert missing.verdict == Verdict.BAD
    assert "where the passphrase" in missing.message
    assert "--new-key" not in missing.hint, "that makes no passphrase"
