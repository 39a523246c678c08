"""Nothing goes from a phone that is not proven in two other places, whatever the world is like."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.restoring import Target, TargetKind
from photosync.domain.states import State
from photosync.errors import BackupAway, DailyQuotaSpent, Offline, PhoneGone, Stopping
from photosync.files.holding import hold, holder_of
from photosync.files.mirroring import MirrorDisk
from photosync.stages.free_space import PROOF_SECONDS, FreeSpace, Proven, Removal, Stays
from photosync.stages.prune import Prune
from photosync.stages.whereabouts import Whereabouts
from photosync.store.choices import Choices
from photosync.store.copies import Copies
from photosync.store.database import Database
from photosync.store.freeing import Freed
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.restores import Restores
from photosync.store.sources import Sources
from photosync.store.whereabouts import AllWhereabouts
from tests.stages.conftest import START, Clock
from tests.stages.elsewhere import DiskBackup, DiskPhone, Told, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400
LONG_AGO = START - 1000 * DAY
LABEL = "Pixel"


@dataclass
class World:
    """One phone, and where its photos went."""

    home: Path
    database: Database
    wants_backup: bool = False
    older_than_seconds: int = 30 * DAY
    clock: Clock = field(default_factory=Clock)
    halt: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.phone = DiskPhone(self.home / "phone")
        self.disk = MirrorDisk(self.home / "mirror", least_free_bytes=0)
        self.disk.prepare(known=False)
        self.backup = DiskBackup(self.home / "backup")
        self.library = Told()
        self.sources = Sources(self.database)
        self.source = self.sources.register_phone("SERIAL", label=LABEL)
        self.sources.set_connected(self.source.id, connected=True, now=START)
        self.items = MediaItems(self.database)
        self.overview = Overview(self.database)
        self.freed = Freed(self.database)
        self.quota_error: Exception | None = None

    def stage(self) -> FreeSpace:
        where = Whereabouts(
            restores=Restores(self.database),
            mirrors=[self.disk],
            folders={},
            second=self.backup if self.wants_backup else None,
        )
        return FreeSpace(
            freed=self.freed,
            whereabouts=where,
            phone=self.phone,
            library=self.library,
            older_than_seconds=self.older_than_seconds,
            leave_room=self._leave_room,
            halt=self.halt,
            clock=self.clock,
        )

    def _leave_room(self) -> None:
        if self.quota_error is not None:
            raise self.quota_error

    def put(self, path: str, content: bytes, *, at: int = LONG_AGO) -> int:
        """A file on the phone, and its item; the item's number."""
        file = self.phone.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (at, at))
        finding = Finding(path, len(content), at * 10**9, "image/jpeg")
        Intake(self.database).add(
            self.source.id, [finding], first=State.FOUND, now=int(self.clock())
        )
        return self.overview.items_at(self.source.id, path)[0].id

    def copy_of(self, path: str) -> Path:
        return self.home / "mirror" / LABEL / path

    def mirrored(self, path: str, content: bytes, *, at: int = LONG_AGO) -> State:
        """Copied and hashed: mirrored, or a duplicate."""
        number = self.put(path, content, at=at)
        with self.disk.part(number, halt=self.halt) as part:
            part.write(content)
            part.sync(at * 10**9)
            hashes = part.hashes()
        assert hashes == Hashes(len(content), sha256(content), hashes.sha1)
        placed = self.disk.place(number, f"{LABEL}/{path}", hashes)
        (item,) = self.items.claim(State.FOUND, worker="w", now=int(self.clock()))
        assert item.id == number
        return self.items.mark_hashed(
            item, hashes, album="", taken_at=None, mirror_path=placed, now=int(self.clock())
        )

    def done(self, path: str, content: bytes, *, at: int = LONG_AGO) -> int:
        """In the library, or a duplicate of what is; the item's number."""
        if self.mirrored(path, content, at=at) is State.MIRRORED:
            (item,) = self.items.claim(State.MIRRORED, worker="w", now=int(self.clock()))
            self.items.mark_uploaded(item, token="t", now=int(self.clock()))
            (item,) = self.items.claim(State.UPLOADED, worker="w", now=int(self.clock()))
            self.items.mark_done(item, google_id=f"id-{item.id}", now=int(self.clock()))
            self.library.held[f"id-{item.id}"] = True
        return self.overview.items_at(self.source.id, path)[0].id

    def proven(self) -> list[Proven]:
        return [one for one in self.stage().prove(self.source.id) if isinstance(one, Proven)]

    def reasons(self) -> dict[str, str]:
        return {
            one.candidate.path: one.reason
            for one in self.stage().prove(self.source.id)
            if isinstance(one, Stays)
        }

    def free(self, stage: FreeSpace, proven: list[Proven]) -> Removal:
        removal = Removal()
        stage.remove(proven, removal, lambda: None)
        return removal

    def on_phone(self) -> set[str]:
        root = self.phone.root
        return {str(one.relative_to(root)) for one in root.rglob("*") if not one.is_dir()}

    def prune(self) -> Prune:
        return Prune(
            copies=Copies(self.database),
            mirror=self.disk,
            keep_days=0,
            clock=self.clock,
            alone=holder_of(self.home / "lock"),
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with _world(tmp_path) as (made, _):
        made.clock.pass_by(0)
        yield made


class _world:  # noqa: N801 - used as a function
    """A world in a folder; its database is closed at the end."""

    def __init__(self, home: Path, *, wants_backup: bool = False) -> None:
        self._home, self._wants_backup = home, wants_backup

    def __enter__(self) -> tuple[World, Database]:
        (self._home / "state").mkdir()
        self._database = Database(self._home / "state")
        self._database.migrate()
        return World(self._home, self._database, self._wants_backup), self._database

    def __exit__(self, *_: object) -> None:
        self._database.close()


def grown_old(world: World) -> None:
    world.clock.pass_by(40 * DAY)


# Whatever the world looks like

FATES = ("done", "done", "done", "uploaded", "mirrored", "found", "skipped", "failed")
ON_PHONE = ("same", "same", "same", "changed", "alike", "gone", "link", "folder", "touched")
COPIES = ("fine", "fine", "damaged", "gone", "short")


@dataclass(frozen=True)
class Photo:
    """One file of a random world, and what happened to it and its copies since."""

    content: int
    fate: str
    on_phone: str
    in_library: bool | None
    mirror: str
    backup: str
    old: bool


ANY = st.builds(
    Photo,
    content=st.integers(0, 4),
    fate=st.sampled_from(FATES),
    on_phone=st.sampled_from(ON_PHONE),
    in_library=st.sampled_from([True, True, True, False, None]),
    mirror=st.sampled_from(COPIES),
    backup=st.sampled_from((*COPIES, "never made")),
    old=st.sampled_from([True, True, False]),
)


WELL = st.builds(
    Photo,
    content=st.integers(0, 4),
    fate=st.just("done"),
    on_phone=st.just("same"),
    in_library=st.just(True),
    mirror=st.just("fine"),
    backup=st.just("fine"),
    old=st.just(True),
)
ONE_THING = st.one_of(
    st.fixed_dictionaries({"fate": st.sampled_from(FATES)}),
    st.fixed_dictionaries({"on_phone": st.sampled_from(ON_PHONE)}),
    st.fixed_dictionaries({"in_library": st.sampled_from([False, None])}),
    st.fixed_dictionaries({"mirror": st.sampled_from(COPIES)}),
    st.fixed_dictionaries({"backup": st.sampled_from((*COPIES, "never made"))}),
    st.fixed_dictionaries({"old": st.just(False)}),
)
NEARLY = st.builds(lambda photo, other: replace(photo, **other), WELL, ONE_THING)
PHOTOS = st.one_of(WELL, NEARLY, NEARLY, ANY)


def content_of(number: int) -> bytes:
    return b"photo %d " % number * 20


def spoil(file: Path, how: str) -> None:
    """Do to a file what may be done to it; size and time stay where that is the point."""
    if file.is_symlink() or not file.is_file():
        return
    found, content = file.stat(), file.read_bytes()
    if how == "gone":
        file.unlink()
    elif how in ("damaged", "alike"):
        file.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
        os.utime(file, ns=(found.st_mtime_ns, found.st_mtime_ns))
    elif how in ("short", "changed"):
        file.write_bytes(content[:-1])
    elif how == "touched":
        os.utime(file, (LONG_AGO + 7, LONG_AGO + 7))
    elif how == "link":
        beside = file.with_name(f"{file.name}.real")
        file.rename(beside)
        file.symlink_to(beside.name)
    elif how == "folder":
        file.unlink()
        file.mkdir()
        (file / "precious").write_bytes(content)


def settle(world: World, photo: Photo, path: str) -> None:
    content, at = content_of(photo.content), LONG_AGO if photo.old else START + 39 * DAY
    if photo.fate == "done":
        world.done(path, content, at=at)
    elif photo.fate == "found":
        world.put(path, content, at=at)
        for one in world.items.claim(State.FOUND, worker="w", now=START):
            world.items.fail(one, code="unreadable", message="no", now=START)
    elif world.mirrored(path, content, at=at) is State.MIRRORED:
        (item,) = world.items.claim(State.MIRRORED, worker="w", now=START)
        if photo.fate == "uploaded":
            world.items.mark_uploaded(item, token="t", now=START)
            (item,) = world.items.claim(State.UPLOADED, worker="w", now=START)
        if photo.fate == "failed":
            world.items.fail(item, code="refused", message="no", now=START)
        else:
            world.items.defer(item, not_before=2 * START, code="offline", message="no", now=START)
        if photo.fate == "skipped":
            Choices(world.database).skip([item.id], now=START)


def befall(world: World, photos: list[Photo]) -> None:
    """What happened since the photos were copied and sent."""
    for number, photo in enumerate(photos):
        path = f"DCIM/{number}.jpg"
        if photo.backup != "never made":
            spoil(world.backup.add(content_of(photo.content)), photo.backup)
        spoil(world.copy_of(path), photo.mirror)
        spoil(world.phone.root / path, photo.on_phone)
        for item in world.overview.items_at(world.source.id, path):
            if item.google_id is not None:
                world.library.held[item.google_id] = photo.in_library


def truly_elsewhere(world: World, content: bytes) -> bool:
    """By looking at the places themselves."""
    ids = [
        item.google_id
        for item in world.overview.items(limit=1000, state=State.DONE)
        if item.sha256 == sha256(content)
    ]
    in_library = any(world.library.held.get(one or "") is True for one in ids)
    copies = (world.home / "mirror" / LABEL).rglob("*.jpg")
    in_mirror = any(one.read_bytes() == content for one in copies if one.is_file())
    file = world.backup.root / sha256(content)
    in_backup = file.exists() and file.read_bytes() == content
    return in_library and (in_backup if world.wants_backup else in_mirror)


def everything_on(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(one.relative_to(root)): (one.read_bytes(), one.lstat().st_mtime_ns)
        for one in root.rglob("*")
        if one.is_file()
    }


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    photos=st.lists(PHOTOS, min_size=1, max_size=6),
    later=st.lists(PHOTOS, min_size=0, max_size=6),
    wants_backup=st.booleans(),
)
def test_nothing_goes_that_is_not_in_two_other_places(
    photos: list[Photo], later: list[Photo], *, wants_backup: bool
) -> None:
    """``later``: what else befalls them between the look and the deed, more than an hour apart."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _world(Path(folder), wants_backup=wants_backup) as (world, _),
    ):
        for number, photo in enumerate(photos):
            settle(world, photo, f"DCIM/{number}.jpg")
        grown_old(world)
        befall(world, photos)
        stage = world.stage()
        proven = [one for one in stage.prove(world.source.id) if isinstance(one, Proven)]
        perfect = {
            f"DCIM/{number}.jpg"
            for number, photo in enumerate(photos)
            if all(
                (one.fate, one.on_phone, one.in_library, one.mirror, one.backup, one.old)
                == ("done", "same", True, "fine", "fine", True)
                for one in photos
                if one.content == photo.content
            )
        }
        assert perfect <= {one.candidate.path for one in proven}, "what is proven may go"
        if later:
            befall(world, later[: len(photos)])
            world.clock.pass_by(PROOF_SECONDS + 1)

        before = everything_on(world.phone.root)
        removal = world.free(stage, proven)

        after = everything_on(world.phone.root)
        gone = before.keys() - after.keys()
        assert len(gone) == removal.gone
        assert {path: after[path] for path in after} == {
            path: before[path] for path in before if path not in gone
        }
        for path in gone:
            content, _ = before[path]
            number = int(path.removeprefix("DCIM/").removesuffix(".jpg"))
            assert content == content_of(photos[number].content)
            assert photos[number].old
            assert truly_elsewhere(world, content)
        if not later:
            assert perfect <= gone
        # and what is elsewhere now stays there
        while world.prune().run_once():
            pass
        for path in gone:
            assert truly_elsewhere(world, before[path][0])
        logged = world.freed.log(limit=100)
        assert {one.path for one in logged if one.outcome == "gone"} == gone
        assert not [one for one in logged if one.outcome == "begun"]


# One by one


def test_a_young_one_stays_by_whatever_makes_it_young(world: World) -> None:
    world.done("DCIM/old.jpg", b"1" * 99)
    grown_old(world)
    world.done("DCIM/just done.jpg", b"2" * 99)
    world.done("DCIM/of tomorrow.jpg", b"3" * 99, at=int(world.clock()) + DAY)
    assert [one.candidate.path for one in world.proven()] == ["DCIM/old.jpg"]
    assert set(world.reasons().values()) == {"it is not old enough"}
    world.older_than_seconds = 0
    assert len(world.proven()) == 2, "what is of tomorrow is never old"


def test_a_library_that_will_not_say_or_refuses_one_id(world: World) -> None:
    numbers = [world.done(f"DCIM/{number}.jpg", b"%d" % number * 99) for number in range(5)]
    grown_old(world)
    world.library.held[f"id-{numbers[0]}"] = None
    world.library.refused = {f"id-{numbers[1]}"}
    assert len(world.proven()) == 3
    assert set(world.reasons().values()) == {"the library would not say whether it holds it"}


@pytest.mark.parametrize("error", [Offline("no"), DailyQuotaSpent("spent", until=None)])
def test_a_library_that_cannot_be_asked_ends_it(world: World, error: Exception) -> None:
    world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    world.library.error = error
    with pytest.raises(type(error)):
        world.proven()
    world.library.error, world.quota_error = None, error
    with pytest.raises(type(error)):
        world.proven()
    assert world.on_phone() == {"DCIM/a.jpg"}


def test_fifty_are_asked_after_in_one_request(world: World) -> None:
    for number in range(120):
        world.done(f"DCIM/{number}.jpg", b"%d " % number * 30)
    grown_old(world)
    stage = world.stage()
    proven = [one for one in stage.prove(world.source.id) if isinstance(one, Proven)]
    assert (len(proven), world.library.asked) == (120, 3)
    assert world.free(stage, proven).gone == 120
    assert world.library.asked == 3


def test_a_backup_that_is_away_ends_it(world: World) -> None:
    world.wants_backup = True
    for number in range(3):
        world.done(f"DCIM/{number}.jpg", b"%d" % number * 99)
        world.backup.add(b"%d" % number * 99)
    grown_old(world)
    world.backup.away = True
    with pytest.raises(BackupAway):
        world.proven()
    assert world.backup.opened == 1


def test_a_copy_that_somebody_deletes_meanwhile(world: World) -> None:
    world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    stage, proven = world.stage(), world.proven()
    world.copy_of("DCIM/a.jpg").unlink()
    removal = world.free(stage, proven)
    reason = "no copy on this computer could be read back as it was"
    assert [one.reason for one in removal.stays] == [reason]
    assert world.on_phone() == {"DCIM/a.jpg"}
    assert world.freed.log(limit=9) == []


@pytest.mark.parametrize("how", ["gone", "damaged", "short"])
@pytest.mark.parametrize("place", ["mirror", "backup"])
def test_the_copy_relied_on_is_read_once_more_right_before(
    world: World, place: str, how: str
) -> None:
    """Between the look and the typed yes there may be an hour."""
    world.wants_backup = place == "backup"
    for number in range(2):
        world.done(f"DCIM/{number}.jpg", b"%d" % number * 99)
    copies = [world.backup.add(b"%d" % number * 99) for number in range(2)]
    if place == "mirror":
        copies = [world.copy_of(f"DCIM/{number}.jpg") for number in range(2)]
    grown_old(world)
    stage, proven = world.stage(), world.proven()
    assert len(proven) == 2
    spoil(copies[0], how)
    removal = world.free(stage, proven)
    assert [one.candidate.path for one in removal.stays] == ["DCIM/0.jpg"]
    assert world.on_phone() == {"DCIM/0.jpg"}


def test_a_backup_that_goes_meanwhile_ends_it(world: World) -> None:
    world.wants_backup = True
    world.done("DCIM/a.jpg", b"1" * 99)
    world.backup.add(b"1" * 99)
    grown_old(world)
    stage, proven = world.stage(), world.proven()
    world.backup.away = True
    with pytest.raises(BackupAway):
        world.free(stage, proven)
    assert world.on_phone() == {"DCIM/a.jpg"}
    assert world.freed.log(limit=9) == []


def test_an_item_that_is_sent_again_meanwhile(world: World) -> None:
    from photosync.store.verified import Held, Verified

    number = world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    stage, proven = world.stage(), world.proven()
    verified = Verified(world.database)
    verified.note([(Held(number, f"id-{number}"), False)], now=int(world.clock()))
    removal = world.free(stage, proven)
    assert "has changed meanwhile" in removal.stays[0].reason
    assert list(world.reasons().values()) == [
        "the library did not hold it when it was last asked (photosync verify)"
    ]
    verified.send_again(now=int(world.clock()))
    assert world.free(stage, proven).gone == 0
    assert world.on_phone() == {"DCIM/a.jpg"}


def test_a_removal_whose_end_nobody_heard_of_is_looked_at_the_next_time(world: World) -> None:
    for number in range(3):
        world.done(f"DCIM/{number}.jpg", b"%d" % number * 99)
    grown_old(world)
    stage, proven = world.stage(), world.proven()
    world.phone.cut_after = 1
    with pytest.raises(PhoneGone):
        world.free(stage, proven)
    outcomes = [one.outcome for one in world.freed.log(limit=9)]
    assert outcomes == ["begun", "gone"]
    world.phone.cut_after = None
    world.stage().settle(world.source.id)
    assert [one.outcome for one in world.freed.log(limit=9)] == ["gone", "gone"]

    # and one that was not removed after all
    again = next(one for one in world.proven())
    assert world.freed.begin(again.candidate, kept_in="mirror", now=START) is not None
    world.stage().settle(world.source.id)
    line = world.freed.log(limit=1)[0]
    assert (line.outcome, line.reason) == ("kept", "it was not removed after all")
    assert world.on_phone() == {"DCIM/2.jpg"}


def test_it_stops_between_two_files(world: World) -> None:
    for number in range(3):
        world.done(f"DCIM/{number}.jpg", b"%d" % number * 99)
    grown_old(world)
    stage, proven, removal = world.stage(), world.proven(), Removal()
    with pytest.raises(Stopping):
        stage.remove(proven, removal, world.halt.set)
    assert (removal.gone, len(world.on_phone())) == (1, 2)
    with pytest.raises(Stopping):
        list(stage.prove(world.source.id))


def test_copies_are_not_pruned_while_they_are_relied_upon(world: World) -> None:
    world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    with hold(world.home / "lock") as is_held:
        assert is_held
        assert not world.prune().run_once()
        with hold(world.home / "lock") as is_twice:
            assert not is_twice
    assert world.copy_of("DCIM/a.jpg").exists()
    assert world.prune().run_once()
    assert not world.copy_of("DCIM/a.jpg").exists()
    assert list(world.reasons().values()) == [
        "no copy on this computer could be read back as it was"
    ]


def test_what_was_freed_and_has_no_copy_in_the_mirror_is_not_sent_again_out_of_nothing(
    world: World,
) -> None:
    """It would be read from a phone that has it no more, and be forgotten."""
    from photosync.store.verified import Held, Verified

    world.wants_backup = True
    number = world.done("DCIM/a.jpg", b"1" * 99)
    world.backup.add(b"1" * 99)
    grown_old(world)
    assert world.free(world.stage(), world.proven()).gone == 1
    world.disk.remove(f"{LABEL}/DCIM/a.jpg", 99, LONG_AGO * 10**9)
    Copies(world.database).forget([number])
    verified = Verified(world.database)
    verified.note([(Held(number, f"id-{number}"), False)], now=int(world.clock()))
    assert verified.send_again(now=int(world.clock())) == []
    assert world.overview.item(number).sha256 == sha256(b"1" * 99), "restore finds it by that"

    restores, target = Restores(world.database), Target(TargetKind.PHONE, "SERIAL")
    at = restores.moment(now=int(world.clock()))
    restores.ask(target, [(number, "DCIM/a.jpg")], at=at)
    ((order,),) = restores.asked(target, at=at)
    restores.put(order, mtime_ns=LONG_AGO * 10**9, now=at, fresh=True)
    assert world.freed.log(limit=1)[0].outcome == "back"
    assert verified.send_again(now=int(world.clock())) == [number]


def test_elsewhere_is_not_back(world: World) -> None:
    number = world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    assert world.free(world.stage(), world.proven()).gone == 1
    restores, target = Restores(world.database), Target(TargetKind.PHONE, "ANOTHER")
    at = restores.moment(now=int(world.clock()))
    restores.ask(target, [(number, "DCIM/a.jpg")], at=at)
    ((order,),) = restores.asked(target, at=at)
    restores.put(order, mtime_ns=LONG_AGO * 10**9, now=at, fresh=True)
    assert world.freed.log(limit=1)[0].outcome == "gone"
    assert not world.prune().run_once()
    assert world.copy_of("DCIM/a.jpg").exists()


def test_what_was_freed_is_on_the_phone_no_more_until_it_is_restored(world: World) -> None:
    number = world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    everything = AllWhereabouts(world.database)
    assert [one.is_seen for one in everything.all()] == [True]

    assert world.free(world.stage(), world.proven()).gone == 1
    assert [one.is_seen for one in everything.all()] == [False]

    restores, target = Restores(world.database), Target(TargetKind.PHONE, "SERIAL")
    at = restores.moment(now=int(world.clock()))
    restores.ask(target, [(number, "DCIM/a.jpg")], at=at)
    ((order,),) = restores.asked(target, at=at)
    restores.put(order, mtime_ns=LONG_AGO * 10**9, now=at, fresh=True)
    assert [one.is_seen for one in everything.all()] == [True]


def test_a_duplicate_goes_by_the_copy_of_its_like(world: World) -> None:
    world.done("DCIM/a.jpg", b"1" * 99)
    world.done("DCIM/b.jpg", b"1" * 99)
    grown_old(world)
    world.copy_of("DCIM/b.jpg").unlink()
    assert len(world.proven()) == 2
    world.copy_of("DCIM/a.jpg").unlink()
    assert world.proven() == []


def test_sources_of_another_kind_are_not_touched(world: World) -> None:
    folder = world.sources.register(SourceKind.FOLDER, "/x", label="x", album="")
    world.done("DCIM/a.jpg", b"1" * 99)
    grown_old(world)
    assert list(world.stage().prove(folder.id)) == []
