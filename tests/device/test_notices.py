"""New files are noticed at once: by events, and by looking where there are none."""

from __future__ import annotations

import shutil
from threading import Lock
from typing import TYPE_CHECKING

import pytest

from photosync.device import notices as notices_module
from photosync.device.files import PhoneFiles
from photosync.device.notices import Notice, Notices, parse
from tests.device.conftest import opened
from tests.lab.lab import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.device.phone import Phone
    from tests.lab.lab import LabPhone


class Hints:
    """What was hinted at."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._all: list[tuple[str, str | None]] = []

    def __call__(self, folder: str, path: str | None) -> None:
        with self._lock:
            self._all.append((folder, path))

    def files(self) -> set[str]:
        with self._lock:
            return {path for _, path in self._all if path is not None}

    def folders(self) -> set[str]:
        with self._lock:
            return {folder for folder, path in self._all if path is None}


@pytest.fixture
def camera(own_phone: LabPhone) -> Iterator[tuple[Phone, PhoneFiles, Hints, Notices]]:
    with opened(own_phone) as phone:
        files = PhoneFiles(phone, ["DCIM"])
        list(files.entries())
        hints = Hints()
        made = Notices(phone, lambda: files.listed, hints)
        made.start()
        yield phone, files, hints, made
        made.stop()
        assert not made.alive()


def test_a_photo_is_noticed_when_it_is_written_or_gets_its_name(
    own_phone: LabPhone, camera: tuple[Phone, PhoneFiles, Hints, Notices]
) -> None:
    _, _, hints, made = camera
    eventually(lambda: made._hearing, "the events")
    folder = own_phone.storage / "DCIM/Camera"
    (folder / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / ".pending-1-b.jpg").write_bytes(b"\xff\xd8\xff")
    (folder / ".pending-1-b.jpg").rename(folder / "b.jpg")
    wanted = {"DCIM/Camera/a.jpg", "DCIM/Camera/b.jpg"}
    eventually(lambda: wanted <= hints.files(), "both files", seconds=2.0)
    assert hints.files() == wanted, "nobody is told of unfinished ones"


def test_without_events_looking_is_enough(
    own_phone: LabPhone,
    camera: tuple[Phone, PhoneFiles, Hints, Notices],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, _, hints, made = camera
    eventually(lambda: made._hearing, "the events")
    monkeypatch.setattr(made, "_heard", lambda *_: None)
    (own_phone.storage / "DCIM/Camera/a.jpg").write_bytes(b"\xff\xd8\xff")
    eventually(lambda: "DCIM/Camera" in hints.folders(), "the folder")


def test_a_new_folder_is_heard_of_as_soon_as_it_was_listed(
    own_phone: LabPhone, camera: tuple[Phone, PhoneFiles, Hints, Notices]
) -> None:
    _, files, hints, _ = camera
    (own_phone.storage / "DCIM/Trip").mkdir()
    eventually(lambda: "DCIM" in hints.folders(), "the folder above")
    list(files.entries("DCIM"))
    assert "DCIM/Trip" in files.listed
    eventually(lambda: "DCIM/Trip" in notices_watched(camera[3]), "the new folder")
    (own_phone.storage / "DCIM/Trip/t.jpg").write_bytes(b"\xff\xd8\xff")
    eventually(
        lambda: "DCIM/Trip/t.jpg" in hints.files() or "DCIM/Trip" in hints.folders(), "its photo"
    )


def notices_watched(made: Notices) -> frozenset[str]:
    return made._watched


def test_a_folder_of_the_settings_that_is_only_made_later_is_noticed(
    own_phone: LabPhone,
) -> None:
    shutil.rmtree(own_phone.storage / "DCIM")
    with opened(own_phone) as phone:
        files = PhoneFiles(phone, ["DCIM", "Movies"])
        hints = Hints()
        assert list(files.entries()) == []
        assert files.is_bare()
        made = Notices(phone, lambda: files.listed, hints)
        made.start()
        camera = own_phone.storage / "DCIM/Camera"
        camera.mkdir(parents=True)
        (camera / "first.jpg").write_bytes(b"\xff\xd8\xff")
        eventually(lambda: "DCIM" in hints.folders(), "the new folder")
        assert [one.path for one in files.entries("DCIM")] == ["DCIM/Camera/first.jpg"]
        (camera / "second.jpg").write_bytes(b"\xff\xd8\xff")
        eventually(
            lambda: {"DCIM/Camera"} <= hints.folders() | {one[:11] for one in hints.files()},
            "what happens in it",
        )
        made.stop()


def test_a_card_that_is_put_in_later_is_a_reason_to_look_at_everything(
    own_phone: LabPhone, camera: tuple[Phone, PhoneFiles, Hints, Notices]
) -> None:
    _, _, hints, made = camera
    eventually(lambda: made._tops, "the first look")
    assert "" not in hints.folders()
    made._tops = made._tops[:1]  # as if the card had not been there
    eventually(lambda: "" in hints.folders(), "the hint")


def test_notices_end_with_the_phone(
    own_phone: LabPhone, camera: tuple[Phone, PhoneFiles, Hints, Notices]
) -> None:
    made = camera[3]
    own_phone.unplug()
    eventually(lambda: not made.alive(), "the end")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"w\t/storage/emulated/0/DCIM\ta.jpg", Notice("w", b"/storage/emulated/0/DCIM", b"a.jpg")),
        (b"D\t/storage/emulated/0/DCIM", Notice("D", b"/storage/emulated/0/DCIM", b"")),
        (b"", None),
        (b"half of a name", None),
        (b"w\t/a\ttab\tin it", None),
    ],
)
def test_lines_of_inotifyd(line: bytes, expected: Notice | None) -> None:
    assert parse(line) == expected


def test_only_the_newest_folders_are_asked_for() -> None:
    listed = {f"DCIM/{number}": number for number in range(1000)} | {"DCIM/a:b": 5000}
    chosen = notices_module._to_watch(listed)
    assert len(chosen) <= notices_module.MOST_WATCHED
    assert "DCIM/999" in chosen.values()
    assert "DCIM/a:b" not in chosen.values(), "inotifyd takes the colon for its own"
    long_names = {f"DCIM/{'x' * 200}{number}": number for number in range(1000)}
    assert sum(map(len, notices_module._to_watch(long_names))) < notices_module.LONGEST_COMMAND
