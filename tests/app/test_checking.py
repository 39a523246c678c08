"""What ``config check`` and ``config show`` know beyond the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from photosync import config
from photosync.app.checking import check_keys, in_force
from photosync.app.signing_in import KEPT_CLIENT
from photosync.app.state import opened
from photosync.domain.media import SourceKind
from photosync.errors import SettingsError
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings

GOOD = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def load(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(f'state_dir = "state"\n{text}\n')
    return config.load(file, {"HOME": str(folder)})


def refusal(folder: Path, text: str) -> str:
    settings = load(folder, f"[backup]\n{text}")
    with pytest.raises(SettingsError) as caught:
        check_keys(settings, {})
    return caught.value.message


def test_public_keys_that_are_none_are_named_one_by_one(tmp_path: Path) -> None:
    check_keys(load(tmp_path, f'[backup]\nrecipients = ["{GOOD}"]'), {})
    wrong = f"{GOOD[:-1]}q"
    told = refusal(tmp_path, f'recipients = ["{GOOD}", "{wrong}", "ssh-ed25519 AAAA"]')
    assert "There are 2 mistakes" in told
    assert "backup.recipients[2]: it is no public key (copy it anew" in told
    assert "backup.recipients[3]: it is no public key" in told
    assert wrong not in told, "it may be half of a secret"


def test_a_passphrase_has_to_be_there_and_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "words"
    named = 'passphrase_file = "words"'
    place = f'{tmp_path}/config.toml: backup.passphrase_file = "{file}"'
    assert refusal(tmp_path, named) == (
        f"In {place}: there is no such file (write the passphrase into it, and: chmod 600 {file})."
    )
    file.write_text("\n")
    file.chmod(0o600)
    assert refusal(tmp_path, named) == (
        f"In {place}: it is empty (write the passphrase into its first line)."
    )
    file.write_text("correct horse\n")
    check_keys(load(tmp_path, f"[backup]\n{named}"), {})
    file.chmod(0o640)
    assert refusal(tmp_path, named) == (
        f"In {place}: others on this computer may read it (chmod 600 {file})."
    )


def shown(settings: Settings) -> dict[str, tuple[str, str]]:
    return {one.key: (one.toml, one.origin) for one in in_force(settings, {})}


def test_what_the_page_overrules_is_shown_as_the_pages(tmp_path: Path) -> None:
    settings = load(tmp_path, '[[folder]]\npath = "a"\n[[folder]]\npath = "b"\nmode = "auto"')
    assert shown(settings)["folder[2].mode"] == ('"auto"', "file")
    with opened(settings) as state:
        sources, choices = Sources(state.database), SourceChoices(state.database)
        for name in ("a", "b"):
            kind, address = SourceKind.FOLDER, str(tmp_path / name)
            choices.set_mode(sources.register(kind, address, label=name, album="").id, "manual")
        phone = sources.register(SourceKind.PHONE, "R58", label="Pixel", album="")
        choices.set_mode(phone.id, "auto")
        choices.set_left(phone.id, is_left=True)
    found = shown(settings)
    assert found["folder[1].mode"] == found["folder[2].mode"] == ('"manual"', "page")
    assert found['phone.mode of "Pixel"'] == ('"auto"', "page")
    assert found['phone of "Pixel"'] == ('"switched off: nothing new is taken"', "page")


def test_values_are_shown_as_they_may_be_written_and_unset_ones_as_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, '[[folder]]\npath = "a"\n[upload]\nfix_dates = false')
    found = shown(settings)
    assert found["folder[1].path"] == (f'"{tmp_path}/a"', "file")
    assert found["folder[1].album"] == ('""', "default")
    assert found["upload.fix_dates"] == ("false", "file")
    assert found["web.enabled"] == ("true", "default")
    assert found["upload.workers"] == ("4", "default")
    assert found["mirror.min_free"] == ('"2 GiB"', "default")
    assert found["select.include"] == ("[]", "default")
    variable = {"PHOTOSYNC_FOLDER": f'[{{"path": "{tmp_path}/c", "album": "C"}}]'}
    told = {
        one.key: (one.toml, one.origin)
        for one in config.shown(config.load(settings.file, variable), variable)
    }
    assert told["folder[1].album"] == ('"C"', "environment PHOTOSYNC_FOLDER")


def test_the_client_is_shown_where_it_lies(tmp_path: Path) -> None:
    """``auth --client-secret`` keeps a copy; one where the settings name it comes first."""
    settings = load(tmp_path, "")
    key = "google.client_secret_file"
    named, kept = tmp_path / "client_secret.json", tmp_path / "state" / KEPT_CLIENT
    assert shown(settings)[key] == (f'"{named}"', "default")
    kept.parent.mkdir()
    kept.write_text("{}")
    assert shown(settings)[key] == (f'"{kept}"', "auth")
    named.write_text("{}")
    assert shown(settings)[key] == (f'"{named}"', "default")
