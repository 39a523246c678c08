from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import pytest

from photosync import config
from photosync.app.building import running
from photosync.app.mirrors import place_of
from photosync.app.phones import PhoneSide
from photosync.app.state import MIRROR_MADE, opened
from photosync.app.watched import _labels
from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.states import State
from photosync.errors import DiskFull, MirrorAway, MirrorFull, SettingsError, SignInRequired
from photosync.files.mirroring import MirrorDisk
from photosync.stages.mirror import Mirror
from photosync.store import overview, spending
from photosync.store.control import Problem
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.phone_folders import PhoneFolders
from photosync.store.sources import Sources
from photosync.store.spending import Spending

if TYPE_CHECKING:
    from photosync.config import Settings


def settings_of(folder: Path, *pictures: str) -> Settings:
    file = folder / "config.toml"
    listed = "".join(f'[[folder]]\npath = "{one}"\n' for one in pictures)
    file.write_text(
        'state_dir = "state"\n[google]\napi_url = "http://127.0.0.1:9"\n'
        f"[phone]\nenabled = false\n[web]\nenabled = false\n{listed}",
        "utf-8",
    )
    return config.load(file, {"HOME": str(folder)})


def test_labels_are_short_and_differ() -> None:
    paths = [Path("/a/x/DCIM"), Path("/b/x/DCIM"), Path("/c/Pictures"), Path("/b/y/DCIM")]
    assert _labels(paths) == ["a/x/DCIM", "b/x/DCIM", "Pictures", "y/DCIM"]
    assert _labels([]) == []


def test_there_has_to_be_a_folder(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match="names no folder"),
        running(settings_of(tmp_path), once=True, halt=Event()),
    ):
        pass


def test_there_has_to_be_a_token(tmp_path: Path) -> None:
    with (
        pytest.raises(SignInRequired, match="is not signed in"),
        running(settings_of(tmp_path, "pictures"), once=True, halt=Event()),
    ):
        pass


def test_photos_of_a_folder_that_left_the_settings_are_told_of(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "new")
    (tmp_path / "new").mkdir()
    with opened(settings) as state:
        old = Sources(state.database).register(
            SourceKind.FOLDER, str(tmp_path / "old"), label="old", album=""
        )
        Sources(state.database).set_connected(old.id, connected=True, now=1)
        Intake(state.database).add(
            old.id, [Finding("a.jpg", 5, 5, "image/jpeg")], first=State.FOUND, now=1
        )
        stale = Problem(
            "source_missing", "1", "x", "y", "source", needs_user=True, since=1, until=None
        )
        state.control.raise_problem(stale)
    settings.google.token_file.write_text("{}")

    with running(settings, once=True, halt=Event()) as supervisor:
        outcome = supervisor.run(once=True)

    assert (outcome.left, outcome.done, supervisor.was_stopped) == (0, 0, False)
    with opened(settings) as state:
        problems = state.control.problems()
        assert [one.code for one in problems] == ["source_dropped"]
        assert "1 of its photos" in problems[0].message
        assert [view.source.connected for view in state.overview.sources()] == [False, True]


def test_a_run_to_the_end_ends_though_a_worker_cannot_do_what_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, "new")
    (tmp_path / "new").mkdir()
    (tmp_path / "new/a.jpg").write_bytes(b"\xff\xd8\xff" + bytes(100))
    os.utime(tmp_path / "new/a.jpg", (1, 1))
    with opened(settings):
        settings.google.token_file.write_text("{}")

    def full(_: Mirror) -> bool:
        raise MirrorFull("The disk is full.")

    monkeypatch.setattr(Mirror, "run_once", full)
    monkeypatch.setattr("photosync.daemon.supervisor.STUCK_SECONDS", 0.1)
    with running(settings, once=True, halt=Event()) as supervisor:
        outcome = supervisor.run(once=True)
    assert outcome.left == 1
    with opened(settings) as state:
        assert [one.code for one in state.control.problems()] == ["mirror_full"]


def test_a_run_to_the_end_ends_when_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(tmp_path, "new")
    (tmp_path / "new").mkdir()
    with opened(settings):
        settings.google.token_file.write_text("{}")

    def full(_: Overview) -> None:
        raise DiskFull("The disk is full.")

    monkeypatch.setattr(Overview, "in_hand", full)
    monkeypatch.setattr("photosync.daemon.supervisor.SOON_SECONDS", 0.1)
    with (
        running(settings, once=True, halt=Event()) as supervisor,
        pytest.raises(DiskFull, match="is full"),
    ):
        supervisor.run(once=True)


@pytest.mark.parametrize(("limit", "said", "left"), [(10, False, 0), (5, False, 1), (10, True, 1)])
def test_a_raised_budget_opens_the_gate_that_our_own_count_shut(
    tmp_path: Path, limit: int, said: bool, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = "2026-11-23"
    for module in (spending, overview):  # it does not end while this runs
        monkeypatch.setattr(module, "google_day", lambda _now: day)
    settings = settings_of(tmp_path, "new")
    settings = replace(settings, google=replace(settings.google, daily_requests=limit))
    with opened(settings) as state:
        settings.google.token_file.write_text("{}")
        ledger = Spending(state.database, daily=10, per_minute=30, clock=state.clock)
        for _ in range(5):
            ledger.spend("upload")
        if said:
            state.database.run("UPDATE quota_days SET spent_at = 1 WHERE day = :day", {"day": day})
        state.control.raise_problem(
            Problem("quota_exhausted", "", "x", "y", "library", needs_user=False, since=1, until=2)
        )
    with running(settings, once=True, halt=Event()), opened(settings) as state:
        assert len([one for one in state.control.problems() if one.gate == "library"]) == left


def phone_settings(folder: Path, *lines: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(
        'state_dir = "state"\n[google]\napi_url = "http://127.0.0.1:9"\n'
        + "\n".join(["[phone]", "adb_port = 9", *lines]),
        "utf-8",
    )
    return config.load(file, {"HOME": str(folder)})


def test_what_waits_from_a_folder_that_left_the_settings_is_left_out(tmp_path: Path) -> None:
    settings = phone_settings(tmp_path, 'folders = ["DCIM"]')
    with opened(settings) as state:
        settings.google.token_file.write_text("{}")
        phone = Sources(state.database).register(SourceKind.PHONE, "R58M", label="Pixel", album="")
        PhoneFolders(state.database).seen(phone.id, [("Fun", 1, 1, 1)], choice="new", now=1)
        PhoneFolders(state.database).choose(phone.id, ["Fun"], choice="take", now=1)
        paths = ("DCIM/Camera/a.jpg", "Pictures/private.jpg", "Fun/b.jpg")
        files = [Finding(path, 5, 5, "image/jpeg") for path in paths]
        Intake(state.database).add(phone.id, files, first=State.FOUND, now=1)
    with running(settings, once=True, halt=Event()), opened(settings) as state:
        states = {one.source_path: one.state for one in state.overview.items(limit=9)}
    assert states == {
        "DCIM/Camera/a.jpg": State.FOUND,
        "Pictures/private.jpg": State.SKIPPED,
        "Fun/b.jpg": State.FOUND,
    }


@pytest.mark.parametrize(("waits", "refused"), [(True, True), (False, False)])
def test_a_mirror_is_not_left_behind_with_copies_that_wait(
    tmp_path: Path, waits: bool, refused: bool
) -> None:
    settings = phone_settings(tmp_path, f'[mirror]\npath = "{tmp_path / "new"}"\nmin_free = 0')
    with opened(settings) as state:
        settings.google.token_file.write_text("{}")
        state.control.set_flag(MIRROR_MADE, str(tmp_path / "old"), now=1)
        phone = Sources(state.database).register(SourceKind.PHONE, "R58M", label="Pixel", album="")
        Sources(state.database).set_connected(phone.id, connected=True, now=1)
        files = [Finding("DCIM/a.jpg", 5, 5, "image/jpeg")]
        Intake(state.database).add(phone.id, files, first=State.FOUND, now=1)
        if waits:
            items = MediaItems(state.database)
            (item,) = items.claim(State.FOUND, worker="w", now=2)
            hashes = Hashes(5, "0" * 64, "0" * 40)
            items.mark_hashed(
                item, hashes, album="", taken_at=None, mirror_path="Pixel/a.jpg", now=2
            )
    built = []
    made = MirrorDisk.__init__

    def remember(self: MirrorDisk, *arguments: Any, **more: Any) -> None:
        made(self, *arguments, **more)
        built.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MirrorDisk, "__init__", remember)
        with running(settings, once=True, halt=Event()):
            pass
    (disk,) = built
    if refused:
        with pytest.raises(MirrorAway, match="still to be uploaded"):
            disk.prepare(known=False)
    else:
        disk.prepare(known=False)
    assert (tmp_path / "new").exists() is not refused


def test_copies_that_a_changed_setting_left_behind_are_told_of(tmp_path: Path) -> None:
    nobody = cast("Any", None)
    with opened(phone_settings(tmp_path)) as state:

        def prepared(name: str) -> list[str]:
            disk = MirrorDisk(tmp_path / name, least_free_bytes=0)
            side = PhoneSide(nobody, nobody, nobody, disk, state.control, lambda: 1.0)
            assert side.prepared(lambda: True)()
            return [one.message for one in state.control.problems()]

        def place(name: str) -> str | None:
            found = place_of(state.control, tmp_path / name, "Pixel/a.jpg")
            return None if found is None else str(found.relative_to(tmp_path))

        assert prepared("a") == []
        assert prepared("b") == [], "there were no copies"
        (tmp_path / "a/Pixel").mkdir()
        (tmp_path / "a/Pixel/a.jpg").write_bytes(b"x")
        (told,) = prepared("b")
        assert told.startswith(f"Copies of photos lie in {tmp_path / 'a'},")
        assert prepared("b") == [told]
        assert place("b") == "a/Pixel/a.jpg"
        (tmp_path / "a/Pixel").rename(tmp_path / "b/Pixel")
        assert prepared("b") == []
        assert place("b") == "b/Pixel/a.jpg"
        (tmp_path / "b").rename(tmp_path / "c")
        assert place("b") is None


def test_a_mirror_that_the_settings_come_back_to_may_be_unmounted(tmp_path: Path) -> None:
    settings, nobody = phone_settings(tmp_path), cast("Any", None)
    with opened(settings) as state:
        for name in ("a", "b"):
            disk = MirrorDisk(tmp_path / name, least_free_bytes=0)
            side = PhoneSide(nobody, nobody, nobody, disk, state.control, lambda: 1.0)
            assert side.prepared(lambda: True)()
        (tmp_path / "a").rename(tmp_path / "unmounted")
        back = MirrorDisk(tmp_path / "a", least_free_bytes=0)
        side = PhoneSide(nobody, nobody, nobody, back, state.control, lambda: 1.0)
        with pytest.raises(MirrorAway):
            side.prepared(lambda: True)()
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("", False),
        ('serials = ["R58M"]', False),
        ('serials = ["X"]', True),
        ("enabled=false", True),
    ],
)
def test_photos_of_a_phone_that_left_the_settings_are_told_of(
    tmp_path: Path, line: str, told: bool
) -> None:
    (tmp_path / "Pictures").mkdir()
    settings = phone_settings(tmp_path, line, f'[[folder]]\npath = "{tmp_path / "Pictures"}"')
    with opened(settings) as state:
        settings.google.token_file.write_text("{}")
        phone = Sources(state.database).register(SourceKind.PHONE, "R58M", label="Pixel", album="")
        files = [Finding("DCIM/a.jpg", 5, 5, "image/jpeg")]
        Intake(state.database).add(phone.id, files, first=State.FOUND, now=1)
    with running(settings, once=True, halt=Event()), opened(settings) as state:
        words = [one.message for one in state.control.problems() if one.code == "source_dropped"]
    sentence = (
        "The phone Pixel is no longer in the settings, though 1 of its photos are not backed up."
    )
    assert words == [sentence] * told
