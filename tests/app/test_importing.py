"""An import that is broken off goes on where it was, and reads nothing twice."""

from __future__ import annotations

import os
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.app.importing import Import, Told, import_folder, import_gphotos_uploader, record_of
from photosync.app.state import opened
from photosync.config import load
from photosync.domain.states import State
from photosync.domain.xxhash32 import XxHash32
from photosync.errors import OtherStateUnreadable, SettingsError
from photosync.store.assumed import AssumedFiles
from tests.files.leveldb.writing import write_leveldb

if TYPE_CHECKING:
    from pathlib import Path

    from photosync.config import Settings

JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(900)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "pictures" / "old").mkdir(parents=True)
    (tmp_path / "config.toml").write_text(
        f'state_dir = "{tmp_path}/state"\n[[folder]]\npath = "{tmp_path}/pictures"\n'
    )
    return tmp_path


@pytest.fixture
def settings(home: Path) -> Settings:
    return load(home / "config.toml", {})


def put(file: Path, number: int = 0) -> bytes:
    content = JPEG + number.to_bytes(4, "big")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return content


class Meter:
    """Counts what was read; asks for the end after so many files."""

    def __init__(self, last: int = 10**9) -> None:
        self.halt = Event()
        self.files = self.size_bytes = 0
        self._last = last

    def told(self) -> Told:
        return Told(self.halt, self._tick)

    def _tick(self, files: int, size_bytes: int) -> None:
        self.files += files
        self.size_bytes += size_bytes
        if self.files >= self._last:
            self.halt.set()


def run(settings: Settings, folder: Path, meter: Meter | None = None) -> Import:
    return import_folder(settings, folder, dry_run=False, told=(meter or Meter()).told())


def assumed(settings: Settings) -> set[str]:
    with opened(settings) as state:
        items = state.overview.items(state=State.SKIPPED, limit=1000)
        return {one.source_path for one in items if one.error_code == "assumed"}


@pytest.mark.parametrize("last", [1, 49, 50, 51, 99, 130])
def test_it_goes_on_where_it_was_broken_off(settings: Settings, home: Path, last: int) -> None:
    sizes = sum(len(put(home / "pictures" / f"{one:03}.jpg", one)) for one in range(130))
    first, second = Meter(last), Meter()

    broken = run(settings, home / "pictures", first)
    whole = run(settings, home / "pictures", second)

    assert broken.stopped
    assert whole.read_before == broken.taken > last - 2
    assert first.size_bytes + second.size_bytes <= sizes + len(JPEG) + 4
    assert not whole.stopped
    assert len(assumed(settings)) == 130


def test_a_second_run_reads_nothing_and_a_changed_file_is_read(
    settings: Settings, home: Path
) -> None:
    put(home / "pictures" / "a.jpg")
    put(home / "pictures" / "b.jpg", 1)
    run(settings, home / "pictures")
    put(home / "pictures" / "b.jpg", 2)
    os.utime(home / "pictures" / "b.jpg", (5, 5))
    meter = Meter()

    found = run(settings, home / "pictures", meter)

    assert (found.taken, found.read_before, found.items) == (2, 1, 1)
    assert meter.size_bytes == len(JPEG) + 4


def test_only_what_the_watched_folder_would_find_becomes_an_item(
    settings: Settings, home: Path
) -> None:
    for name in ("a.jpg", ".hidden.jpg", "old/.nomedia", "old/b.jpg", "notes.txt"):
        put(home / "pictures" / name, len(name))

    found = run(settings, home / "pictures")

    assert found.taken == 1
    assert assumed(settings) == {"a.jpg"}


def test_a_folder_by_another_way_is_the_same_folder(settings: Settings, home: Path) -> None:
    put(home / "pictures" / "old" / "a.jpg")
    (home / "link").symlink_to(home / "pictures" / "old")

    run(settings, home / "link")

    assert assumed(settings) == {"old/a.jpg"}


def test_what_cannot_be_read_is_said_and_not_taken(settings: Settings, home: Path) -> None:
    put(home / "pictures" / "a.jpg")
    file = home / "pictures" / "b.jpg"
    put(file, 1)
    (home / "pictures" / "gone.jpg").symlink_to(home / "nowhere")
    meter = Meter()

    def tick(files: int, _: int) -> None:
        if files and file.exists():
            file.unlink()
            (home / "pictures" / "a.jpg").unlink(missing_ok=True)

    found = import_folder(settings, home / "pictures", dry_run=False, told=Told(meter.halt, tick))

    assert found.taken == 0
    assert found.unread_files in (1, 2)  # the second may be gone before it was listed
    assert "is not there any more" in found.unread[0][1]
    assert assumed(settings) == set()


def test_names_of_any_bytes(settings: Settings, home: Path) -> None:
    name = os.fsdecode(b"\xff\xfe %s\n.jpg")
    put(home / "pictures" / name)

    run(settings, home / "pictures")

    assert assumed(settings) == {name}
    with opened(settings) as state:
        assert AssumedFiles(state.database).items()[0] == 1


def test_a_file_is_no_folder(settings: Settings, home: Path) -> None:
    put(home / "a.jpg")

    with pytest.raises(SettingsError, match="no folder"):
        run(settings, home / "a.jpg")


def test_a_record_is_found_where_each_version_kept_it(tmp_path: Path) -> None:
    old = write_leveldb(tmp_path / "old" / "uploads.db", {})
    new = write_leveldb(tmp_path / "new" / "uploaded_files", {})
    both = tmp_path / "both"
    write_leveldb(both / "uploads.db", {})
    newer = write_leveldb(both / "uploaded_files", {})

    assert record_of(old.parent) == record_of(old) == old
    assert record_of(new.parent) == new
    assert record_of(both) == newer
    with pytest.raises(OtherStateUnreadable, match="no record"):
        record_of(tmp_path)


def test_a_tracked_file_that_the_settings_leave_out_is_no_item(
    settings: Settings, home: Path
) -> None:
    """Its bytes are remembered all the same: they may lie elsewhere too."""
    (home / "config.toml").write_text(
        (home / "config.toml").read_text() + '[select]\nexclude = ["old/"]\n'
    )
    settings = load(home / "config.toml", {})
    file = home / "pictures" / "old" / "a.jpg"
    hashed = XxHash32(0xCAFE)
    hashed.update(put(file))
    record = write_leveldb(
        home / "record", {os.fsencode(file): f"1|{hashed.digest()}".encode(), b"/x/y.jpg": b"1"}
    )

    found = import_gphotos_uploader(settings, record, dry_run=False, told=Meter().told())

    assert (found.taken, found.items, found.gone) == (1, 0, 1)
    assert assumed(settings) == set()


def test_a_rehearsal_counts_what_would_be_taken(settings: Settings, home: Path) -> None:
    file, other = home / "pictures" / "a.jpg", home / "pictures" / "b.jpg"
    hashed = XxHash32(0xCAFE)
    hashed.update(put(file))
    put(other, 1)
    value = f"1|{hashed.digest()}".encode()
    record = write_leveldb(home / "record", {os.fsencode(file): value, os.fsencode(other): value})

    found = import_gphotos_uploader(settings, record, dry_run=True, told=Meter().told())

    assert (found.taken, found.changed, found.items) == (1, 1, 0)
    assert not (home / "state").exists()
