"""The mirror on disk: whole copies only, nothing overwritten, nothing filled up."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from threading import Event, Thread

import pytest

from photosync.domain.media import Hashes
from photosync.errors import FileTooLarge, MirrorAway, MirrorFull, MirrorLost, Stopping
from photosync.files import mirroring
from photosync.files.mirroring import MirrorDisk
from photosync.files.parts import RESUMED_BYTES, unwritable

THEN_NS = 1_600_000_000 * 10**9


@pytest.fixture
def disk(tmp_path: Path) -> MirrorDisk:
    made = MirrorDisk(tmp_path / "mirror", least_free_bytes=0)
    made.prepare(known=False)
    return made


def copied(disk: MirrorDisk, number: int, path: str, content: bytes) -> str:
    with disk.part(number, halt=Event()) as part:
        part.start_over()
        part.write(memoryview(content))
        part.sync(THEN_NS)
        return disk.place(number, path, part.hashes())


def parts(disk: MirrorDisk) -> list[str]:
    return [one.name for one in disk.parts_folder.iterdir()]


def test_a_copy_has_its_name_its_time_and_its_hashes(disk: MirrorDisk) -> None:
    with disk.part(1, halt=Event()) as part:
        part.write(memoryview(b"abc"))
        part.write(b"def")
        assert part.head == b"abcdef"
        part.sync(THEN_NS)
        hashes = part.hashes()
        assert disk.place(1, "Pixel/DCIM/a.jpg", hashes) == "Pixel/DCIM/a.jpg"
    assert hashes == Hashes(
        6, hashlib.sha256(b"abcdef").hexdigest(), hashlib.sha1(b"abcdef").hexdigest()
    )
    file = disk.root / "Pixel/DCIM/a.jpg"
    assert file.read_bytes() == b"abcdef"
    assert file.stat().st_mtime_ns == THEN_NS
    assert parts(disk) == []


def test_nothing_is_overwritten(disk: MirrorDisk) -> None:
    assert copied(disk, 1, "Pixel/a.jpg", b"first") == "Pixel/a.jpg"
    assert copied(disk, 2, "Pixel/a.jpg", b"second") == "Pixel/a~2.jpg"
    (disk.root / "Pixel/a~3.jpg").write_bytes(b"the user's own")
    assert copied(disk, 3, "Pixel/a.jpg", b"third") == "Pixel/a~4.jpg"
    assert (disk.root / "Pixel/a.jpg").read_bytes() == b"first"
    assert (disk.root / "Pixel/a~3.jpg").read_bytes() == b"the user's own"


def test_a_copy_from_before_a_crash_is_taken_over(disk: MirrorDisk) -> None:
    copied(disk, 1, "Pixel/a.jpg", b"same")
    assert copied(disk, 1, "Pixel/a.jpg", b"same") == "Pixel/a.jpg"
    assert [one.name for one in (disk.root / "Pixel").iterdir()] == ["a.jpg"]


def test_a_link_in_the_place_of_a_copy_is_no_copy(disk: MirrorDisk, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"same")
    (disk.root / "Pixel").mkdir()
    (disk.root / "Pixel/a.jpg").symlink_to(tmp_path / "elsewhere")
    assert copied(disk, 1, "Pixel/a.jpg", b"same") == "Pixel/a~1.jpg"


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_disks_without_links(
    disk: MirrorDisk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)
    assert copied(disk, 1, "Pixel/a.jpg", b"first") == "Pixel/a.jpg"
    assert copied(disk, 2, "Pixel/a.jpg", b"second") == "Pixel/a~2.jpg"
    assert parts(disk) == []


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG])
def test_a_name_that_the_disk_refuses_becomes_a_plain_one(
    disk: MirrorDisk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    link = os.link

    def picky(part: Path, target: Path) -> None:
        if not target.name.isascii():
            raise OSError(number, os.strerror(number))
        link(part, target)

    monkeypatch.setattr(os, "link", picky)
    name = copied(disk, 1, "Pixel/\u00e9.jpg", b"bytes")
    assert name.isascii()
    assert name.startswith("Pixel/_~")
    assert name.endswith(".jpg")


def test_a_file_where_a_folder_should_be(disk: MirrorDisk) -> None:
    """On the phone it was a file once, and is a folder now."""
    assert copied(disk, 1, "Pixel/x.jpg", b"a photo") == "Pixel/x.jpg"
    (disk.root / "Pixel/x~1.jpg").write_bytes(b"the user's own")
    assert copied(disk, 2, "Pixel/x.jpg/y/a.jpg", b"bytes") == "Pixel/x~2.jpg/y/a.jpg"
    assert copied(disk, 3, "Pixel/x.jpg/b.jpg", b"more") == "Pixel/x~2.jpg/b.jpg"
    assert (disk.root / "Pixel/x.jpg").read_bytes() == b"a photo"
    assert (disk.root / "Pixel/x~2.jpg/y/a.jpg").read_bytes() == b"bytes"


def test_a_copy_goes_on_where_it_stopped(disk: MirrorDisk) -> None:
    content = os.urandom(3 * RESUMED_BYTES + 17)
    with disk.part(1, halt=Event()) as part:
        part.write(content)
    with disk.part(1, halt=Event()) as part:
        assert part.go_on(len(content)) == 3 * RESUMED_BYTES
        part.write(content[3 * RESUMED_BYTES :])
        assert part.hashes().sha256 == hashlib.sha256(content).hexdigest()
        part.start_over()
        part.write(b"anew")
        assert part.hashes().size_bytes == 4
    with disk.part(1, halt=Event()) as part:
        assert part.go_on(10) == 0


def test_a_stop_ends_a_copy(disk: MirrorDisk) -> None:
    halt = Event()
    with disk.part(1, halt=halt) as part:
        part.write(bytes(2 * RESUMED_BYTES))
        halt.set()
        with pytest.raises(Stopping):
            part.write(b"more")
    with disk.part(1, halt=halt) as part, pytest.raises(Stopping):
        part.go_on(2 * RESUMED_BYTES)


def test_room_is_kept_on_the_disk(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    disk = MirrorDisk(tmp_path / "mirror", least_free_bytes=free // 2)
    disk.prepare(known=False)
    disk.need({1: free // 4})
    with pytest.raises(MirrorFull, match=r"mirror\.min_free"):
        disk.need({1: free // 4 * 3})


def test_a_full_disk(disk: MirrorDisk) -> None:
    """/dev/full answers every write as a full disk does."""
    disk.parts_folder.mkdir()
    (disk.parts_folder / "1").symlink_to("/dev/full")
    with disk.part(1, halt=Event()) as part, pytest.raises(MirrorFull, match="full"):
        part.write(b"bytes")


def test_a_full_disk_is_told_by_the_photo_and_not_by_its_part(disk: MirrorDisk) -> None:
    disk.parts_folder.mkdir()
    (disk.parts_folder / "1").symlink_to("/dev/full")
    with (
        disk.part(1, halt=Event(), path="Pixel/DCIM/a.jpg") as part,
        pytest.raises(MirrorFull) as told,
    ):
        part.write(b"bytes")
    assert told.value.message == f"The disk that holds {disk.root}/Pixel/DCIM/a.jpg is full."


def test_a_mirror_that_was_made_and_is_not_there_is_an_unmounted_disk(tmp_path: Path) -> None:
    disk = MirrorDisk(tmp_path / "mnt" / "mirror", least_free_bytes=0)
    with pytest.raises(MirrorAway) as caught:
        disk.prepare(known=True)
    assert "Mount" in caught.value.hint
    assert not (tmp_path / "mnt").exists(), "nothing is written below the mount point"
    disk.prepare(known=False)
    disk.prepare(known=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MirrorAway):
        MirrorDisk(tmp_path / "file/mirror", least_free_bytes=0).prepare(known=False)
    with pytest.raises(MirrorAway):
        MirrorDisk(tmp_path / "nowhere", least_free_bytes=0).need({1: 1})


def test_copies_are_read_and_missed(disk: MirrorDisk) -> None:
    path = copied(disk, 1, "Pixel/a.jpg", b"bytes")
    with disk.open(path, 5) as file:
        assert file.read() == b"bytes"
    with pytest.raises(MirrorLost, match="changed"), disk.open(path, 6):
        pass
    assert disk.remove(path, 5, THEN_NS)
    assert not disk.remove(path, 5, THEN_NS)
    with pytest.raises(MirrorLost, match="gone"), disk.open(path, 5):
        pass
    (disk.root / mirroring.MARK).unlink()
    with pytest.raises(MirrorAway), disk.open(path, 5):
        pass
    with pytest.raises(ValueError, match="path"), disk.open("../a.jpg", 5):
        pass


def test_a_mirror_whose_folder_is_away_is_not_lost(disk: MirrorDisk, tmp_path: Path) -> None:
    path = copied(disk, 1, "Pixel/a.jpg", b"bytes")
    disk.root.rename(tmp_path / "away")
    with pytest.raises(MirrorAway), disk.open(path, 5):
        pass


@pytest.mark.parametrize("change", ["longer", "newer", "link", "folder"])
def test_what_the_user_made_of_a_copy_is_never_removed(
    disk: MirrorDisk, tmp_path: Path, change: str
) -> None:
    path = copied(disk, 1, "Pixel/a.jpg", b"bytes")
    file = disk.root / path
    if change == "longer":
        file.write_bytes(b"edited")
        os.utime(file, ns=(THEN_NS, THEN_NS))
    elif change == "newer":
        file.write_bytes(b"Bytes")
    else:
        file.rename(tmp_path / "a.jpg")
        if change == "link":
            file.symlink_to(tmp_path / "a.jpg")
        else:
            file.mkdir()
    assert not disk.remove(path, 5, THEN_NS)
    assert file.exists()


def test_a_disk_with_coarse_times(disk: MirrorDisk) -> None:
    path = copied(disk, 1, "Pixel/a.jpg", b"bytes")
    os.utime(disk.root / path, ns=(THEN_NS - 10**9, THEN_NS - 10**9))
    assert disk.remove(path, 5, THEN_NS)


def test_nothing_is_removed_while_the_mirror_is_away(disk: MirrorDisk, tmp_path: Path) -> None:
    path = copied(disk, 1, "Pixel/a.jpg", b"bytes")
    disk.root.rename(tmp_path / "away")
    disk.root.mkdir()
    with pytest.raises(MirrorAway):
        disk.remove(path, 5, THEN_NS)


def test_two_that_copy_to_one_mirror_do_not_meet(disk: MirrorDisk) -> None:
    other = MirrorDisk(disk.root, least_free_bytes=0, owner="other")
    with disk.part(1, halt=Event()) as mine, other.part(1, halt=Event()) as yours:
        mine.write(b"mine")
        yours.write(b"yours")
        mine.write(b" too")
        assert (disk.parts(), other.parts()) == ([1], [1])
        assert disk.place(1, "Pixel/a.jpg", mine.hashes()) == "Pixel/a.jpg"
    assert (disk.root / "Pixel/a.jpg").read_bytes() == b"mine too"
    assert (disk.parts(), other.parts()) == ([], [1])


def test_progress_is_told(disk: MirrorDisk) -> None:
    told: list[int] = []
    with disk.part(1, halt=Event(), progress=told.append) as part:
        part.write(b"abc")
        part.write(b"def")
    assert told == [3, 6]


def test_an_unfinished_copy_is_dropped(disk: MirrorDisk) -> None:
    with disk.part(1, halt=Event()) as part:
        part.write(b"half")
    disk.drop(1)
    disk.drop(1)
    assert parts(disk) == []


def test_a_death_between_two_names_costs_no_copy(disk: MirrorDisk) -> None:
    """The unfinished copy is the finished one under another name: nothing may be done to it."""
    path = copied(disk, 1, "Pixel/a.jpg", b"finished")
    os.link(disk.root / path, disk.parts_folder / "1")
    with disk.part(1, halt=Event()) as part:
        part.start_over()
        part.write(b"half")
    assert (disk.root / path).read_bytes() == b"finished"


def test_what_a_part_holds_already_is_not_needed_again(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    disk = MirrorDisk(tmp_path / "mirror", least_free_bytes=0)
    disk.prepare(known=False)
    with disk.part(1, halt=Event()) as part:
        part.write(bytes(1000))
    os.truncate(disk.parts_folder / "1", free)  # sparse: it takes no room
    disk.need({1: free + free // 2})
    with pytest.raises(MirrorFull):
        disk.need({2: free + free // 2})


def test_room_that_was_given_is_nobody_elses(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    disk = MirrorDisk(tmp_path / "mirror", least_free_bytes=0)
    disk.prepare(known=False)
    disk.need({2: free // 3 * 2})
    with disk.room({1: free // 3 * 2}):
        disk.need({1: free // 3 * 2})
        with pytest.raises(MirrorFull), disk.room({2: free // 3 * 2}):
            pass
        with disk.part(1, halt=Event()):
            pass
        os.truncate(disk.parts_folder / "1", free // 3 * 2)  # it is all there: free tells of it
        disk.need({2: free // 3 * 2})
        os.truncate(disk.parts_folder / "1", 0)
    with disk.room({2: free // 3 * 2}), pytest.raises(MirrorFull):
        disk.need({1: free // 3 * 2})


def test_of_two_that_want_one_name_at_once_neither_is_overwritten(
    disk: MirrorDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a disk without links, where only a look tells whether a name is taken."""

    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    rename, others = Path.rename, []

    def rename_late(part: Path, target: Path) -> Path:
        if part.name == "1":
            others.append(Thread(target=copied, args=(disk, 2, "Pixel/a.jpg", b"second")))
            others[0].start()
            others[0].join(timeout=0.3)  # until it has its name, or has to wait for ours
        return rename(part, target)

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(Path, "rename", rename_late)
    assert copied(disk, 1, "Pixel/a.jpg", b"first") == "Pixel/a.jpg"
    others[0].join(timeout=60)
    assert (disk.root / "Pixel/a.jpg").read_bytes() == b"first"
    assert (disk.root / "Pixel/a~2.jpg").read_bytes() == b"second"


def test_a_disk_that_takes_no_large_files() -> None:
    error = unwritable(Path("/mirror/film.mp4"), OSError(errno.EFBIG, "too large"))
    assert isinstance(error, FileTooLarge)
    assert "FAT" in error.hint


def test_a_mirror_that_is_unmounted_in_the_middle_is_not_begun_below_the_mount_point(
    disk: MirrorDisk, tmp_path: Path
) -> None:
    disk.root.rename(tmp_path / "unmounted")
    disk.root.mkdir()
    with pytest.raises(MirrorAway), disk.part(2, halt=Event()):
        pass
    assert list(disk.root.iterdir()) == []


def test_a_mirror_that_is_unmounted_during_a_copy_leaves_the_mount_point_bare(
    disk: MirrorDisk, tmp_path: Path
) -> None:
    with disk.part(1, halt=Event()) as part:
        part.write(b"whole")
        part.sync(THEN_NS)
        disk.root.rename(tmp_path / "elsewhere")
        disk.root.mkdir()
        with pytest.raises(MirrorAway):
            disk.place(1, "Pixel/DCIM/a.jpg", part.hashes())
    assert list(disk.root.iterdir()) == []


def test_a_mirror_that_the_settings_moved_while_copies_wait(tmp_path: Path) -> None:
    old = MirrorDisk(tmp_path / "old", least_free_bytes=0)
    old.prepare(known=False)
    path = copied(old, 1, "Pixel/a.jpg", b"bytes")
    moved = MirrorDisk(tmp_path / "new", least_free_bytes=0, moved_from=str(old.root))
    for known in (True, False):
        with pytest.raises(MirrorAway, match="still to be uploaded") as caught:
            moved.prepare(known=known)
        assert f"Move that folder to {moved.root}" in caught.value.hint
    with pytest.raises(MirrorAway, match="still to be uploaded"), moved.open(path, 5):
        pass
    old.root.rename(moved.root)
    moved.prepare(known=False)
    with moved.open(path, 5) as file:
        assert file.read() == b"bytes"


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_a_mirror_that_does_not_answer(
    disk: MirrorDisk, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "is_file", refuse)
    with pytest.raises(MirrorAway):
        disk.prepare(known=True)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(MirrorAway):
        disk.drop(1)
