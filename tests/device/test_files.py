"""A phone's files as the discover stage sees them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from photosync.device.files import PhoneFiles
from photosync.device.scope import outermost_of
from photosync.device.storage import absolute, below, on_each
from photosync.device.survey import nearest
from photosync.domain.media import Entry
from photosync.errors import PhoneGone
from tests.device.conftest import opened

if TYPE_CHECKING:
    from photosync.device.phone import Phone
    from tests.lab.lab import LabPhone

NOW = 1_700_000_000.0


class Clocks:
    """Two clocks that go as a test says."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clocks:
    return Clocks()


@pytest.fixture
def files(phone: Phone, clock: Clocks) -> PhoneFiles:
    from dataclasses import replace

    phone.identity = replace(phone.identity, ahead_seconds=100.0)
    return PhoneFiles(phone, ["DCIM"], clock=clock, monotonic=clock)


def at(seconds: float) -> Entry:
    """A file whose time is so many seconds after now by the phone's clock."""
    return Entry("DCIM/a.jpg", 10, int((NOW + 100 + seconds) * 1e9))


def test_a_file_is_settled_two_seconds_after_its_time(files: PhoneFiles, clock: Clocks) -> None:
    assert files.settled_in(at(-3)) == 0.0
    assert files.settled_in(at(-0.5)) == pytest.approx(1.5)
    assert files.settled_in(at(-0.5), closed=True) == 0.0
    clock.at += 1.6
    assert files.settled_in(at(-0.5)) == 0.0


def test_a_file_from_the_future_is_settled_when_it_stays_the_same(
    files: PhoneFiles, clock: Clocks
) -> None:
    assert files.settled_in(at(86_400)) == pytest.approx(2.0)
    clock.at += 2.1
    assert files.settled_in(at(86_400)) == 0.0


def test_memory_of_unsettled_files_is_bounded(files: PhoneFiles) -> None:
    for number in range(10_100):
        files.settled_in(Entry(f"DCIM/{number}.jpg", 1, at(0).mtime_ns))
    assert len(files._first_seen) == 10_000


def examined(files: PhoneFiles, name: str, size: int = 10) -> object:
    finding = files.examine(Entry(f"DCIM/{name}", size, 0))
    return finding and (finding.mime_type, finding.refusal and finding.refusal[0])


def test_files_are_judged_by_name_and_size(files: PhoneFiles) -> None:
    assert examined(files, "a.JPG") == ("image/jpeg", None)
    assert examined(files, "a.jpg", 0) == ("image/jpeg", "empty")
    assert examined(files, "a.jpg", 200_000_001) == ("image/jpeg", "too_large")
    assert examined(files, "a.mp4", 20_000_000_001) == ("video/mp4", "too_large")


def test_files_without_a_known_name_are_judged_by_their_beginning(
    files: PhoneFiles, lab_phone: LabPhone
) -> None:
    folder = lab_phone.storage / "DCIM"
    folder.mkdir(exist_ok=True)
    (folder / "photo").write_bytes(b"\xff\xd8\xff\xe0 and so on")
    (folder / "nothing").write_bytes(b"just text")
    assert examined(files, "photo") == ("image/jpeg", None)
    assert examined(files, "nothing") is None
    (folder / "nothing").unlink()
    assert examined(files, "nothing") is None, "it is remembered"
    assert examined(files, "empty", 0) is None


def test_one_folder_or_one_file_can_be_looked_at(files: PhoneFiles, lab_phone: LabPhone) -> None:
    folder = lab_phone.storage / "DCIM/Only"
    folder.mkdir(parents=True)
    for name in ("a.jpg", "b.jpg", ".c.jpg", "d.txt"):
        (folder / name).write_bytes(b"\xff\xd8\xff")
    assert list(files.entries("DCIM/Only")) == [], "nobody listed it before"
    assert {"DCIM/Only/a.jpg", "DCIM/Only/b.jpg"} <= {one.path for one in files.entries()}
    assert {one.path for one in files.entries("DCIM/Only")} == {
        "DCIM/Only/a.jpg",
        "DCIM/Only/b.jpg",
    }
    assert [one.path for one in files.entries("DCIM/Only/a.jpg")] == ["DCIM/Only/a.jpg"]
    for other in ("DCIM/Only/.c.jpg", "DCIM/Only/d.txt", "DCIM/Only/gone.jpg", "Else/a.jpg"):
        assert list(files.entries(other)) == []


def test_a_phone_that_shows_none_of_its_folders_is_bare(phone: Phone) -> None:
    files = PhoneFiles(phone, ["Nowhere"])
    assert list(files.entries()) == []
    assert files.is_bare()
    assert files.name == "Lab Pixel Lab"
    assert files.unreadable == {}


def test_a_phone_without_its_storage_is_locked(
    own_phone: LabPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photosync.device import storage

    with opened(own_phone) as phone:
        files = PhoneFiles(phone, ["DCIM"])
        files.check()
        monkeypatch.setattr(storage, "INTERNAL", b"/storage/not/there")
        with pytest.raises(PhoneGone, match="storage") as caught:
            files.check()
        assert "Unlock" in caught.value.hint


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", b"/storage/emulated/0"),
        ("DCIM/a.jpg", b"/storage/emulated/0/DCIM/a.jpg"),
        ("sd:1A2B-3C4D", b"/storage/1A2B-3C4D"),
        ("sd:1A2B-3C4D/a.jpg", b"/storage/1A2B-3C4D/a.jpg"),
        (os.fsdecode(b"\xff"), b"/storage/emulated/0/\xff"),
    ],
)
def test_paths(path: str, expected: bytes) -> None:
    assert absolute(path) == expected


@pytest.mark.parametrize("path", ["../a", "a/../b", "/a", "a//b", "a\0b", "sd:../x", "sd:emulated"])
def test_no_path_leads_elsewhere(path: str) -> None:
    with pytest.raises(ValueError, match=r"phone|card"):
        absolute(path)


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"a\0b"])
def test_names_that_no_honest_phone_has(name: bytes) -> None:
    assert below("DCIM", name) is None
    assert below("", b"sd:1A2B-3C4D") is None


def test_folders_of_the_settings_are_looked_for_on_each_storage() -> None:
    assert on_each("DCIM/", ["", "sd:1A2B-3C4D"]) == ["DCIM", "sd:1A2B-3C4D/DCIM"]
    assert on_each("sd:1A2B-3C4D/Fotos", ["", "sd:9999-9999"]) == ["sd:1A2B-3C4D/Fotos"]
    assert on_each(".", ["", "sd:1A2B-3C4D"]) == ["", "sd:1A2B-3C4D"]


def test_folders_in_other_folders_are_not_walked_twice() -> None:
    none: frozenset[str] = frozenset()
    several = ["DCIM/Camera", "DCIM", "Pictures", "DCIM2"]
    assert outermost_of(several, none, none) == ["DCIM", "DCIM2", "Pictures"]
    assert outermost_of(several, frozenset({"DCIM/Camera"}), none)[-1] == "DCIM/Camera"
    assert outermost_of(["", "DCIM"], none, none) == [""]
    assert outermost_of(["", "DCIM"], none, frozenset({""})) == ["", "DCIM"]
    assert outermost_of(["", "sd:1A2B-3C4D"], none, none) == ["", "sd:1A2B-3C4D"]


CARD = "sd:1A2B-3C4D"
TREE = (
    *("DCIM/Camera/a.jpg", "DCIM/Face/b.jpg", "DCIM/Face/Mine/c.jpg", "Pictures/d.jpg"),
    *("Fun/e.jpg", "top.jpg", f"{CARD}/DCIM/Camera/f.jpg", f"{CARD}/Fun/g.jpg", f"{CARD}/top.jpg"),
)


@pytest.mark.parametrize(
    ("taken", "left", "expected"),
    [
        ([], [], "abcdf"),
        ([], ["DCIM/Face"], "adf"),
        (["DCIM/Face/Mine"], ["DCIM/Face"], "acdf"),
        ([], ["Pictures"], "abcf"),
        ([], ["DCIM"], "df"),
        (["DCIM/Camera"], ["DCIM"], "adf"),
        ([], ["DCIM/Camera"], "bcdf"),
        ([], [f"{CARD}/DCIM/Camera"], "abcd"),
        ([], [f"{CARD}/DCIM"], "abcd"),
        ([""], [], "abcdft"),
        ([CARD], [], "abcdfT"),
        (["Fun"], [], "abcdef"),
        ([f"{CARD}/Fun"], [], "abcdfg"),
        (["sd:9999-9999/Gone"], [], "abcdf"),
    ],
)
def test_what_is_looked_at_is_what_folders_shows(
    own_phone: LabPhone, taken: list[str], left: list[str], expected: str
) -> None:
    """The phone's files and ``photosync folders`` mean the same by a choice."""
    assert own_phone.card is not None
    for path in TREE:
        root = own_phone.card if path.startswith(CARD) else own_phone.storage
        file = root / path.removeprefix(f"{CARD}/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
        os.utime(file, (1_600_000_000, 1_600_000_000))
    short = {path: path[-5] for path in TREE} | {"top.jpg": "t", f"{CARD}/top.jpg": "T"}
    named = ("DCIM", "Pictures")
    with opened(own_phone) as phone:
        found = list(PhoneFiles(phone, named, lambda: (taken, left)).entries())
    assert "".join(sorted(short[one.path] for one in found)) == "".join(sorted(expected))
    decided = dict.fromkeys(taken, "take") | dict.fromkeys(left, "leave")
    shown = [
        short[path]
        for path in TREE
        if nearest(path.rpartition("/")[0], decided, named) in ("settings", "take")
    ]
    assert "".join(sorted(shown)) == "".join(sorted(expected))


def test_a_choice_counts_at_once_in_whatever_is_looked_at(own_phone: LabPhone) -> None:
    """Looks at one folder or file follow events; the next full look may be far away."""
    for name in ("DCIM/Camera/a.jpg", "DCIM/Screenshots/b.jpg", "DCIM/Screenshots/Old/c.jpg"):
        file = own_phone.storage / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    left: list[str] = []

    def seen(under: str = "") -> list[str]:
        return sorted(one.path for one in looked.entries(under))

    with opened(own_phone) as phone:
        looked = PhoneFiles(phone, ("DCIM",), lambda: ((), left))
        assert len(seen()) == 3
        walk = looked.entries()
        first = next(walk)
        assert first.path == "DCIM/Camera/a.jpg"
        left.append("DCIM/Screenshots")
        assert list(walk) == [], "a look that goes on heeds it, too"
        for under in ("DCIM/Screenshots", "DCIM/Screenshots/Old", "DCIM/Screenshots/b.jpg"):
            assert seen(under) == []
        assert seen("DCIM") == ["DCIM/Camera/a.jpg"]
        assert seen("DCIM/Camera/a.jpg") == ["DCIM/Camera/a.jpg"]
        left.clear()
        assert seen("DCIM/Screenshots/b.jpg") == ["DCIM/Screenshots/b.jpg"]
