"""What is not taken any more is not sent, though Google might take it a day later."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from photosync import config
from photosync.app.building import running
from photosync.app.state import opened
from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.states import State
from photosync.store.choices import Choices
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.phone_folders import PhoneFolders
from photosync.store.source_choices import SourceChoices
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.app.state import State as OpenState
    from photosync.config import Settings

NAMES = ("a.jpg", "b.jpg")


def settings_of(folder: Path, select: str = "", *, phones: bool = True) -> Settings:
    (folder / "pictures").mkdir(exist_ok=True)
    file = folder / "config.toml"
    file.write_text(
        'state_dir = "state"\n[google]\napi_url = "http://127.0.0.1:9"\n'
        f"[web]\nenabled = false\n[phone]\nenabled = {str(phones).lower()}\n"
        f'[select]\n{select}\n[[folder]]\npath = "pictures"\n',
        "utf-8",
    )
    return config.load(file, {"HOME": str(folder)})


def refused(state: OpenState, kind: SourceKind, address: str, *names: str) -> list[int]:
    """Files that Google refused long ago; a phone's were copied before."""
    items = MediaItems(state.database)
    source = Sources(state.database).register(kind, address, label=address, album="")
    Sources(state.database).set_connected(source.id, connected=True, now=1)
    findings = [Finding(name, 5, 5, "image/jpeg") for name in names]
    Intake(state.database).add(source.id, findings, first=State.FOUND, now=1)
    for item in items.claim(State.FOUND, worker="w", now=1, limit=9):
        hashes = Hashes(5, f"{item.id:064x}", f"{item.id:040x}")
        copy = item.source_path if kind == SourceKind.PHONE else None
        items.mark_hashed(item, hashes, album="", taken_at=None, mirror_path=copy, now=1)
    for item in items.claim(State.MIRRORED, worker="w", now=1, limit=9):
        items.fail(item, code="refused", message="no", now=1)
    overview = Overview(state.database)
    return [overview.items_at(source.id, name)[0].id for name in names]


def states_after_start(settings: Settings, ids: list[int]) -> list[State]:
    settings.google.token_file.write_text("{}")
    with running(settings, once=True, halt=Event()), opened(settings) as state:
        return [Overview(state.database).item(one).state for one in ids]


@pytest.mark.parametrize("is_left", [False, True])
def test_a_folder_that_was_switched_off(tmp_path: Path, *, is_left: bool) -> None:
    settings = settings_of(tmp_path)
    with opened(settings) as state:
        ids = refused(state, SourceKind.FOLDER, str(tmp_path / "pictures"), "a.jpg")
        (source,) = Sources(state.database).all()
        SourceChoices(state.database).set_left(source.id, is_left=is_left)
    expected = State.SKIPPED if is_left else State.MIRRORED
    assert states_after_start(settings, ids) == [expected]


@pytest.mark.parametrize(
    ("select", "b"), [("", State.MIRRORED), ('exclude = ["b*"]', State.SKIPPED)]
)
def test_what_the_settings_leave_out_by_now(tmp_path: Path, select: str, b: Any) -> None:
    """They did already when photosync was last started: nothing is held against them anew."""
    settings = settings_of(tmp_path, select)
    settings.google.token_file.parent.mkdir(parents=True, exist_ok=True)
    assert states_after_start(settings, []) == []
    with opened(settings) as state:
        ids = refused(state, SourceKind.FOLDER, str(tmp_path / "pictures"), *NAMES)
    assert states_after_start(settings, ids) == [State.MIRRORED, b]


@pytest.mark.parametrize("phones", [True, False])
def test_a_folder_of_a_phone_that_is_left(tmp_path: Path, *, phones: bool) -> None:
    """Also if phones were switched off since: copies that are there are sent all the same."""
    settings = settings_of(tmp_path, phones=phones)
    with opened(settings) as state:
        paths = ("DCIM/Camera/a.jpg", "Pictures/Private/b.jpg")
        ids = refused(state, SourceKind.PHONE, "SERIAL", *paths)
        (phone,) = Sources(state.database).all()
        PhoneFolders(state.database).choose(phone.id, ["Pictures/Private"], choice="leave", now=1)
    assert states_after_start(settings, ids) == [State.MIRRORED, State.SKIPPED]


def test_what_the_user_chose_is_sent_whatever_the_settings_leave_out(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 'exclude = ["*.jpg"]')
    settings.google.token_file.parent.mkdir(parents=True, exist_ok=True)
    assert states_after_start(settings, []) == []
    with opened(settings) as state:
        address = str(tmp_path / "pictures")
        source = Sources(state.database).register(
            SourceKind.FOLDER, address, label=address, album=""
        )
        findings = [Finding(name, 5, 5, "image/jpeg") for name in NAMES]
        Intake(state.database).add(source.id, findings, first=State.HELD, now=1)
        a = Overview(state.database).items_at(source.id, "a.jpg")[0]
        Choices(state.database).choose([a.id], now=1)
        ids = refused(state, SourceKind.FOLDER, address, "a.jpg")
    assert states_after_start(settings, ids) == [State.MIRRORED]


def test_a_folder_that_left_the_settings(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    with opened(settings) as state:
        ids = refused(state, SourceKind.FOLDER, str(tmp_path / "old"), "a.jpg")
    assert states_after_start(settings, ids) == [State.FAILED]


def test_folders_of_phones_that_are_switched_off_may_have_left_the_settings(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, phones=False)
    with opened(settings) as state:
        ids = refused(state, SourceKind.PHONE, "SERIAL", "Own/a.jpg")
    assert states_after_start(settings, ids) == [State.MIRRORED]
