"""Each thing that a run needs, taken away in turn."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from photosync import config
from photosync.app import doctor, machine, service
from photosync.app.doctor import examine
from photosync.app.finding import Finding, Verdict, of, worst
from photosync.app.looking import PhoneLine
from photosync.app.state import MIRROR_MADE, opened
from photosync.daemon import lock
from photosync.domain.media import Finding as Found
from photosync.domain.media import SourceKind
from photosync.domain.states import State
from photosync.emulator.server import Emulator
from photosync.errors import (
    AdbMissing,
    ApiNotEnabled,
    Offline,
    ScopeMissing,
    ServerTrouble,
    ServiceRefused,
    StorageFull,
)
from photosync.files.mirroring import MirrorDisk
from photosync.google.library import PhotosLibrary
from photosync.google.scopes import APPEND
from photosync.google.sign_in import SignedIn
from photosync.store import overview, spending
from photosync.store.control import Problem
from photosync.store.intake import Intake
from photosync.store.sources import Sources
from tests.samples import want_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.app.service import Place
    from photosync.config import Settings


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "google") as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, emulator: Emulator) -> Settings:
    (tmp_path / "Pictures").mkdir()
    (tmp_path / "Pictures/a.jpg").write_bytes(b"x")
    (tmp_path / "state").mkdir(mode=0o700)
    token = tmp_path / "state/token.json"
    token.write_text(json.dumps(emulator.grant()))
    token.chmod(0o600)
    file = tmp_path / "config.toml"
    file.write_text(
        f'state_dir = "state"\n[google]\napi_url = "{emulator.url}"\n[phone]\nenabled = false\n'
        f'[mirror]\npath = "{tmp_path / "mirror"}"\n[[folder]]\npath = "{tmp_path / "Pictures"}"\n'
    )
    return config.load(file, {"HOME": str(tmp_path)})


@pytest.fixture(autouse=True)
def without_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs where the tests do."""

    def look(_: Place) -> Any:
        raise ServiceRefused("There is no systemd.")

    monkeypatch.setattr(service, "look", look)


@pytest.fixture(autouse=True)
def one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Google's day does not end while a test runs."""
    for module in (spending, overview):
        monkeypatch.setattr(module, "google_day", lambda _now: "2026-11-23")


def test_a_service(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"unit": "photosync.service", "log": "journalctl", "installed": False}
    monkeypatch.setattr(service, "look", lambda _: told)
    (one,) = about(settings, "service")
    assert (one.verdict, one.hint) == (Verdict.NOTE, "photosync service install")
    told |= {"installed": True, "enabled": True, "active": "active"}
    assert {one.verdict for one in about(settings, "service")} == {Verdict.OK}
    told["active"] = "failed"
    assert {one.verdict for one in about(settings, "service")} == {Verdict.NOTE}


def found(settings: Settings) -> list[Finding]:
    return list(examine(settings, halt=Event()))


def bad(settings: Settings) -> list[Finding]:
    return [one for one in found(settings) if one.verdict is Verdict.BAD]


def about(settings: Settings, what: str) -> list[Finding]:
    return [one for one in found(settings) if one.about == what]


def test_who_is_told(settings: Settings) -> None:
    rules = replace(settings.notify, urls=("json://127.0.0.1:1/hush", "bogus://hush"))
    told = replace(settings, notify=replace(rules, ping="https://hc.example/hush"))
    assert told.file is not None
    told.file.chmod(0o644)
    unknown, good, readable = about(told, "notices")
    assert (unknown.verdict, unknown.hint) == (Verdict.NOTE, "Mend it in notify.urls.")
    assert unknown.message.startswith("bogus://***: apprise knows no such kind")
    assert (good.verdict, good.message) == (
        Verdict.OK,
        "2 addresses are told when something needs you. To try: photosync notify",
    )
    assert (readable.verdict, readable.hint) == (Verdict.NOTE, f"chmod o= {told.file}")
    told.file.chmod(0o640)
    (one,) = about(replace(told, notify=replace(rules, urls=rules.urls[:1])), "notices")
    assert one.message.startswith("1 address is told")


def with_phones(settings: Settings) -> Settings:
    return replace(settings, phone=replace(settings.phone, enabled=True))


def test_where_everything_is_there_nothing_is_bad(settings: Settings, emulator: Emulator) -> None:
    want_exiftool()
    with opened(settings) as state:
        state.database.keep_copy("daily-1")
    findings = found(settings)
    assert worst(findings) is Verdict.NOTE
    assert {one.about for one in findings} == {
        "settings",
        "clock",
        "state folder",
        "database",
        "daemon",
        "folders",
        "watching",
        "phones",
        "dates",
        "notices",
        "sign-in",
        "Google Photos",
        "queue",
    }
    assert [one.message for one in findings if one.verdict is Verdict.NOTE] == [
        "It is not running.",
        "Nobody is told when something needs you.",
    ]
    assert emulator.library.items() == []


def test_one_request_is_spent_and_counted(settings: Settings) -> None:
    found(settings)
    with opened(settings) as state:
        assert state.overview.requests_by_kind(now=state.now()) == {"items": 1}


def test_without_asking_google(settings: Settings, emulator: Emulator) -> None:
    emulator.requests.clear()
    findings = list(examine(settings, halt=Event(), offline=True))
    assert worst(findings) is Verdict.NOTE
    assert emulator.requests.count() == 0
    told = [one.message for one in findings if one.about in ("sign-in", "Google Photos")]
    assert "(--offline)" in told[0]
    token = json.loads(settings.google.token_file.read_text())
    settings.google.token_file.write_text(json.dumps({**token, "scopes": [APPEND]}))
    findings = list(examine(settings, halt=Event(), offline=True))
    (one,) = (one for one in findings if one.about == "sign-in")
    assert one.message.endswith("Not all permissions were given.")


def test_what_is_left_of_the_quota(settings: Settings) -> None:
    (one,) = about(settings, "Google Photos")
    assert "1 of 10,000 requests are used today, 9,999 are left" in one.message
    few = replace(settings, google=replace(settings.google, daily_requests=1))
    (one,) = (
        one for one in examine(few, halt=Event(), offline=True) if one.about == "Google Photos"
    )
    assert (one.verdict, "0 are left" in one.message) == (Verdict.NOTE, True)


def test_a_sign_in_that_ends_or_is_not_whole_is_told(
    settings: Settings, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.options.testing_mode = True
    settings.google.token_file.write_text(json.dumps(emulator.grant()))
    assert [one.verdict for one in about(settings, "sign-in")] == [Verdict.OK, Verdict.NOTE]
    assert "Testing" in about(settings, "sign-in")[1].message
    half = SignedIn((APPEND,), None, 3600.0)
    monkeypatch.setattr(doctor, "check_sign_in", lambda _: half)
    (one,) = about(settings, "sign-in")
    assert one.verdict is Verdict.NOTE
    (clock,) = bad(settings)
    assert clock.message == "It is 60 minutes ahead of Google's."


def test_what_passes_by_itself_failed_and_does_not_need_the_user() -> None:
    assert of("x", Offline("no network")).verdict is Verdict.FAILED
    assert of("x", ServerTrouble("busy")).verdict is Verdict.FAILED
    assert of("x", StorageFull("full")).verdict is Verdict.BAD
    assert worst([]) is Verdict.OK


def test_a_network_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "network_disk", lambda _: "nfs4")
    (one,) = bad(settings)
    assert (one.about, "(nfs4)" in one.message) == ("state folder", True)
    told = [one.verdict for one in about(settings, "watching")]
    assert told == [Verdict.NOTE, Verdict.OK]


def test_more_folders_than_the_kernel_watches(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Pictures/a/b").mkdir(parents=True)
    monkeypatch.setattr(machine, "most_watched", lambda: 3)
    (one,) = about(settings, "watching")
    assert (one.verdict, one.message.startswith("3 folders,")) == (Verdict.OK, True)
    (tmp_path / "Pictures/a/c").mkdir()
    (one,) = about(settings, "watching")
    assert (one.verdict, "sysctl" in one.hint) == (Verdict.NOTE, True)


def test_rules_of_udev(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "phone_lines", lambda _: [])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(machine, "RULES", (tmp_path / "nowhere", tmp_path))
    (tmp_path / "70-other.rules").write_text("nothing of the kind")
    (one,) = about(with_phones(settings), "udev")
    assert (one.verdict, "apt install" in one.hint) == (Verdict.NOTE, True)
    shutil.copy("config/51-photosync-android.rules", tmp_path)
    (one,) = about(with_phones(settings), "udev")
    assert one.verdict is Verdict.OK
    assert about(settings, "udev") == []


def test_nobody_has_signed_in(settings: Settings) -> None:
    settings.google.token_file.unlink()
    (one,) = bad(settings)
    assert one.about == "sign-in"
    assert "photosync auth" in one.hint


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(ApiNotEnabled("off"), Verdict.BAD), (ScopeMissing("not allowed"), Verdict.NOTE)],
)
def test_what_google_says(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: Exception, verdict: Verdict
) -> None:
    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(PhotosLibrary, "holds", refuse)
    (one,) = about(settings, "Google Photos")
    assert one.verdict is verdict


def test_a_damaged_page_and_the_way_back(settings: Settings) -> None:
    with opened(settings) as state:
        source = Sources(state.database).register(SourceKind.FOLDER, "/p", label="p", album="")
        files = [Found(f"{number:0200}.jpg", 5, 5, "image/jpeg") for number in range(500)]
        Intake(state.database).add(source.id, files, first=State.FOUND, now=1)
        copy = state.database.keep_copy("daily-1")
    file = settings.state_dir / "photosync.db"
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = bytes(4096)
    file.write_bytes(content)
    (one,) = bad(settings)
    assert one.about == "database"
    assert f"cp {copy} {file}" in one.hint


def test_counts_that_are_wrong_are_damage(settings: Settings) -> None:
    with opened(settings) as state:
        source = Sources(state.database).register(SourceKind.FOLDER, "/p", label="p", album="")
        Intake(state.database).add(
            source.id, [Found("a.jpg", 5, 5, "image/jpeg")], first=State.FOUND, now=1
        )
    with sqlite3.connect(settings.state_dir / "photosync.db") as connection:
        connection.execute("UPDATE tallies SET items = 7")
    (one,) = bad(settings)
    assert "its counts are not those of its items" in one.message


def test_a_copy_that_is_not_sound(settings: Settings) -> None:
    with opened(settings) as state:
        good, broken = state.database.keep_copy("daily-1"), state.database.keep_copy("daily-2")
    broken.write_bytes(b"no database")
    notes = [one for one in about(settings, "database") if one.verdict is Verdict.NOTE]
    assert [one.hint for one in notes] == [f"Remove it: rm {broken}"]
    good.unlink()
    assert any("no sound copy" in one.message for one in about(settings, "database"))


def test_a_running_daemon(settings: Settings) -> None:
    with lock.held(settings.state_dir, now=1):
        (one,) = about(settings, "daemon")
    assert one.message == f"It runs as process {os.getpid()}."


def test_a_folder_that_is_not_there(settings: Settings) -> None:
    shutil.rmtree(settings.folder[0].path)
    (one,) = bad(settings)
    assert one.about == "folders"
    settings.folder[0].path.mkdir()
    assert "It is empty." in about(settings, "folders")[0].message


def test_nothing_to_do_at_all(settings: Settings) -> None:
    (one,) = bad(replace(settings, folder=()))
    assert "nothing to do" in one.message


def test_adb_is_missing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Settings) -> None:
        raise AdbMissing("adb is not installed.")

    monkeypatch.setattr(doctor, "phone_lines", refuse)
    settings = with_phones(settings)
    assert [one.verdict for one in about(settings, "phones")] == [Verdict.NOTE]
    assert [one.about for one in bad(replace(settings, folder=()))] == ["phones"]


def test_phones(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        PhoneLine("A", "Pixel", "ready", "", wireless=False, taken=True),
        PhoneLine("B", "", "unauthorized", "Tap Allow.", wireless=False, taken=True),
        PhoneLine("C", "Other", "ready", "", wireless=False, taken=False),
    ]
    monkeypatch.setattr(doctor, "phone_lines", lambda _: lines)
    found = about(with_phones(settings), "phones")
    assert [(one.verdict, one.hint) for one in found] == [
        (Verdict.OK, ""),
        (Verdict.BAD, "Tap Allow."),
        (Verdict.NOTE, 'To back it up: add "C" to phone.serials.'),
    ]
    lines[:] = [PhoneLine("A", "Pixel", "away", "", wireless=False, taken=True)]
    assert "No phone" in about(with_phones(settings), "phones")[0].message
    wanted = with_phones(settings)
    wanted = replace(wanted, phone=replace(wanted.phone, serials=("A", "TYPO")))
    assert "No phone TYPO was ever here" in about(wanted, "phones")[1].message


def test_the_mirror(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "phone_lines", lambda _: [])
    settings = with_phones(settings)
    root = settings.mirror.path
    assert "will be made" in about(settings, "mirror")[0].message
    assert not root.exists()

    MirrorDisk(root, least_free_bytes=0).prepare(known=False)
    with opened(settings) as state:
        state.control.set_flag(MIRROR_MADE, str(root), now=1)
    assert "is there" in about(settings, "mirror")[0].message

    full = replace(settings, mirror=replace(settings.mirror, min_free=2**60))
    assert [one.about for one in bad(full)] == ["mirror"]
    with opened(settings) as state:
        phone = Sources(state.database).register_phone("R58M", label="Pixel")
        film = Found("DCIM/a.mp4", 1 << 60, 5, "video/mp4")
        Intake(state.database).add(phone.id, [film], first=State.FOUND, now=1)
    assert "too little for what waits" in bad(settings)[0].message
    root.rename(tmp_path / "away")
    (one,) = bad(settings)
    assert "is not there" in one.message

    elsewhere = replace(settings, mirror=replace(settings.mirror, path=Path("/proc/mirror")))
    monkeypatch.setattr(os, "access", lambda path, _mode: str(path) != "/proc")
    assert "/proc cannot be written" in bad(elsewhere)[0].message


def test_the_clock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "BEFORE_THIS_WAS_WRITTEN", 2**40)
    (one,) = bad(settings)
    assert "timedatectl" in one.hint


def test_a_disk_with_no_room(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_STATE_BYTES", 2**60)
    (one,) = bad(settings)
    assert one.about == "state folder"


def test_a_state_folder_that_is_open_to_others(settings: Settings) -> None:
    settings.state_dir.chmod(0o755)
    (one,) = about(settings, "state folder")
    assert (one.verdict, one.hint) == (Verdict.NOTE, f"Close it: chmod 700 {settings.state_dir}")


def test_what_status_would_say(settings: Settings) -> None:
    with opened(settings) as state:
        for code, needs_user in (("bug", False), ("storage_full", True), ("phone_offline", True)):
            state.control.raise_problem(
                Problem(code, "x", code, "hint", "", needs_user=needs_user, since=1, until=None)
            )
    told = {one.message: one.verdict for one in about(settings, "queue")}
    assert (told["bug"], told["storage_full"]) == (Verdict.NOTE, Verdict.BAD)
    assert "phone_offline" not in told


def test_it_ends_when_it_is_told_to(settings: Settings) -> None:
    halt = Event()
    halt.set()
    assert list(examine(settings, halt=halt)) == []
