"""Out of the nearest copy, over whatever is damaged or away, to a folder that is no fake."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import SourceKind
from photosync.domain.restoring import Target, TargetKind, Wanted, plan
from photosync.domain.states import State
from photosync.errors import DiskFull, PhoneFull, PhoneGarbled, Stopping
from photosync.files.folder import Folder
from photosync.files.placing import FolderTarget
from photosync.stages.restore import Restore, Tally
from photosync.stages.whereabouts import Whereabouts
from photosync.store.overview import Overview
from photosync.store.restores import Restores
from tests.stages.elsewhere import DiskBackup, sha256
from tests.stages.test_free_space import LONG_AGO, World, _world, spoil

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.domain.restoring import Landed
    from photosync.stages.ports import Content


class Home:
    """A world whose photos are put back into a folder."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.out = world.home / "out"
        self.target = Target(TargetKind.FOLDER, str(self.out))
        self.restores = Restores(world.database)
        self.folders: dict[int, Folder] = {}
        self.backup: DiskBackup | None = None
        self.there = FolderTarget(self.out, owner="me")
        self.there.prepare()

    def ask(self, wanted: Wanted | None = None) -> int:
        at = self.restores.moment(now=int(self.world.clock()))
        items = self.restores.select(wanted or Wanted())
        orders = ((item.id, path) for item, path in plan(items, self.target))
        self.restores.ask(self.target, orders, at=at)
        return at

    def stage(self) -> Restore:
        return Restore(
            restores=self.restores,
            whereabouts=Whereabouts(
                restores=self.restores,
                mirrors=[self.world.disk],
                folders=self.folders,
                second=self.backup,
            ),
            target=self.there,
            halt=self.world.halt,
            clock=self.world.clock,
        )

    def run(self, wanted: Wanted | None = None) -> Tally:
        tally = Tally()
        self.stage().run(self.target, at=self.ask(wanted), tally=tally)
        return tally

    def file(self, path: str) -> Path:
        return self.out / "Pixel" / path

    def left(self) -> int:
        return sum(self.restores.left().values())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with _world(tmp_path) as (world, _):
        yield Home(world)


A, B = b"a" * 3000, b"b" * 3000


def test_out_of_the_mirror_and_then_out_of_the_backup(home: Home) -> None:
    home.world.done("DCIM/a.jpg", A)
    home.world.done("DCIM/b.jpg", B)
    home.backup = home.world.backup
    home.backup.add(A)
    home.backup.add(B)
    spoil(home.world.copy_of("DCIM/b.jpg"), "damaged")
    tally = home.run()
    assert (tally.put, tally.out_of, tally.troubles) == (2, {"mirror": 1, "backup": 1}, [])
    assert home.file("DCIM/b.jpg").read_bytes() == B
    assert home.file("DCIM/b.jpg").stat().st_mtime == LONG_AGO
    assert home.backup.opened == 1


def test_out_of_a_watched_folder_that_has_the_same(home: Home, tmp_path: Path) -> None:
    home.world.done("DCIM/a.jpg", A)
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "like.jpg").write_bytes(A)
    os.utime(root / "like.jpg", (LONG_AGO, LONG_AGO))
    source = home.world.sources.register(SourceKind.FOLDER, str(root), label="p", album="")
    home.world.sources.set_connected(source.id, connected=True, now=1)
    home.folders[source.id] = Folder(root)
    from photosync.domain.media import Finding, Hashes
    from photosync.store.intake import Intake

    finding = Finding("like.jpg", len(A), LONG_AGO * 10**9, "image/jpeg")
    Intake(home.world.database).add(source.id, [finding], first=State.FOUND, now=1)
    (item,) = home.world.items.claim(State.FOUND, worker="w", now=2**31)
    home.world.items.mark_hashed(
        item, Hashes(len(A), sha256(A), "0" * 40), album="", taken_at=None, mirror_path=None, now=1
    )
    home.world.copy_of("DCIM/a.jpg").unlink()
    assert home.run().out_of == {"folder": 2}
    (root / "like.jpg").write_bytes(B)
    home.file("DCIM/a.jpg").unlink()
    tally = home.run()
    assert [one.error.code for one in tally.troubles] == ["no_copy"]
    assert "has changed" in tally.troubles[0].error.message


def test_without_any_copy_it_says_so_and_others_go_on(home: Home) -> None:
    for number in range(4):
        home.world.done(f"DCIM/{number}.jpg", b"%d" % number * 999)
    spoil(home.world.copy_of("DCIM/1.jpg"), "damaged")
    home.world.copy_of("DCIM/2.jpg").unlink()
    tally = home.run()
    assert (tally.put, len(tally.troubles), home.left()) == (2, 2, 0)
    assert "damaged" in tally.troubles[0].error.message
    assert "gone from the mirror" in tally.troubles[1].error.message
    assert not home.file("DCIM/1.jpg").exists()


def test_a_backup_that_is_away_is_asked_once_and_waited_for(home: Home) -> None:
    home.backup = home.world.backup
    for number in range(3):
        home.world.done(f"DCIM/{number}.jpg", b"%d" % number * 999)
        home.backup.add(b"%d" % number * 999)
        home.world.copy_of(f"DCIM/{number}.jpg").unlink()
    home.backup.away = True
    tally = home.run()
    assert {one.error.code for one in tally.troubles} == {"backup_away"}
    assert (home.backup.opened, home.left()) == (1, 3)
    home.backup.away = False
    at = home.restores.moment(now=1)
    home.restores.ask_again(home.target, at=at)
    tally = Tally()
    home.stage().run(home.target, at=at, tally=tally)
    assert (tally.put, home.left()) == (3, 0)


class Cut(FolderTarget):
    """A target that fails at one file."""

    def __init__(self, root: Path, at: str, error: Exception) -> None:
        super().__init__(root, owner="me")
        self.at, self.error = at, error

    def put(
        self, path: str, content: Content, *, size_bytes: int, mtime_ns: int, sha256: str
    ) -> Landed:
        if path.endswith(self.at):
            raise self.error
        return super().put(path, content, size_bytes=size_bytes, mtime_ns=mtime_ns, sha256=sha256)


@pytest.mark.parametrize("error", [PhoneFull("no room"), DiskFull("no room")])
def test_what_ends_it_leaves_the_rest_asked_for(home: Home, error: Exception) -> None:
    for number in range(4):
        home.world.done(f"DCIM/{number}.jpg", b"%d" % number * 999)
    good, home.there = home.there, Cut(home.out, "2.jpg", error)
    at, tally = home.ask(), Tally()
    with pytest.raises(type(error)):
        home.stage().run(home.target, at=at, tally=tally)
    assert (tally.put, home.left()) == (2, 2)
    home.there = good
    tally = home.run()
    assert (tally.put, tally.there, home.left()) == (2, 2, 0)


def test_what_passes_is_left_and_the_others_go_on(home: Home) -> None:
    for number in range(3):
        home.world.done(f"DCIM/{number}.jpg", b"%d" % number * 999)
    home.there = Cut(home.out, "1.jpg", PhoneGarbled("nonsense"))
    tally = home.run()
    assert (tally.put, len(tally.troubles), home.left()) == (2, 1, 1)
    assert tally.troubles[0].passes


def test_what_is_done_is_looked_at_and_not_read(home: Home) -> None:
    for number in range(700):
        home.world.done(f"DCIM/{number}.jpg", b"%d " % number * 30)
    assert home.run().put == 700
    for number in range(700):
        home.world.copy_of(f"DCIM/{number}.jpg").unlink()
    tally = home.run()
    assert (tally.put, tally.there) == (0, 700)
    home.file("DCIM/5.jpg").unlink()
    spoil(home.file("DCIM/6.jpg"), "touched")
    tally = home.run()
    assert tally.there == 699, "one has another time by now, but the very bytes"
    assert [one.error.code for one in tally.troubles] == ["no_copy"]


def test_it_stops_at_once(home: Home) -> None:
    for number in range(3):
        home.world.done(f"DCIM/{number}.jpg", b"%d" % number * 999)
    at = home.ask()
    home.world.halt.set()
    with pytest.raises(Stopping):
        home.stage().run(home.target, at=at, tally=Tally())
    assert home.left() == 3


def test_of_two_versions_the_newer_one_unless_a_number_is_named(home: Home) -> None:
    first = home.world.done("DCIM/a.jpg", A)
    second = home.world.done("DCIM/a.jpg", B, at=LONG_AGO + 9)
    assert [one.id for one in home.restores.select(Wanted())] == [second]
    assert [one.id for one in home.restores.select(Wanted(ids=(first,)))] == [first]
    home.run()
    assert home.file("DCIM/a.jpg").read_bytes() == B
    tally = home.run(Wanted(ids=(first,)))
    assert [one.error.code for one in tally.troubles] == ["exists"]


def test_folders_are_whole_names(home: Home) -> None:
    for path in ("DCIM/a.jpg", "DCIM2/b.jpg", "DCIM/c\udce9/d.jpg", "DCIM_/e.jpg"):
        home.world.done(path, path.encode("utf-8", "surrogateescape") * 99)

    def below(folder: str) -> list[str]:
        return [one.path for one in home.restores.select(Wanted(folder=folder))]

    assert below("DCIM") == ["DCIM/a.jpg", "DCIM/c\udce9/d.jpg"]
    assert below("DCIM/") == below("DCIM")
    assert below("DCIM/c\udce9") == ["DCIM/c\udce9/d.jpg"]
    assert below("DCI%") == []
    assert len(below("")) == 4


def test_what_was_never_read_is_named(home: Home) -> None:
    number = home.world.put("DCIM/a.jpg", A)
    assert list(home.restores.select(Wanted(ids=(number,)))) == []
    assert home.restores.never_read([number, 99]) == {number: "found"}


def test_a_time_after_2262_comes_back(home: Home) -> None:
    home.world.done("DCIM/a.jpg", A, at=10_500_000_000)
    assert home.run().put == 1
    assert home.file("DCIM/a.jpg").stat().st_mtime == 10_500_000_000
    assert home.run().there == 1


def test_a_preview_changes_nothing(home: Home) -> None:
    for number in range(3):
        home.world.done(f"DCIM/{number}.jpg", b"%d" % number * 999)
    home.run(Wanted(ids=(1,)))
    home.world.copy_of("DCIM/1.jpg").unlink()
    at = home.ask()
    (orders,) = home.restores.asked(home.target, at=at)
    assert [what for _, what in home.stage().preview(orders)] == ["there", "none", "mirror"]
    home.file("DCIM/2.jpg").write_bytes(b"?")
    assert [what for _, what in home.stage().preview(orders)][2] == "exists"


def test_the_history_says_where_it_was_put(home: Home) -> None:
    """Only what went back to where it came from is restored and no more."""
    home.world.done("DCIM/a.jpg", A)
    home.run()
    overview = Overview(home.world.database)
    (source,) = (one.source for one in overview.sources())
    own = Target(TargetKind.PHONE, source.address)
    home.restores.ask(own, [(1, "DCIM/a.jpg")], at=2**31)
    ((order,),) = home.restores.asked(own, at=2**31)
    home.restores.put(order, mtime_ns=1, now=2**31, fresh=True)

    lines = [one for one in overview.history(1) if one.code == "restored"]

    assert [one.to for one in lines] == [str(home.out), ""]
