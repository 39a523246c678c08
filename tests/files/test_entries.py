"""Listing a folder: everything that may be media, nothing else, nothing from outside."""

from __future__ import annotations

import errno
import logging
import os
import socket
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from photosync.domain.selection import NANOSECONDS, Selection
from photosync.errors import SourceMissing
from photosync.files import entries as entries_module
from photosync.files.folder import Entry, Folder
from photosync.files.opening import folder_beneath
from tests.files.conftest import open_descriptors, paths, write

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Self

    from tests.files.conftest import AsNobody

STRANGE_NAMES = [
    "new\nline.jpg",
    "quote\"s and 'such'.jpg",
    "-rf.jpg",
    "$(reboot);`x`.jpg",
    "emoji 📷🌅.jpg",
    "tab\tand\x7f.jpg",
    "a" * 251 + ".jpg",
    "\udcff\udcfe not utf-8.jpg",
    "e\u0301.jpg",
    "\u202egpj.jpg",
]


def test_an_entry_is_the_file_as_it_is_now(root: Path) -> None:
    file = write(root / "DCIM/Camera/IMG_1.jpg", b"x" * 17)
    found = file.stat()
    assert list(Folder(root).entries()) == [
        Entry("DCIM/Camera/IMG_1.jpg", 17, found.st_mtime_ns, found.st_ctime_ns)
    ]


@pytest.mark.parametrize("name", STRANGE_NAMES)
def test_names_survive_whatever_they_are(root: Path, name: str) -> None:
    write(root / "sub" / name)
    folder = Folder(root)
    (entry,) = folder.entries()
    assert entry.path == f"sub/{name}"
    assert os.fsencode(entry.path) == b"sub/" + os.fsencode(name)
    assert list(folder.entries(entry.path)) == [entry]
    with folder.open(entry.path, entry.size_bytes, entry.mtime_ns) as file:
        assert len(file.read()) == entry.size_bytes


def test_media_and_what_may_be_media_is_listed(root: Path) -> None:
    for name in ("a.jpg", "B.MP4", "no extension", "x.unknown", "empty.png"):
        write(root / name)
    for name in ("n.txt", "s.xmp", "t.json", "d.pdf", "z.zip", "Thumbs.db", "m.mp3", ".h.jpg"):
        write(root / name)
    assert paths(Folder(root)) == ["B.MP4", "a.jpg", "empty.png", "no extension", "x.unknown"]


def test_junk_folders_are_not_entered(root: Path) -> None:
    for name in (".thumbnails", "@eaDir", "lost+found", ".trashed-1-Album", "Album"):
        write(root / name / "a.jpg")
    folder = Folder(root)
    assert paths(folder) == ["Album/a.jpg"]
    assert paths(folder, "@eaDir") == []
    assert paths(folder, "@eaDir/a.jpg") == []


def test_a_folder_with_nomedia_is_left_out_with_all_below_it(root: Path) -> None:
    write(root / "private/.nomedia", b"")
    write(root / "private/deeper/a.jpg")
    write(root / "open/a.jpg")
    folder = Folder(root)
    assert paths(folder) == ["open/a.jpg"]
    for under in ("private", "private/deeper", "private/deeper/a.jpg"):
        assert paths(folder, under) == []


def test_a_nomedia_in_the_root_does_not_count(root: Path) -> None:
    write(root / ".nomedia", b"")
    write(root / "a.jpg")
    assert paths(Folder(root)) == ["a.jpg"]
    assert paths(Folder(root), "a.jpg") == ["a.jpg"]


def test_the_selection_is_asked(root: Path) -> None:
    for path in ("a.jpg", "b.png", "old.jpg", "no/a.jpg", "no/deeper/a.jpg"):
        write(root / path)
    os.utime(root / "old.jpg", (1000, 1000))
    folder = Folder(root, selection=Selection(("*.jpg",), ("no/**",), since=2000.0))
    assert paths(folder) == ["a.jpg"]
    assert paths(folder, "no") == []
    assert paths(folder, "no/deeper/a.jpg") == []
    assert paths(folder, "old.jpg") == []


def test_an_excluded_folder_is_not_even_read(shared: Path, as_nobody: AsNobody) -> None:
    write(shared / "no/a.jpg")
    write(shared / "yes/a.jpg")
    (shared / "no").chmod(0o000)
    folder = Folder(shared, selection=Selection(exclude=("no/",)))
    with as_nobody():
        assert paths(folder) == ["yes/a.jpg"]
    assert folder.unreadable == {}


def test_under_limits_to_one_folder_or_file(root: Path) -> None:
    for path in ("a.jpg", "x/b.jpg", "x/y/c.jpg", "xy/d.jpg", "x.txt/e.jpg"):
        write(root / path)
    folder = Folder(root)
    assert paths(folder, "x") == ["x/b.jpg", "x/y/c.jpg"]
    assert paths(folder, "x/y/c.jpg") == ["x/y/c.jpg"]
    assert paths(folder, "x.txt") == ["x.txt/e.jpg"]
    for nothing in ("nothing", "x/nothing/more", "a.jpg/x", "x/b.jpg/y.jpg"):
        assert paths(folder, nothing) == []


@pytest.mark.parametrize(
    "hostile", ["..", "../other", "x/../..", "/etc", "x//y", "x/", ".", "x/./y", "a\0b"]
)
def test_under_never_leads_out(root: Path, hostile: str) -> None:
    write(root / "x/y/a.jpg")
    write(root.parent / "other/b.jpg")
    with pytest.raises(ValueError, match="not a path beneath a folder"):
        list(Folder(root).entries(hostile))


def test_a_farm_of_symlinks_leads_nowhere(root: Path) -> None:
    outside = root.parent / "outside"
    write(outside / "secret.jpg")
    write(root / "real/a.jpg")
    links = {
        "file.jpg": outside / "secret.jpg",
        "folder": outside,
        "up": Path(".."),
        "self": Path(),
        "real/loop": Path(".."),
        "real/deeper": root / "real",
        "etc": Path("/etc"),
        "dangling.jpg": Path("nowhere.jpg"),
        "round": Path("round"),
        "inner.jpg": Path("real/a.jpg"),
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    folder = Folder(root)
    assert paths(folder) == ["real/a.jpg"]
    for under in (*links, "folder/secret.jpg", "up/outside", "up/outside/secret.jpg", "self/real"):
        assert paths(folder, under) == []


def test_the_root_itself_may_be_a_symlink(root: Path) -> None:
    write(root / "a.jpg")
    link = root.parent / "link"
    link.symlink_to(root)
    assert paths(Folder(link)) == ["a.jpg"]


def test_only_regular_files_are_listed(root: Path) -> None:
    os.mkfifo(root / "fifo.jpg")
    (root / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(root / "socket.jpg"))
        if os.geteuid() == 0:
            os.mknod(root / "device.jpg", 0o600 | 0o020000, os.makedev(1, 5))
        write(root / "a.jpg")
        folder = Folder(root)
        assert paths(folder) == ["a.jpg"]
        for under in ("fifo.jpg", "socket.jpg", "device.jpg"):
            assert paths(folder, under) == []


def test_an_unreadable_folder_is_told_once_and_the_others_go_on(
    shared: Path, as_nobody: AsNobody, caplog: pytest.LogCaptureFixture
) -> None:
    write(shared / "closed/a.jpg")
    write(shared / "open/b.jpg")
    (shared / "closed").chmod(0o000)
    folder = Folder(shared)
    with as_nobody(), caplog.at_level(logging.WARNING):
        assert paths(folder) == paths(folder) == ["open/b.jpg"]
        assert paths(folder, "closed/a.jpg") == []
    assert folder.unreadable == {"closed": "Permission denied"}
    assert [record.getMessage() for record in caplog.records] == [
        "folder.unreadable path='closed' reason=Permission denied"
    ]
    (shared / "closed").chmod(0o755)
    with as_nobody():
        assert paths(folder) == ["closed/a.jpg", "open/b.jpg"]
    assert folder.unreadable == {}


def test_a_folder_that_may_be_listed_but_not_searched_is_unreadable(
    shared: Path, as_nobody: AsNobody
) -> None:
    write(shared / "listed/a.jpg")
    write(shared / "open/b.jpg")
    (shared / "listed").chmod(0o644)
    folder = Folder(shared)
    with as_nobody():
        assert paths(folder) == ["open/b.jpg"]
        assert paths(folder, "listed/a.jpg") == []
    assert folder.unreadable == {"listed": "Permission denied"}


def test_a_root_that_may_be_listed_but_not_searched_is_missing(
    shared: Path, as_nobody: AsNobody
) -> None:
    write(shared / "root/a.jpg")
    (shared / "root").chmod(0o644)
    with as_nobody(), pytest.raises(SourceMissing, match="may not be read by this user"):
        list(Folder(shared / "root").entries())


def test_one_damaged_file_does_not_hide_the_others(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "bad.jpg", "c.jpg", "gone.jpg"):
        write(root / name)
    real_stat = os.stat

    def stat(path: str | int, **options: object) -> os.stat_result:
        """The kernel cannot be made to lose one inode: stand in for it."""
        if path == "bad.jpg":
            raise OSError(errno.EIO, "Input/output error")
        if path == "gone.jpg":
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return real_stat(path, **options)  # type: ignore[arg-type] # passed on as they come

    monkeypatch.setattr("photosync.files.entries.os.stat", stat)
    folder = Folder(root)
    assert paths(folder) == ["a.jpg", "c.jpg"]
    assert folder.unreadable == {"bad.jpg": "Input/output error"}


class Damaged:
    """What a file system that does not list kinds gives for a damaged file."""

    name = "bad.jpg"

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        assert not follow_symlinks
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class Scan(list["os.DirEntry[str] | Damaged"]):
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_one_damaged_file_does_not_hide_the_others_where_kinds_are_not_listed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "a.jpg")
    write(root / "z.jpg")
    real_scandir = os.scandir

    def scandir(descriptor: int) -> Scan:
        with real_scandir(descriptor) as scan:
            first, last = scan
        return Scan([first, Damaged(), last])

    monkeypatch.setattr("photosync.files.entries.os.scandir", scandir)
    folder = Folder(root)
    assert paths(folder) == ["a.jpg", "z.jpg"]
    assert folder.unreadable == {"bad.jpg": "Input/output error"}


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_disk_that_dies_while_one_file_is_looked_for(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    write(root / "x/y/a.jpg")
    asked = []

    def dying(at: Path, path: str) -> AbstractContextManager[int]:
        asked.append(path)
        if asked.count("x/y") > 1:  # it could be opened once
            raise OSError(number, os.strerror(number))
        return folder_beneath(at, path)

    monkeypatch.setattr(entries_module, "folder_beneath", dying)
    folder = Folder(root)
    if number == errno.ESTALE:
        with pytest.raises(SourceMissing, match=os.strerror(number)):
            paths(folder, "x/y/a.jpg")
    else:
        assert paths(folder, "x/y/a.jpg") == []
        assert folder.unreadable["x/y"] == os.strerror(number)


def test_a_pipe_put_in_place_of_a_file_while_it_is_listed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root / "a.jpg")
    real_stat = os.stat

    def swapping(path: str | int, **options: object) -> os.stat_result:
        (root / "a.jpg").unlink(missing_ok=True)
        os.mkfifo(root / "a.jpg")
        return real_stat(path, **options)  # type: ignore[arg-type] # passed on as they come

    monkeypatch.setattr("photosync.files.entries.os.stat", swapping)
    assert paths(Folder(root)) == []


def test_what_is_remembered_of_a_dying_disk_is_bounded(
    shared: Path, as_nobody: AsNobody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries_module, "MOST_UNREADABLE", 2)
    for name in ("a", "b", "c"):
        (shared / name).mkdir(mode=0o000)
    folder = Folder(shared)
    with as_nobody():
        assert paths(folder) == []
    assert len(folder.unreadable) == 2


def test_folders_that_vanish_while_they_are_listed_are_normal(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        write(root / f"{number}/a.jpg")
    folder = Folder(root)
    listing = folder.entries()
    first = next(listing)
    for number in range(3):
        if not first.path.startswith(str(number)):
            (root / f"{number}/a.jpg").unlink()
            (root / str(number)).rmdir()
    assert list(listing) == []
    assert folder.unreadable == {}
    assert not caplog.records


def test_a_folder_swapped_for_a_link_while_it_is_listed_leads_nowhere(root: Path) -> None:
    write(root.parent / "outside/secret.jpg")
    for name in ("x", "y"):
        write(root / name / "a.jpg")
    listing = Folder(root).entries()
    first = next(listing)
    other = "y" if first.path.startswith("x") else "x"
    (root / other).rename(root.parent / "moved")
    (root / other).symlink_to(root.parent / "outside")
    assert list(listing) == []


def test_a_root_that_goes_away_meanwhile_is_missing_not_empty(root: Path) -> None:
    for name in ("x", "y"):
        write(root / name / "a.jpg")
    listing = Folder(root).entries()
    next(listing)
    root.rename(root.parent / "away")
    with pytest.raises(SourceMissing, match="is not there"):
        list(listing)


def test_a_missing_root_is_missing(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "nowhere")
    for under in ("", "x", "x.jpg"):
        with pytest.raises(SourceMissing):
            list(folder.entries(under))
    assert folder.is_bare()


def test_only_a_folder_with_nothing_in_it_is_bare(root: Path) -> None:
    assert Folder(root).is_bare()
    write(root / ".hidden")
    assert not Folder(root).is_bare()


def test_folders_within_folders_end_somewhere_and_it_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries_module, "DEEPEST", 3)
    write(root / "1/2/3/a.jpg")
    write(root / "1/2/3/4/b.jpg")
    folder = Folder(root)
    assert paths(folder) == ["1/2/3/a.jpg"]
    assert list(folder.unreadable) == ["1/2/3/4"]


def test_a_path_longer_than_the_kernel_takes_at_once(root: Path) -> None:
    name = "d" * 250
    descriptor = os.open(root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("a.jpg", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    folder = Folder(root)
    (entry,) = folder.entries()
    assert entry.path == f"{name}/" * 20 + "a.jpg"
    assert folder.examine(entry) is not None


def test_memory_stays_flat_however_many_files(root: Path) -> None:
    file = write(root.parent / "a.jpg")
    for number in range(20):
        sub = root / f"{number:02}"
        sub.mkdir()
        for one in range(1000):
            os.link(file, sub / f"IMG_{one:04}.jpg")  # quicker than files of their own
    folder = Folder(root)
    tracemalloc.start()
    try:
        count = sum(1 for _ in folder.entries())
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 20_000
    assert peak_bytes < 200_000


def test_no_descriptor_stays_open(root: Path) -> None:
    for path in ("x/a.jpg", "x/y/b.jpg", "z/c.jpg"):
        write(root / path)
    before = open_descriptors()
    folder = Folder(root)
    listing = folder.entries()
    next(listing)
    listing.close()  # type: ignore[attr-defined] # a generator, ended half way
    assert paths(folder, "x/nothing.jpg") == []
    assert open_descriptors() == before


def test_since_counts_in_whole_nanoseconds(root: Path) -> None:
    file = write(root / "a.jpg")
    os.utime(file, ns=(0, 5 * NANOSECONDS))
    assert paths(Folder(root, selection=Selection(since=5.0))) == ["a.jpg"]
    assert paths(Folder(root, selection=Selection(since=5.5))) == []
