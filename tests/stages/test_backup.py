"""The stage that makes the second copy, step by step, on a disk and with a clock of the test's."""

from __future__ import annotations

import io
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, BinaryIO, NoReturn

import pyrage
import pytest
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from photosync.app.old_places import OldFolders
from photosync.backup.keys import Keys
from photosync.backup.local import LocalPlace
from photosync.backup.places import prepare
from photosync.domain.backups import Record
from photosync.errors import BackupAway, BackupFull, FileVanished, PhotosyncError
from photosync.files.holding import hold
from photosync.stages import backup as stage_module
from photosync.stages.backup import INDEXED_SECONDS, Backup
from photosync.store.backups import Backups
from photosync.store.database import Database
from photosync.store.resealing import Reseals
from tests.stages.conftest import Clock
from tests.store.conftest import NOW, Shelf, hashes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.backup.places import Place
    from photosync.domain.media import MediaItem
    from photosync.stages.ports import OldPlaces
    from photosync.store.backups import Target


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with Database(tmp_path) as database:
        database.migrate()
        yield Shelf(database)


class Originals:
    """Each holds its own name, as a Shelf has it, or what the test says of its number."""

    def __init__(self) -> None:
        self.contents: dict[int, bytes] = {}

    @contextmanager
    def open(self, item: MediaItem) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.contents.get(item.id, item.source_path.encode()))


class Disk:
    def __init__(self, root: Path, target: Target) -> None:
        root.mkdir()
        self.keys = Keys()
        self.target = target
        self.place: Place = LocalPlace(root, "me")

    def ready(self) -> Keys:
        prepare(self.place, None)
        return self.keys


def stage_of(
    shelf: Shelf,
    tmp_path: Path,
    clock: Clock,
    *,
    disk: Disk | None = None,
    originals: Originals | None = None,
    old_places: OldPlaces | None = None,
) -> Backup:
    backups = Backups(shelf.database)
    target = backups.aim(str(tmp_path / "disk"))
    return Backup(
        backups=backups,
        reseals=Reseals(shelf.database),
        target=disk or Disk(tmp_path / "disk", target),
        originals=originals or Originals(),
        old_places=old_places or OldFolders(list),
        label=lambda _source: "Pictures",
        taken_at=lambda _file, _name: None,
        turn=lambda: hold(tmp_path / "turn"),
        owner="me",
        hides_names=False,
        resting=lambda: "",
        is_paused=lambda: False,
        source_lost=lambda _source, _error: None,
        progress=lambda _more: None,
        halt=Event(),
        clock=clock,
    )


def told(root: Path) -> int:
    index = root / ".photosync/index"
    return sum(one.read_text().count("\n") for one in index.glob("*.tsv"))


def test_what_no_index_tells_of_yet_is_a_few_minutes_worth(shelf: Shelf, tmp_path: Path) -> None:
    """Killed now, with the state lost, it would copy that much again."""
    for number in range(6):
        shelf.mirrored(f"{number}.jpg")
    clock = Clock()
    stage = stage_of(shelf, tmp_path, clock)
    for _ in range(3):
        assert stage.run_once()
    assert told(tmp_path / "disk") == 0
    clock.pass_by(INDEXED_SECONDS + 1)
    assert stage.run_once()
    assert told(tmp_path / "disk") == 3
    assert stage.run_once()
    clock.pass_by(-3600)  # a clock set back must not hold it up
    assert stage.run_once()
    assert told(tmp_path / "disk") == 4


def test_so_many_are_told_of_together(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "INDEXED_AT_ONCE", 2)
    for number in range(3):
        shelf.mirrored(f"{number}.jpg")
    stage = stage_of(shelf, tmp_path, Clock())
    found = []
    while stage.run_once():
        found.append(told(tmp_path / "disk"))
    assert found == [0, 0, 2, 2, 3]


class Elsewhere:
    """The place of before: it gives each photo, which holds its name."""

    @contextmanager
    def open(self, target: Target, record: Record) -> Iterator[BinaryIO]:
        del target
        yield io.BytesIO(record.name.encode())


class Gone(Originals):
    def open(self, item: MediaItem) -> NoReturn:
        raise FileVanished(f"{item.source_path} is gone.")


class Troubled(LocalPlace):
    """It meets with ``trouble`` once a file is brought there."""

    trouble: PhotosyncError
    is_troubled = False

    def check(self) -> None:
        if self.is_troubled:
            raise self.trouble

    def part(self, path: str, token: str) -> NoReturn:
        del path, token
        self.is_troubled = True
        raise self.trouble


@pytest.mark.parametrize("error", [BackupFull("It is full."), BackupAway("It is not there.")])
def test_a_target_in_trouble_is_not_taken_for_a_place_of_before_that_cannot_be_read(
    shelf: Shelf, tmp_path: Path, error: PhotosyncError
) -> None:
    """Else each photo is said to be there alone, and the disk that is full is never spoken of."""
    backups = Backups(shelf.database)
    disk = Disk(tmp_path / "disk", backups.aim(str(tmp_path / "disk")))
    shelf.mirrored("a.jpg")
    before, sha256 = backups.aim("/before", stay=False), hashes_of("a.jpg").sha256
    record = Record(sha256, "a.jpg", "a.jpg", 5, 5, sha256, False, 7, NOW)
    backups.begin(before, record, now=NOW)
    backups.confirm(before, sha256, now=NOW)
    stage = stage_of(shelf, tmp_path, Clock(), disk=disk, originals=Gone(), old_places=Elsewhere())
    place, troubled = disk.place, Troubled(tmp_path / "disk", "me")
    disk.place, troubled.trouble = troubled, error
    with pytest.raises(type(error)):
        stage.run_once()
    assert backups.reasons(disk.target) == []
    disk.place = place
    assert stage.run_once()
    assert files_in(tmp_path / "disk").popitem()[1] == b"a.jpg"


IDENTITIES = [pyrage.x25519.Identity.generate() for _ in range(2)]
PHOTOS = st.lists(
    st.tuples(
        st.sampled_from(["IMG_1.jpg", "img_1.JPG", "IMG_1~1.jpg"]),
        st.sampled_from(["one", "two", "three"]),
        st.sampled_from(["here", "there"]),
        st.sampled_from([None, 0, 1]),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda photo: (photo[0], photo[2]),
)


def files_in(root: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(root)): one.read_bytes()
        for one in root.rglob("*")
        if one.is_file() and ".photosync" not in one.parts
    }


def opened(name: str, content: bytes) -> bytes:
    for identity in IDENTITIES if name.endswith(".age") else []:
        with suppress(pyrage.DecryptError):
            plain: bytes = pyrage.decrypt(content, [identity])
            return plain
    return content


@how(max_examples=25, deadline=None)
@given(photos=PHOTOS)
def test_two_of_one_label_and_keys_that_change_overwrite_and_lose_nothing(
    photos: list[tuple[str, str, str, int | None]],
) -> None:
    """Two phones of one name, with photos of one name, while recipients come and go."""
    with tempfile.TemporaryDirectory() as folder, Database(Path(folder)) as database:
        database.migrate()
        shelf, root = Shelf(database), Path(folder)
        shelf.sources.set_connected(shelf.there, connected=True, now=NOW)
        backups, originals = Backups(database), Originals()
        disk = Disk(root / "disk", backups.aim(str(root / "disk")))
        stage = stage_of(shelf, root, Clock(), disk=disk, originals=originals)
        for name, content, source, key in photos:
            disk.keys = Keys()
            if key is not None:
                disk.keys = Keys([IDENTITIES[key].to_public()], [], str(key))
            before = files_in(root / "disk")
            item = shelf.mirrored(name, content, getattr(shelf, source))
            originals.contents[item] = content.encode()
            while stage.run_once():
                pass
            after = files_in(root / "disk")
            assert before.items() <= after.items(), "nothing is overwritten"
        wanted = {content.encode() for _, content, _, _ in photos}
        found = [opened(*one) for one in files_in(root / "disk").items()]
        assert sorted(found) == sorted(wanted), "each content once"
        assert backups.tally(disk.target.address).waiting == 0
