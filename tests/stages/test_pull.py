"""Found on a phone → mirrored: what a phone may do wrong, and what becomes of each item."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Entry, Finding, SourceKind
from photosync.domain.states import State
from photosync.errors import (
    FileReplaced,
    FileVanished,
    MirrorAway,
    MirrorFull,
    PhoneGarbled,
    PhoneGone,
    PhoneNotReady,
    PhoneStalled,
    Stopping,
)
from photosync.files.mirroring import MirrorDisk
from photosync.stages import pull as pull_module
from photosync.stages.prune import Prune
from photosync.stages.pull import Pull
from photosync.store.copies import Copies
from photosync.store.intake import Intake
from photosync.store.verified import Verified
from tests.stages.conftest import JPEG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from photosync.domain.media import Hashes, MediaItem, Source
    from photosync.errors import ItemError, ItemGone, SourceMissing
    from photosync.stages.ports import Copy
    from tests.stages.conftest import House

THEN_NS = 1_600_000_000 * 10**9


class FakePhone:
    """A phone that does what a test says. The real one is in tests/device and the journeys."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.errors: dict[str, Exception] = {}
        self.cut_after: int | None = None
        self.pulled_from: list[int] = []
        self.hashes = True
        self.locked = False

    def pull(self, entry: Entry, target: Copy, *, have_bytes: int = 0) -> None:
        self.pulled_from.append(have_bytes)
        if entry.path in self.errors:
            raise self.errors[entry.path]
        content = self.files[entry.path][have_bytes:]
        if self.cut_after is not None:
            target.write(memoryview(content[: self.cut_after]))
            raise PhoneGone("The cable was pulled.")
        target.write(memoryview(content))

    def pull_all(self, files: Sequence[tuple[Entry, Copy]]) -> list[ItemError | ItemGone | None]:
        wrong: list[ItemError | ItemGone | None] = []
        for entry, target in files:
            error = self.errors.get(entry.path)
            if isinstance(error, (FileReplaced, FileVanished)):
                wrong.append(error)
                continue
            self.pull(entry, target)
            wrong.append(None)
        return wrong

    def sha256(self, path: str) -> str | None:
        return hashlib.sha256(self.files[path]).hexdigest() if self.hashes else None

    def tops(self) -> list[str]:
        if self.locked:
            raise PhoneNotReady("It does not show its storage.")
        return [""]


class Bench:
    """A house with a phone."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.phone: FakePhone | None = FakePhone()
        self.source: Source = house.sources.register(
            SourceKind.PHONE, "R58M", label="Pixel 8", album=house.album
        )
        house.sources.set_connected(self.source.id, connected=True, now=1)
        self.lost: list[SourceMissing] = []
        house.disk.prepare(known=False)
        self.disk = house.disk

    def put(self, path: str, content: bytes, *, size: int | None = None) -> None:
        assert self.phone is not None
        self.phone.files[path] = content
        size = len(content) if size is None else size
        finding = Finding(path, size, THEN_NS, "image/jpeg")
        intake = Intake(self.house.database)
        assert intake.add(self.source.id, [finding], first=State.FOUND, now=1) == 1

    def pull(self, name: str = "pull-1") -> Pull:
        return Pull(
            name,
            items=self.house.items,
            mirror=self.disk,
            phones=self._phone,
            bells=self.house.bells,
            progress=lambda _id, _bytes: None,
            source_lost=lambda _id, error: self.lost.append(error),
            halt=self.house.halt,
            clock=self.house.clock,
        )

    def _phone(self, source_id: int) -> tuple[Source, FakePhone]:
        assert source_id == self.source.id
        if self.phone is None:
            raise PhoneGone("It is not plugged in.")
        return self.source, self.phone

    def item(self, path: str) -> MediaItem:
        found = self.house.overview.items_at(self.source.id, path)
        return found[0]


@pytest.fixture
def bench(house: House) -> Bench:
    return Bench(house)


def test_photos_are_copied_and_ready_to_be_uploaded(bench: Bench) -> None:
    for number in range(20):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    pull = bench.pull()
    assert pull.run_once()
    assert pull.run_once()
    assert not pull.run_once()
    item = bench.item("DCIM/3.jpg")
    assert (item.state, item.mirror_path, item.leased_by) == (
        State.MIRRORED,
        "Pixel 8/DCIM/3.jpg",
        None,
    )
    assert (bench.disk.root / "Pixel 8/DCIM/3.jpg").read_bytes() == JPEG + b"\x03"
    upload = bench.house.upload()
    assert upload.run_once()


def test_a_folder_worker_leaves_phones_alone(bench: Bench) -> None:
    bench.put("DCIM/a.jpg", JPEG)
    assert not bench.house.mirror().run_once()
    bench.house.found("b.jpg")
    assert bench.pull().run_once()
    assert bench.house.states()["b.jpg"] == State.FOUND


def test_equal_bytes_in_a_folder_are_uploaded_once(bench: Bench) -> None:
    bench.house.put("a.jpg", JPEG)
    bench.house.discover().look(bench.house.watched)
    assert bench.house.mirror().run_once()
    bench.put("DCIM/a.jpg", (bench.house.root / "a.jpg").read_bytes())
    assert bench.pull().run_once()
    item = bench.item("DCIM/a.jpg")
    assert (item.state, item.mirror_path) == (State.DUPLICATE, "Pixel 8/DCIM/a.jpg")


def test_each_bad_file_has_its_reason_and_leaves_nothing_behind(bench: Bench) -> None:
    assert bench.phone is not None
    bench.put("DCIM/good.jpg", JPEG)
    bench.put("DCIM/gone.jpg", JPEG + b"1")
    bench.put("DCIM/new.jpg", JPEG + b"2")
    bench.put("DCIM/text.jpg", b"no picture at all")
    bench.put("DCIM/lies.jpg", JPEG + b"3", size=3)
    bench.put("DCIM/film.jpg", b"\0\0\0\x18ftypmp42" + bytes(30))
    bench.phone.errors["DCIM/gone.jpg"] = FileVanished("gone")
    bench.phone.errors["DCIM/new.jpg"] = FileReplaced("new")
    assert bench.pull().run_once()
    assert {
        path: (bench.item(path).state, bench.item(path).error_code) for path in bench.phone.files
    } == {
        "DCIM/good.jpg": (State.MIRRORED, None),
        "DCIM/gone.jpg": (State.SKIPPED, "vanished"),
        "DCIM/new.jpg": (State.SKIPPED, "replaced"),
        "DCIM/text.jpg": (State.FAILED, "not_media"),
        "DCIM/lies.jpg": (State.SKIPPED, "replaced"),
        "DCIM/film.jpg": (State.MIRRORED, None),
    }
    assert bench.item("DCIM/film.jpg").mime_type == "video/mp4"
    assert bench.disk.parts() == []


def test_a_pulled_cable_costs_nothing(bench: Bench) -> None:
    assert bench.phone is not None
    for number in range(5):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    phone, bench.phone.cut_after = bench.phone, 3
    assert bench.pull().run_once()
    assert len(bench.lost) == 1
    states = {bench.item(path).state for path in phone.files}
    assert states == {State.FOUND}
    assert all(bench.item(path).attempts == 0 for path in phone.files)
    assert all(bench.item(path).leased_by is None for path in phone.files)
    bench.phone = None
    assert bench.pull().run_once()
    phone.cut_after, bench.phone = None, phone
    assert bench.pull().run_once()
    assert {bench.item(path).state for path in phone.files} == {State.MIRRORED}


@pytest.mark.parametrize("is_large", [False, True])
def test_what_a_locked_phone_does_not_show_is_not_gone(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    assert bench.phone is not None
    if is_large:
        monkeypatch.setattr(pull_module, "SMALL_BYTES", 1)
    bench.put("DCIM/a.jpg", JPEG)
    bench.put("DCIM/b.jpg", JPEG + b"b")
    bench.phone.errors = {path: FileVanished("gone") for path in bench.phone.files}
    bench.phone.locked = True
    assert bench.pull().run_once()
    assert [type(one) for one in bench.lost] == [PhoneNotReady]
    for path in bench.phone.files:
        item = bench.item(path)
        assert (item.state, item.leased_by, item.attempts) == (State.FOUND, None, 0)


def test_unfinished_copies_of_what_is_not_copied_any_more_are_swept_away(bench: Bench) -> None:
    bench.put("DCIM/a.jpg", JPEG)
    bench.put("DCIM/b.jpg", JPEG + b"b")
    waits, skipped = (bench.item(f"DCIM/{name}.jpg").id for name in "ab")
    for number in (waits, skipped, 12_345):
        with bench.disk.part(number, halt=bench.house.halt) as part:
            part.write(b"half")
    (bench.disk.parts_folder / "not ours").write_bytes(b"")
    bench.house.choices.skip([skipped], now=1)
    bench.phone = None
    assert bench.pull().run_once()
    assert bench.disk.parts() == [waits]


def test_unfinished_copies_that_another_photosync_left_are_swept_after_a_month(
    bench: Bench,
) -> None:
    ours = [bench.disk.parts_folder / "3"]
    theirs = [bench.disk.parts_folder.parent / f"other-{name}" / "3" for name in "ab"]
    strange = theirs[0].with_name("notes.txt")
    for file in (*ours, *theirs, strange):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"half")
    bench.put("DCIM/a.jpg", JPEG)
    bench.phone = None
    began = max(file.lstat().st_ctime for file in theirs)
    bench.house.clock.at = began + pull_module.ABANDONED_SECONDS - 60
    bench.pull().run_once()
    assert [file.exists() for file in theirs] == [True, True]
    bench.house.clock.at = began + pull_module.ABANDONED_SECONDS + 60
    bench.pull().run_once()
    assert [file.exists() for file in (*theirs, strange)] == [False, False, True]


def large(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> bytes:
    monkeypatch.setattr(pull_module, "SMALL_BYTES", 1000)
    monkeypatch.setattr(pull_module, "RESUMED_BYTES", 100_000)
    content = JPEG + bytes(range(256)) * 1000
    bench.put("DCIM/large.jpg", content)
    return content


def test_a_large_file_goes_on_where_it_stopped(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.phone is not None
    content = large(bench, monkeypatch)
    bench.phone.cut_after = 150_000
    assert bench.pull().run_once()
    assert bench.item("DCIM/large.jpg").state == State.FOUND
    bench.phone.cut_after = None
    assert bench.pull().run_once()
    assert bench.phone.pulled_from == [0, 131_072]
    item = bench.item("DCIM/large.jpg")
    assert item.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("can_hash", [True, False])
def test_a_part_with_holes_in_it_is_begun_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, can_hash: bool
) -> None:
    assert bench.phone is not None
    content = large(bench, monkeypatch)
    bench.phone.hashes = can_hash
    number = bench.item("DCIM/large.jpg").id
    bench.disk.parts_folder.mkdir()
    (bench.disk.parts_folder / str(number)).write_bytes(bytes(150_000))
    assert bench.pull().run_once()
    assert bench.phone.pulled_from == [131_072, 0]
    assert bench.item("DCIM/large.jpg").sha256 == hashlib.sha256(content).hexdigest()


def test_photos_are_copied_while_another_worker_copies_a_film(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.phone is not None
    film = large(bench, monkeypatch)
    claimed, done = Event(), Event()
    pull = bench.phone.pull

    def slowly(entry: Entry, target: Copy, *, have_bytes: int = 0) -> None:
        if entry.path == "DCIM/large.jpg":
            claimed.set()
            assert done.wait(timeout=60)
        pull(entry, target, have_bytes=have_bytes)

    monkeypatch.setattr(bench.phone, "pull", slowly)
    with ThreadPoolExecutor(1) as pool:
        one = pool.submit(bench.pull("pull-1").run_once)
        assert claimed.wait(timeout=60)
        for number in range(20):
            bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
        other = bench.pull("pull-2")
        while other.run_once():
            pass
        states = {bench.item(f"DCIM/{number}.jpg").state for number in range(20)}
        assert states == {State.MIRRORED}
        assert bench.item("DCIM/large.jpg").leased_by == "pull-1"
        assert bench.disk.parts() == [bench.item("DCIM/large.jpg").id], "a start sweeps it not away"
        done.set()
        assert one.result(timeout=60)
    assert bench.item("DCIM/large.jpg").sha256 == hashlib.sha256(film).hexdigest()
    assert bench.disk.parts() == []


def test_what_another_worker_has_under_way_leaves_no_room(bench: Bench) -> None:
    free = os.statvfs(bench.disk.root)
    size_bytes = int(free.f_bavail * free.f_frsize * 0.6)
    bench.put("DCIM/film.mp4", b"", size=size_bytes)
    with bench.disk.room({12_345: size_bytes}), pytest.raises(MirrorFull):
        bench.pull().run_once()
    item = bench.item("DCIM/film.mp4")
    assert (item.state, item.leased_by) == (State.FOUND, None)
    assert bench.pull().run_once()
    assert bench.item("DCIM/film.mp4").state != State.FOUND, "it was begun"


def test_a_full_disk_lets_everything_go(bench: Bench) -> None:
    for number in range(3):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    bench.disk = MirrorDisk(bench.disk.root, least_free_bytes=2**60)
    with pytest.raises(MirrorFull):
        bench.pull().run_once()
    assert [bench.item(f"DCIM/{number}.jpg").leased_by for number in range(3)] == [None] * 3


def test_nothing_is_on_record_before_the_disk_has_its_name(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    asked: list[list[str]] = []

    def refuse(paths: Sequence[str]) -> None:
        asked.append(sorted(paths))
        assert all((bench.disk.root / one).is_file() for one in paths)
        raise MirrorAway("The disk is gone.")

    with monkeypatch.context() as patch:
        patch.setattr(bench.disk, "sync_names", refuse)
        with pytest.raises(MirrorAway):
            bench.pull().run_once()
    items = [bench.item(f"DCIM/{number}.jpg") for number in range(3)]
    assert asked == [[f"Pixel 8/DCIM/{number}.jpg" for number in range(3)]]
    assert {(one.state, one.leased_by) for one in items} == {(State.FOUND, None)}
    assert bench.pull().run_once()
    names = [bench.item(f"DCIM/{number}.jpg").mirror_path for number in range(3)]
    assert names == [f"Pixel 8/DCIM/{number}.jpg" for number in range(3)], "taken over, not doubled"


def test_what_is_whole_is_on_record_though_the_disk_fails_at_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    real = bench.disk.place

    def place_one(number: int, path: str, hashes: Hashes) -> str:
        if path.endswith("1.jpg"):
            raise MirrorFull("The disk is full.")
        return real(number, path, hashes)

    monkeypatch.setattr(bench.disk, "place", place_one)
    with pytest.raises(MirrorFull):
        bench.pull().run_once()
    items = [bench.item(f"DCIM/{number}.jpg") for number in range(3)]
    assert [one.state for one in items] == [State.MIRRORED, State.FOUND, State.FOUND]
    assert {one.leased_by for one in items} == {None}


def test_each_folder_of_a_handful_of_copies_is_synced_once_and_each_copy(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        bench.put(f"DCIM/{number % 2}/{number}.jpg", JPEG + bytes([number]))
        (bench.disk.root / f"Pixel 8/DCIM/{number % 2}").mkdir(parents=True, exist_ok=True)
    synced: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    assert bench.pull().run_once()
    parts = [
        f"{bench.disk.parts_folder}/{bench.item(f'DCIM/{n % 2}/{n}.jpg').id}" for n in range(6)
    ]
    folders = [f"{bench.disk.root}/Pixel 8/DCIM/{n}" for n in range(2)]
    assert sorted(synced) == sorted([*parts, *folders])
    assert set(synced[-2:]) == set(folders)


def test_a_stop_lets_everything_go(bench: Bench) -> None:
    bench.put("DCIM/a.jpg", JPEG)
    bench.house.halt.set()
    with pytest.raises(Stopping):
        bench.pull().run_once()
    assert bench.item("DCIM/a.jpg").leased_by is None
    assert bench.item("DCIM/a.jpg").state == State.FOUND


def test_a_phone_that_talks_nonsense_lets_everything_go(bench: Bench) -> None:
    assert bench.phone is not None
    bench.put("DCIM/a.jpg", JPEG)
    bench.phone.errors["DCIM/a.jpg"] = PhoneGarbled("nonsense")
    with pytest.raises(PhoneGarbled):
        bench.pull().run_once()
    item = bench.item("DCIM/a.jpg")
    assert (item.state, item.leased_by) == (State.FOUND, None)
    assert item.not_before > bench.house.clock(), "other phones have their turn"


def test_a_lost_copy_is_pulled_again(bench: Bench) -> None:
    bench.put("DCIM/a.jpg", JPEG)
    assert bench.pull().run_once()
    (bench.disk.root / "Pixel 8/DCIM/a.jpg").unlink()
    assert bench.house.upload().run_once()
    item = bench.item("DCIM/a.jpg")
    assert (item.state, item.error_code, item.mirror_path) == (State.FOUND, "mirror_lost", None)
    assert bench.pull().run_once()
    assert bench.house.upload().run_once()
    assert bench.item("DCIM/a.jpg").state == State.UPLOADED


def prune(bench: Bench, keep_days: int) -> Prune:
    return Prune(
        copies=Copies(bench.house.database),
        mirror=bench.disk,
        keep_days=keep_days,
        clock=bench.house.clock,
        alone=lambda: nullcontext(enter_result=True),
    )


def test_copies_go_once_their_photos_are_in_the_library(bench: Bench) -> None:
    bench.put("DCIM/a.jpg", JPEG)
    bench.put("DCIM/b.jpg", JPEG)
    bench.put("DCIM/c.jpg", JPEG + b"c")
    assert bench.pull().run_once()
    assert not prune(bench, 0).run_once(), "nothing is in the library yet"
    in_library(bench)
    assert not prune(bench, 30).run_once()
    bench.house.clock.pass_by(31 * 86_400)
    assert prune(bench, 30).run_once()
    assert not prune(bench, 30).run_once()
    assert list((bench.disk.root / "Pixel 8/DCIM").iterdir()) == []
    assert bench.item("DCIM/a.jpg").mirror_path is None
    finding = Finding("DCIM/a.jpg", len(JPEG), THEN_NS, "image/jpeg")
    intake = Intake(bench.house.database)
    assert intake.add(bench.source.id, [finding], first=State.FOUND, now=2) == 0
    assert not bench.pull().run_once(), "a pruned photo is not pulled again"


def test_a_photo_that_is_gone_from_the_library_is_copied_anew_after_its_copy_was_pruned(
    bench: Bench,
) -> None:
    bench.put("DCIM/a.jpg", JPEG)
    bench.put("DCIM/b.jpg", JPEG)
    in_library(bench)
    assert prune(bench, 0).run_once()
    first = bench.item("DCIM/a.jpg")
    verified = Verified(bench.house.database)
    asked = verified.next(verified.begin(now=5), limit=9)
    verified.note([(one, False) for one in asked], now=5)
    assert verified.send_again(now=6) == [first.id]
    assert bench.item("DCIM/a.jpg").state == State.FOUND
    assert bench.item("DCIM/b.jpg").state == State.FOUND, "nothing stands for its bytes now"
    in_library(bench)
    assert {bench.item(f"DCIM/{name}.jpg").state for name in "ab"} == {State.DONE, State.DUPLICATE}
    assert bench.lost == []


def test_a_copy_stays_while_the_library_is_known_not_to_hold_the_photo(bench: Bench) -> None:
    """Its file may be gone from the phone: then that copy is the last."""
    bench.put("DCIM/a.jpg", JPEG)
    bench.put("DCIM/b.jpg", JPEG)
    in_library(bench)
    verified = Verified(bench.house.database)
    asked = verified.next(verified.begin(now=5), limit=9)
    verified.note([(one, False) for one in asked], now=5)
    assert not prune(bench, 0).run_once()
    assert len(list((bench.disk.root / "Pixel 8/DCIM").iterdir())) == 2
    verified.note([(one, True) for one in asked], now=6)
    assert prune(bench, 0).run_once()
    assert list((bench.disk.root / "Pixel 8/DCIM").iterdir()) == []


def in_library(bench: Bench) -> None:
    while bench.pull().run_once():
        pass
    while bench.house.upload().run_once():
        pass
    bench.house.clock.pass_by(1000)
    while bench.house.create().run_once():
        pass


@pytest.mark.parametrize("is_large", [False, True])
def test_a_file_at_which_the_phone_stalls_does_not_hold_up_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    assert bench.phone is not None
    if is_large:
        monkeypatch.setattr(pull_module, "SMALL_BYTES", 1)
    bench.put("DCIM/bad.jpg", JPEG + b"bad")
    for number in range(5):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    bench.phone.errors["DCIM/bad.jpg"] = PhoneStalled("No answer for 15 seconds.")
    for _ in range(3):
        bench.pull().run_once()
        bench.house.sources.set_connected(bench.source.id, connected=True, now=1)
    states = {bench.item(f"DCIM/{number}.jpg").state for number in range(5)}
    assert states == {State.MIRRORED}
    bad = bench.item("DCIM/bad.jpg")
    assert (bad.state, bad.error_code, bad.leased_by) == (State.FOUND, "copy_stalled", None)
    assert bad.not_before > bench.house.clock()
    assert {type(one) for one in bench.lost} == {PhoneStalled}
    bench.put("DCIM/later.jpg", JPEG + b"later")
    bench.house.clock.pass_by(86_400)
    bench.pull().run_once()
    assert bench.item("DCIM/later.jpg").state == State.MIRRORED, "it is asked for alone from now on"


def test_what_does_not_fit_makes_way_for_what_does(bench: Bench) -> None:
    for number in range(40):
        bench.put(f"DCIM/{number}.mp4", b"", size=1 << 42)
    bench.put("DCIM/small.jpg", JPEG)
    assert bench.pull().run_once()
    assert bench.item("DCIM/small.jpg").state == State.MIRRORED
    for _ in range(2):
        with pytest.raises(MirrorFull):
            bench.pull().run_once()
        films = [bench.item(f"DCIM/{number}.mp4") for number in range(40)]
        assert {(one.state, one.not_before, one.leased_by) for one in films} == {
            (State.FOUND, 0, None)
        }


def test_as_many_small_photos_as_fit_are_copied(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        bench.put(f"DCIM/{number}.jpg", JPEG + bytes([number]))
    room_bytes = 10 * (len(JPEG) + 1) + 5

    def need(sizes: Mapping[int, int]) -> None:
        assert len(sizes) <= 16
        if sum(sizes.values()) > room_bytes:
            raise MirrorFull("The disk is full.")

    monkeypatch.setattr(bench.disk, "need", need)
    assert bench.pull().run_once()
    items = [bench.item(f"DCIM/{number}.jpg") for number in range(30)]
    assert [one.state for one in items] == [State.MIRRORED] * 10 + [State.FOUND] * 20
    assert {one.leased_by for one in items} == {None}
    room_bytes = 0
    with pytest.raises(MirrorFull):
        bench.pull().run_once()
