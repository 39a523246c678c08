"""A disk that fails or goes away: the word is about the disk, never about each of its files."""

from __future__ import annotations

import errno
import io
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from photosync.errors import (
    FileInUse,
    FileReplaced,
    FileUnreadable,
    FileVanished,
    PhotosyncError,
    SourceMissing,
)
from photosync.files.folder import Folder
from photosync.files.opening import OpenFile, explain, open_beneath

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.domain.media import Entry

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


class Never:
    def is_set(self) -> bool:
        return False


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "disk"
    (made / "sub").mkdir(parents=True)
    (made / "sub" / "a.jpg").write_bytes(JPEG)
    return made


@pytest.fixture
def entry(root: Path) -> Entry:
    (found,) = Folder(root).entries()
    return found


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def uses(folder: Folder, entry: Entry) -> list[Callable[[], object]]:
    """All that is done with a file, but for what swallows a file that is gone."""
    version = entry.path, entry.size_bytes, entry.mtime_ns
    return [
        folder.check,
        lambda: list(folder.entries()),
        lambda: list(folder.entries("sub")),
        lambda: list(folder.entries("sub/a.jpg")),
        lambda: folder.settled_in(entry),
        lambda: folder.examine(entry),
        lambda: folder.open(*version).__enter__(),
        lambda: folder.hash(*version, halt=Never()),
        lambda: folder.taken_at(*version),
        lambda: folder.why_left_out(entry.path),
    ]


def test_when_the_root_is_gone_everything_says_so(root: Path, entry: Entry) -> None:
    folder = Folder(root)
    shutil.rmtree(root)
    for use in uses(folder, entry):
        with pytest.raises(SourceMissing):
            use()
    assert folder.is_bare()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOENT, errno.ENOTDIR, errno.ESTALE])
def test_a_file_that_fails_when_the_root_does_means_the_root(
    root: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "stat", failing(number))
    monkeypatch.setattr(os, "scandir", failing(errno.EIO))
    with pytest.raises(SourceMissing, match=r"disk (is|cannot)"):
        open_beneath(root, entry.path)


def test_a_root_that_goes_away_between_two_steps_is_missing(
    root: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def unplugged(path: Any, flags: int, *args: Any, **options: Any) -> int:
        descriptor = really(path, flags, *args, **options)
        if path == root:
            monkeypatch.undo()
            shutil.rmtree(root)
        return descriptor

    monkeypatch.setattr(os, "open", unplugged)
    with pytest.raises(SourceMissing, match="is not there"):
        open_beneath(root, entry.path)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EIO, FileUnreadable),
        (errno.EACCES, FileUnreadable),
        (errno.ENOENT, FileVanished),
        (errno.ELOOP, FileVanished),
        (errno.EMFILE, FileInUse),
        (errno.ENOMEM, FileInUse),
        (errno.EWOULDBLOCK, FileInUse),
        (errno.ESTALE, SourceMissing),
        (errno.ENOTCONN, SourceMissing),
    ],
)
def test_while_the_root_is_well_the_word_is_about_the_file(
    root: Path, number: int, expected: type[PhotosyncError]
) -> None:
    error = explain(root, "sub/a.jpg", OSError(number, os.strerror(number)))
    assert type(error) is expected


def test_without_a_word_of_the_system_the_kind_of_error_is_told(root: Path) -> None:
    assert "OSError" in explain(root, "sub/a.jpg", OSError()).message


def test_a_disk_that_fails_while_it_is_read_is_told_however_it_is_read(root: Path) -> None:
    """The kernel answers EIO to whoever reads address 0 of his own memory (proc(5))."""
    descriptor = os.open("/proc/self/mem", os.O_RDONLY)
    with OpenFile(descriptor, root=root, path="sub/a.jpg") as file:
        for read in (lambda: file.read(1), file.read, lambda: file.readinto(bytearray(1))):
            with pytest.raises(FileUnreadable, match=r"sub/a\.jpg cannot be read: Input/output"):
                read()
        shutil.rmtree(root)
        with pytest.raises(SourceMissing):
            file.read(1)


def test_a_buffer_is_filled_to_the_end_of_the_file(root: Path, entry: Entry) -> None:
    descriptor = open_beneath(root, entry.path)
    with io.BufferedReader(OpenFile(descriptor, root=root, path=entry.path)) as file:
        assert file.read() == JPEG
        assert file.read() == b""


def test_a_file_that_gives_fewer_bytes_than_it_claims_is_another(
    root: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = OpenFile.read

    def short(file: OpenFile, size: int | None = -1) -> bytes:
        return really(file, size)[:-1]

    monkeypatch.setattr(OpenFile, "read", short)
    with pytest.raises(FileReplaced, match="gave 19 bytes, not 20"):
        Folder(root).hash(entry.path, entry.size_bytes, entry.mtime_ns, halt=Never())


def test_a_file_that_cannot_be_read_is_not_left_out_but_an_item_with_an_error(
    root: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_file: OpenFile, _size: int | None = -1) -> bytes:
        raise FileUnreadable("The disk is broken.")

    monkeypatch.setattr(OpenFile, "read", broken)
    folder = Folder(root)
    finding = folder.examine(entry)

    assert folder.why_left_out(entry.path) is None
    assert finding is not None
    assert finding.refusal == ("unreadable", "The disk is broken.")
