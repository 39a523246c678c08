"""Sealing what lies in the second copy, step by step, where something goes wrong in between."""

from __future__ import annotations

import hashlib
from threading import Event
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from photosync.backup.indexing import read_index
from photosync.backup.keys import Keys, digest_of
from photosync.backup.places import INDEX
from photosync.files.holding import hold
from photosync.stages.resealing import Reseal
from photosync.store.backups import Backups
from photosync.store.database import Database
from photosync.store.resealing import Reseals
from tests.stages.conftest import Clock
from tests.stages.test_backup import Disk, stage_of
from tests.store.conftest import Shelf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.backup.places import Place
    from photosync.store.backups import Target

NAMES = ("a.jpg", "b.jpg", "c.jpg")
KEY = pyrage.x25519.Identity.generate()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with Database(tmp_path) as database:
        database.migrate()
        yield Shelf(database)


class SealedDisk(Disk):
    """The same disk, from the day on when it is to be sealed."""

    def __init__(self, place: Place, target: Target, backups: Backups) -> None:
        self.place = place
        self.target = target
        self.keys = Keys([KEY.to_public()], [KEY], digest_of([str(KEY.to_public())]))
        self._backups = backups

    def adopt(self) -> None:
        lies = dict(self.place.walk())
        for records in read_index(self.place, self.opening_keys):
            there = [one for one in records if lies.get(one.path) == one.stored_bytes]
            self._backups.adopt(self.target, there)

    def opening_keys(self) -> list[Any]:
        return [KEY]


class Sealing:
    """A disk with plain photos, each of which holds its name."""

    def __init__(self, shelf: Shelf, tmp_path: Path) -> None:
        self.root = tmp_path / "disk"
        self._turn = tmp_path / "turn"
        self.backups = Backups(shelf.database)
        self.reseals = Reseals(shelf.database)
        plain = Disk(self.root, self.backups.aim(str(self.root)))
        for name in NAMES:
            shelf.mirrored(name)
        stage = stage_of(shelf, tmp_path, Clock(), disk=plain)
        while stage.run_once():
            pass
        self.disk = SealedDisk(plain.place, plain.target, self.backups)

    def stage(self) -> Reseal:
        return Reseal(
            backups=self.backups,
            reseals=self.reseals,
            target=self.disk,
            turn=lambda: hold(self._turn),
            owner="me",
            hides_names=False,
            progress=lambda _more: None,
            halt=Event(),
            clock=Clock(),
        )

    def all(self) -> Reseal:
        stage = self.stage()
        while stage.run_once():
            pass
        return stage

    def break_off(self) -> None:
        """After all is sealed, and before anything goes."""
        stage = self.stage()
        while len(self.sealed()) < len(NAMES):
            assert stage.run_once()

    def sealed(self) -> list[Path]:
        return sorted(self.root.glob("Pictures/**/*.age"))

    def contents(self) -> list[bytes]:
        plain = [one.read_bytes() for one in self.root.glob("Pictures/**/*.jpg")]
        return sorted([*plain, *(pyrage.decrypt(one.read_bytes(), [KEY]) for one in self.sealed())])


@pytest.fixture
def sealing(shelf: Shelf, tmp_path: Path) -> Sealing:
    return Sealing(shelf, tmp_path)


def test_what_was_sealed_is_looked_at_again_before_the_plain_file_goes(
    sealing: Sealing,
) -> None:
    """It broke off, and days later a sealed file is not there any more: the plain one is all."""
    sealing.break_off()
    sealing.sealed()[0].unlink()
    found = sealing.all().found
    assert sealing.contents() == sorted(name.encode() for name in NAMES)
    assert (found.removed, found.lost) == (len(NAMES) - 1, [])
    sha256 = hashlib.sha256(NAMES[0].encode()).hexdigest()
    record = sealing.backups.record(sealing.disk.target, sha256)
    assert record is not None
    assert (record.is_proven, record.is_sealed) == (True, False)
    assert sealing.all().found.files == 1
    assert len(sealing.sealed()) == len(NAMES)
    assert sealing.contents() == sorted(name.encode() for name in NAMES)


def test_where_neither_is_what_it_was_the_plain_file_stays_and_it_is_backed_up_anew(
    sealing: Sealing,
) -> None:
    sealing.break_off()
    sealed = sealing.sealed()[0]
    sealed.write_bytes(b"damaged")
    plain = sealed.with_suffix("")
    plain.write_bytes(b"by hand")
    found = sealing.all().found
    assert found.lost == [str(sealed.relative_to(sealing.root))]
    assert plain.read_bytes() == b"by hand"
    waiting = sealing.backups.next(sealing.disk.target, now=2**40)
    assert waiting is not None
    assert waiting.item.source_path == NAMES[0]


def test_a_hostile_index_has_no_file_removed_whose_content_is_nowhere_else(
    sealing: Sealing,
) -> None:
    """Its line says of somebody's film that it is what lies sealed under another name."""
    film = sealing.root / "film.mp4"
    film.write_bytes(b"the only film")
    (sha256, *_) = (hashlib.sha256(name.encode()).hexdigest() for name in NAMES)
    stored = hashlib.sha256(film.read_bytes()).hexdigest()
    line = ("film.mp4", "film.mp4", sha256, 13, "1.000000000", stored, 13, 1, "")
    index = sealing.root / INDEX / "1-beef.tsv"
    index.write_text("\t".join(map(str, line)) + "\n")
    sealing.all()
    assert film.exists()


def test_an_index_with_a_name_that_is_no_number_holds_nothing_up(sealing: Sealing) -> None:
    index = sealing.root / INDEX
    (index / "\N{SUPERSCRIPT TWO}-beef.tsv").write_text("")
    (index / "\N{SUPERSCRIPT TWO}-beef.tsv.age").write_bytes(pyrage.encrypt(b"", [KEY.to_public()]))
    sealing.all()
    assert len(sealing.sealed()) == len(NAMES)
