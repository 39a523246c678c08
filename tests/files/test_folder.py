"""The bytes of a file: that very version, or a word on why not."""

from __future__ import annotations

import hashlib
import os
import re
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from photosync.domain.selection import Selection
from photosync.errors import (
    FileInUse,
    FileReplaced,
    FileUnreadable,
    FileVanished,
    SourceMissing,
    Stopping,
)
from photosync.files import folder as folder_module
from photosync.files.folder import Entry, Folder
from photosync.files.opening import OpenFile, open_beneath
from tests.files.conftest import JPEG, open_descriptors, the_entry, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.files.conftest import AsNobody


def reading(folder: Folder, entry: Entry) -> bytes:
    with folder.open(entry.path, entry.size_bytes, entry.mtime_ns) as file:
        return file.read()


# --- the root


def test_a_folder_that_can_be_read_is_there(root: Path) -> None:
    before = open_descriptors()
    Folder(root).check()
    assert open_descriptors() == before


def test_a_missing_root_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match=r"nowhere is not there\..*Mount the disk"):
        Folder(tmp_path / "nowhere").check()


def test_a_root_that_is_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceMissing, match="is no folder"):
        Folder(write(tmp_path / "file")).check()


@pytest.mark.parametrize("mode", [0o000, 0o300, 0o400, 0o444, 0o644])
def test_a_root_has_to_be_readable_and_searchable(
    shared: Path, as_nobody: AsNobody, mode: int
) -> None:
    inner = shared / "inner"
    inner.mkdir()
    inner.chmod(mode)
    with as_nobody(), pytest.raises(SourceMissing, match="may not be read by this user"):
        Folder(inner).check()


def test_a_root_with_a_strange_name_is_told_readably(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "new\nline\udcff")
    with pytest.raises(SourceMissing) as caught:
        folder.check()
    assert "\n" not in str(caught.value)
    assert "\n" not in folder.name
    folder.name.encode()


def test_a_root_in_a_round_of_links_is_missing(tmp_path: Path) -> None:
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(SourceMissing, match="cannot be read"):
        Folder(tmp_path / "round").check()


# --- opening that very version


def test_the_very_version_is_opened(root: Path) -> None:
    write(root / "x/a.jpg")
    folder = Folder(root)
    before = open_descriptors()
    assert reading(folder, the_entry(folder, "x/a.jpg")) == JPEG
    assert open_descriptors() == before


def test_another_size_or_time_is_another_version(root: Path) -> None:
    file = write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    os.utime(file, ns=(0, entry.mtime_ns + 1))
    before = open_descriptors()
    with pytest.raises(FileReplaced, match=r"a\.jpg has changed since it was found"):
        reading(folder, entry)
    file.write_bytes(JPEG + b"more")
    os.utime(file, ns=(0, entry.mtime_ns))
    with pytest.raises(FileReplaced):
        reading(folder, entry)
    assert open_descriptors() == before


def test_a_file_that_is_gone_has_vanished(root: Path) -> None:
    folder = Folder(root)
    write(root / "x/a.jpg")
    entry = the_entry(folder, "x/a.jpg")
    (root / "x/a.jpg").unlink()
    with pytest.raises(FileVanished, match=r"a\.jpg is not there any more"):
        reading(folder, entry)
    (root / "x").rmdir()
    with pytest.raises(FileVanished):
        reading(folder, entry)
    write(root / "x")
    with pytest.raises(FileVanished):
        reading(folder, entry)


def test_when_the_root_is_gone_the_source_is_missing_not_the_file(root: Path) -> None:
    write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    root.rename(root.parent / "away")
    for attempt in (lambda: reading(folder, entry), lambda: folder.examine(entry)):
        with pytest.raises(SourceMissing):
            attempt()
    with pytest.raises(SourceMissing):
        folder.settled_in(entry)


def test_a_folder_swapped_for_a_link_before_opening_leads_nowhere(root: Path) -> None:
    inside = write(root / "x/a.jpg")
    outside = write(root.parent / "outside/a.jpg", b"S" * len(JPEG))
    folder = Folder(root)
    entry = the_entry(folder, "x/a.jpg")
    os.utime(outside, ns=(0, entry.mtime_ns))
    inside.unlink()
    (root / "x").rmdir()
    (root / "x").symlink_to(outside.parent)
    with pytest.raises(FileVanished):
        reading(folder, entry)
    assert folder.settled_in(entry) > 0


def test_a_file_swapped_for_a_link_before_opening_leads_nowhere(root: Path) -> None:
    inside = write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    inside.rename(root.parent / "same.jpg")
    inside.symlink_to(root.parent / "same.jpg")
    with pytest.raises(FileVanished, match="no regular file"):
        reading(folder, entry)


def test_pipes_sockets_and_devices_are_never_opened_and_never_waited_for(root: Path) -> None:
    folder = Folder(root)
    os.mkfifo(root / "fifo.jpg")
    names = ["fifo.jpg", "socket.jpg", "folder.jpg"]
    (root / "folder.jpg").mkdir()
    if os.geteuid() == 0:
        os.mknod(root / "device.jpg", 0o600 | 0o020000, os.makedev(10, 130))  # a watchdog timer
        names.append("device.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(root / "socket.jpg"))
        for name in names:
            with pytest.raises(FileVanished, match=f"{name} is no regular file"):
                reading(folder, Entry(name, 0, 0, 0))


def test_a_pipe_put_in_place_of_the_file_at_the_last_instant(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    real_open = os.open

    def swapping(path: str, flags: int, **options: int) -> int:
        if path == "a.jpg":
            file.unlink()
            os.mkfifo(file)
        return real_open(path, flags, **options)

    monkeypatch.setattr(os, "open", swapping)
    before = open_descriptors()
    with pytest.raises(FileVanished):
        reading(folder, entry)
    assert open_descriptors() == before


@pytest.mark.parametrize(
    "path", ["", "..", "../a.jpg", "/a.jpg", "x//a.jpg", "x/../a.jpg", "a.jpg/"]
)
def test_a_path_that_leads_elsewhere_is_refused(root: Path, path: str) -> None:
    write(root.parent / "a.jpg")
    write(root / "a.jpg")
    with pytest.raises((ValueError, FileVanished)):
        os.close(open_beneath(root, path))


def test_a_file_that_may_not_be_read_says_so(shared: Path, as_nobody: AsNobody) -> None:
    write(shared / "a.jpg").chmod(0o000)
    folder = Folder(shared)
    with as_nobody():
        entry = the_entry(folder, "a.jpg")
        with pytest.raises(FileUnreadable, match=r"a\.jpg cannot be read: Permission denied"):
            reading(folder, entry)
        assert folder.settled_in(entry) == 0.0
        finding = folder.examine(entry)
    assert finding is not None
    assert finding.refusal == ("unreadable", "a.jpg cannot be read: Permission denied.")


def failing_with(number: int) -> Callable[..., int]:
    def fail(*_: object, **__: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (5, FileUnreadable),  # EIO
        (24, FileInUse),  # EMFILE
        (16, FileInUse),  # EBUSY
        (116, SourceMissing),  # ESTALE
        (107, SourceMissing),  # ENOTCONN: a FUSE server that died
        (36, FileUnreadable),  # ENAMETOOLONG
    ],
)
def test_what_a_dying_disk_says_is_told_in_our_words(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    write(root / "a.jpg")
    monkeypatch.setattr("photosync.files.opening.os.stat", failing_with(number))
    with pytest.raises(error, match=re.escape(os.strerror(number))):
        open_beneath(root, "a.jpg")


def test_a_disk_that_fails_while_a_file_is_read(root: Path) -> None:
    write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    opened = folder.open(entry.path, entry.size_bytes, entry.mtime_ns)
    file = opened.__enter__()
    memory = os.open("/proc/self/mem", os.O_RDONLY)
    os.dup2(memory, file.fileno())  # to read at address 0 is an input/output error
    os.close(memory)
    with pytest.raises(FileUnreadable, match=r"a\.jpg cannot be read: Input/output error"):
        file.read(1)
    with pytest.raises(FileReplaced):
        opened.__exit__(None, None, None)


def test_a_file_that_changes_while_it_is_open_is_another_version(root: Path) -> None:
    write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    opened = folder.open(entry.path, entry.size_bytes, entry.mtime_ns)
    assert opened.__enter__().read(3) == JPEG[:3]
    (root / "a.jpg").write_bytes(JPEG + b"more")
    with pytest.raises(FileReplaced):
        opened.__exit__(None, None, None)


def test_reading_on_after_the_end_gives_nothing(root: Path) -> None:
    write(root / "a.jpg")
    with OpenFile(open_beneath(root, "a.jpg"), root=root, path="a.jpg") as file:
        assert file.read(4) + file.read(None) == JPEG
        assert file.read(1) == b""


# --- examining


def examined(folder: Folder, path: str) -> tuple[str, tuple[str, str] | None] | None:
    finding = folder.examine(the_entry(folder, path))
    return None if finding is None else (finding.mime_type, finding.refusal)


def test_a_finding_says_what_the_file_is(root: Path) -> None:
    write(root / "x/a.png")
    folder = Folder(root)
    entry = the_entry(folder, "x/a.png")
    finding = folder.examine(entry)
    assert finding is not None
    assert (finding.path, finding.size_bytes, finding.mtime_ns) == (
        entry.path,
        entry.size_bytes,
        entry.mtime_ns,
    )
    assert (finding.mime_type, finding.refusal) == ("image/jpeg", None)


def test_without_an_extension_the_content_decides(root: Path) -> None:
    write(root / "photo")
    write(root / "photo.xyz")
    write(root / "note", b"only words")
    write(root / "nothing", b"")
    folder = Folder(root)
    assert examined(folder, "photo") == examined(folder, "photo.xyz") == ("image/jpeg", None)
    assert examined(folder, "note") is None
    assert examined(folder, "nothing") is None


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"", "empty", "a.jpg is empty."),
        (b"only words", "not_media", "a.jpg is neither a photo nor a video by its content."),
        (bytes(5000), "not_media", "a.jpg holds nothing but zeros: it was never written"),
    ],
)
def test_what_cannot_be_uploaded_is_refused_in_one_sentence(
    root: Path, content: bytes, code: str, says: str
) -> None:
    write(root / "a.jpg", content)
    found = examined(Folder(root), "a.jpg")
    assert found is not None
    assert found[1] is not None
    assert found[1][0] == code
    assert says in found[1][1]


@pytest.mark.parametrize(
    ("head", "size_bytes", "refused"),
    [
        (JPEG, 200_000_000, False),
        (JPEG, 200_000_001, True),
        (b"\0\0\0\x10ftypisom\0\0\0\0", 200_000_001, False),
        (b"\0\0\0\x10ftypisom\0\0\0\0", 20_000_000_000, False),
        (b"\0\0\0\x10ftypisom\0\0\0\0", 20_000_000_001, True),
    ],
)
def test_what_is_too_large_is_refused(
    root: Path, head: bytes, size_bytes: int, refused: bool
) -> None:
    os.truncate(write(root / "a.jpg", head), size_bytes)  # a hole: takes no room
    found = examined(Folder(root), "a.jpg")
    assert found is not None
    if refused:
        assert found[1] is not None
        assert found[1][0] == "too_large"
        assert f"{size_bytes:,} bytes" in found[1][1]
    else:
        assert found[1] is None


def test_examining_is_about_that_version(root: Path) -> None:
    folder = Folder(root)
    write(root / "a.jpg")
    entry = the_entry(folder, "a.jpg")
    write(root / "a.jpg", JPEG + b"more")
    with pytest.raises(FileReplaced):
        folder.examine(entry)
    (root / "a.jpg").unlink()
    with pytest.raises(FileVanished):
        folder.examine(entry)


# --- hashing


def test_both_hashes_in_one_pass(root: Path) -> None:
    content = os.urandom(3_500_000)
    write(root / "a.jpg", content)
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    hashes = folder.hash(entry.path, entry.size_bytes, entry.mtime_ns, halt=threading.Event())
    assert hashes.size_bytes == len(content)
    assert hashes.sha256 == hashlib.sha256(content).hexdigest()
    assert hashes.sha1 == hashlib.sha1(content).hexdigest()


class During:
    """A stop event that does something each time it is asked."""

    def __init__(self, act: Callable[[], object], *, stop: bool = False) -> None:
        self.asked = 0
        self._act = act
        self._stop = stop

    def is_set(self) -> bool:
        self.asked += 1
        self._act()
        return self._stop


def test_hashing_ends_at_the_next_block_when_the_program_does(root: Path) -> None:
    write(root / "a.jpg", bytes(5_000_000))
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    halt = During(lambda: None, stop=True)
    with pytest.raises(Stopping):
        folder.hash(entry.path, entry.size_bytes, entry.mtime_ns, halt=halt)
    assert halt.asked == 1


def test_a_file_that_changes_while_it_is_hashed_is_replaced(root: Path) -> None:
    file = write(root / "a.jpg", bytes(3_000_000))
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    shorter = During(lambda: os.truncate(file, 2_500_000))
    with pytest.raises(FileReplaced):
        folder.hash(entry.path, entry.size_bytes, entry.mtime_ns, halt=shorter)
    assert shorter.asked > 1


def test_bytes_that_change_while_they_are_hashed_are_noticed_by_their_time(root: Path) -> None:
    file = write(root / "a.jpg", bytes(3_000_000))
    os.utime(file, ns=(0, 1))
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")

    def overwrite() -> None:
        with file.open("r+b") as opened:
            opened.write(b"other")

    with pytest.raises(FileReplaced):
        folder.hash(entry.path, entry.size_bytes, entry.mtime_ns, halt=During(overwrite))


def test_a_file_unlinked_while_it_is_hashed_still_counts(root: Path) -> None:
    file = write(root / "a.jpg", bytes(3_000_000))
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    gone = During(lambda: file.unlink(missing_ok=True))
    hashes = folder.hash(entry.path, entry.size_bytes, entry.mtime_ns, halt=gone)
    assert hashes.sha1 == hashlib.sha1(bytes(3_000_000)).hexdigest()


# --- why


def test_why_a_file_is_left_out(root: Path) -> None:
    for path in ("a.jpg", "n.txt", "private/.nomedia", "private/b.jpg", "no/c.jpg", "old.jpg"):
        write(root / path)
    write(root / "words", b"only words")
    os.utime(root / "old.jpg", (1000, 1000))
    (root / "link.jpg").symlink_to("a.jpg")
    folder = Folder(root, selection=Selection(exclude=("no/**", "*.gif"), since=2000.0))
    write(root / "x.gif")
    answers = {
        "a.jpg": None,
        "n.txt": "Files named .txt are neither photos nor videos.",
        ".trashed-1.jpg": ".trashed-1.jpg: its name begins with a dot",
        "@eaDir/a.jpg": "@eaDir: it belongs to the system",
        "private/b.jpg": "The folder private holds a .nomedia file.",
        "no/c.jpg": "select.exclude leaves out the folder no.",
        "x.gif": "select.exclude leaves it out: *.gif",
        "old.jpg": "It is older than select.since (1970-01-01).",
        "gone.jpg": "gone.jpg is not there any more.",
        "gone/too.jpg": "The folder gone cannot be read: No such file or directory.",
        "link.jpg": "link.jpg is no regular file",
        "words": "It is neither a photo nor a video by its content.",
    }
    for path, answer in answers.items():
        told = folder.why_left_out(path)
        assert (told is None) is (answer is None), path
        assert (answer or "") in ("" if told is None else told.message)
        listed = [entry for entry in folder.entries(path) if folder.examine(entry) is not None]
        assert bool(listed) is (answer is None), path


def test_why_tells_of_what_may_not_be_read(shared: Path, as_nobody: AsNobody) -> None:
    write(shared / "closed/a.jpg")
    write(shared / "b.jpg").chmod(0o000)
    (shared / "closed").chmod(0o000)
    folder = Folder(shared)
    with as_nobody():
        told = folder.why_left_out("closed/a.jpg")
        assert told is not None
        assert told.message == "The folder closed cannot be read: Permission denied."
        assert folder.why_left_out("b.jpg") is None  # it is an item that failed, and says why
    with pytest.raises(ValueError, match="not a path beneath"):
        folder.why_left_out("../b.jpg")


def test_the_date_is_that_of_the_very_version(root: Path) -> None:
    write(root / "a.jpg")
    folder = Folder(root)
    entry = the_entry(folder, "a.jpg")
    assert folder.taken_at(entry.path, entry.size_bytes, entry.mtime_ns) is None
    with pytest.raises(FileReplaced):
        folder.taken_at(entry.path, entry.size_bytes + 1, entry.mtime_ns)


def test_blocks_are_of_one_mebibyte() -> None:
    assert folder_module.BLOCK_BYTES == 1024 * 1024
