"""Files put back into a folder: whole, with their time, never over another one, never outside."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Lying
from photosync.domain.restoring import Landed
from photosync.errors import (
    DiskFull,
    FileExists,
    FileTooLarge,
    FileUnreadable,
    PhotosyncError,
    TargetAway,
)
from photosync.files.placing import FolderTarget

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = os.urandom(3_000_000)
THEN_NS = 1_234_567_890_123_456_789


@pytest.fixture
def target(tmp_path: Path) -> FolderTarget:
    made = FolderTarget(tmp_path / "out" / "deep", owner="me")
    made.prepare()
    return made


def put(target: FolderTarget, path: str, content: bytes = CONTENT) -> Landed:
    def blocks() -> Iterator[bytes]:
        yield from (content[at : at + 65536] for at in range(0, len(content), 65536))

    sha256 = hashlib.sha256(content).hexdigest()
    return target.put(path, blocks, size_bytes=len(content), mtime_ns=THEN_NS, sha256=sha256)


def left_over(target: FolderTarget) -> list[Path]:
    return list(target.root.rglob(".photosync-*"))


def test_a_file_is_put_with_its_time_and_only_once(target: FolderTarget) -> None:
    assert put(target, "Pixel/DCIM/a.jpg") == Landed(True, THEN_NS)
    file = target.root / "Pixel/DCIM/a.jpg"
    assert file.read_bytes() == CONTENT
    assert file.stat().st_mtime_ns == THEN_NS
    assert left_over(target) == []
    inode = file.stat().st_ino
    assert put(target, "Pixel/DCIM/a.jpg") == Landed(False, THEN_NS)
    assert file.stat().st_ino == inode
    assert target.look(["Pixel/DCIM/a.jpg", "Pixel", "no/such"]) == [
        Lying(len(CONTENT), THEN_NS),
        None,
        None,
    ]


def test_what_lies_there_is_not_even_read_over(target: FolderTarget) -> None:
    put(target, "a.jpg")

    def blocks() -> Iterator[bytes]:
        text = "nothing has to be read"
        raise AssertionError(text)

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    landed = target.put("a.jpg", blocks, size_bytes=len(CONTENT), mtime_ns=0, sha256=sha256)
    assert not landed.fresh


@pytest.mark.parametrize("mine", [b"other", CONTENT[:-1] + b"?"])
def test_another_file_is_never_overwritten(target: FolderTarget, mine: bytes) -> None:
    (target.root / "a.jpg").write_bytes(mine)
    (target.root / "b.jpg").mkdir()
    (target.root / "c.jpg").symlink_to("a.jpg")
    (target.root / "d.jpg").symlink_to("nowhere")
    for name in "abcd":
        with pytest.raises(FileExists):
            put(target, f"{name}.jpg")
    assert (target.root / "a.jpg").read_bytes() == mine
    assert left_over(target) == []


def test_a_file_that_appears_in_the_last_moment_stays(target: FolderTarget) -> None:
    def blocks() -> Iterator[bytes]:
        yield CONTENT
        (target.root / "a.jpg").write_bytes(b"the user's own")

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    with pytest.raises(FileExists):
        target.put("a.jpg", blocks, size_bytes=len(CONTENT), mtime_ns=0, sha256=sha256)
    assert (target.root / "a.jpg").read_bytes() == b"the user's own"
    assert left_over(target) == []


def test_the_same_bytes_that_appear_meanwhile_are_as_well(target: FolderTarget) -> None:
    def blocks() -> Iterator[bytes]:
        yield CONTENT
        (target.root / "a.jpg").write_bytes(CONTENT)

    sha256 = hashlib.sha256(CONTENT).hexdigest()
    landed = target.put("a.jpg", blocks, size_bytes=len(CONTENT), mtime_ns=0, sha256=sha256)
    assert not landed.fresh


def test_no_link_leads_out_of_it(target: FolderTarget, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (target.root / "way").symlink_to(outside)
    (target.root / "file").write_bytes(b"")
    for path in ("way/a.jpg", "file/a.jpg"):
        with pytest.raises(FileExists, match="in the place of a folder"):
            put(target, path)
    for path in ("../a.jpg", "/a.jpg", "a/../../b.jpg"):
        with pytest.raises(ValueError, match="not a path"):
            put(target, path)
    assert list(outside.iterdir()) == []


def test_what_is_cut_off_in_the_middle_leaves_nothing(target: FolderTarget) -> None:
    def blocks() -> Iterator[bytes]:
        yield CONTENT
        text = "the copy is damaged"
        raise LookupError(text)

    with pytest.raises(LookupError):
        target.put("deep/a.jpg", blocks, size_bytes=1, mtime_ns=0, sha256="")
    assert list((target.root / "deep").iterdir()) == []


def test_other_bytes_than_promised_never_get_the_name(target: FolderTarget) -> None:
    with pytest.raises(FileUnreadable, match="is not what it was"):
        target.put("a.jpg", lambda: iter([b"other"]), size_bytes=5, mtime_ns=0, sha256="0" * 64)
    assert list(target.root.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EFBIG, FileTooLarge),
        (errno.EROFS, TargetAway),
        (errno.EIO, TargetAway),
    ],
)
def test_a_disk_that_refuses(
    target: FolderTarget, monkeypatch: pytest.MonkeyPatch, number: int, error: type[PhotosyncError]
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "write", refuse)
    with pytest.raises(error):
        put(target, "a.jpg")
    monkeypatch.undo()
    assert list(target.root.iterdir()) == []


def test_a_name_that_the_disk_refuses(
    target: FolderTarget, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As exFAT does; no such disk can be mounted here."""
    link = os.link

    def strict(source: str, name: str, **more: object) -> None:
        if not name.isascii():
            raise OSError(errno.EINVAL, "Invalid argument")
        link(source, name, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "link", strict)
    put(target, "Ümläut/ü.jpg")
    (file,) = target.root.rglob("*.jpg")
    assert file.name.isascii()
    assert file.read_bytes() == CONTENT
    own = FolderTarget(tmp_path / "out" / "deep", owner="me", is_own=True)
    with pytest.raises(FileUnreadable, match="takes no file named"):
        put(own, "ü.jpg")


def test_a_file_system_without_links(target: FolderTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    """As FAT is."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert put(target, "a.jpg").fresh
    assert (target.root / "a.jpg").read_bytes() == CONTENT
    assert left_over(target) == []

    def blocks() -> Iterator[bytes]:
        yield b"new"
        (target.root / "b.jpg").write_bytes(b"the user's own")

    sha256 = hashlib.sha256(b"new").hexdigest()
    with pytest.raises(FileExists):
        target.put("b.jpg", blocks, size_bytes=3, mtime_ns=0, sha256=sha256)
    assert (target.root / "b.jpg").read_bytes() == b"the user's own"


def test_only_our_own_left_overs_are_swept(target: FolderTarget) -> None:
    folder = target.root / "Pixel"
    folder.mkdir()
    for name in (
        ".photosync-me-0123456789abcdef.tmp",
        ".photosync-you-0123456789abcdef.tmp",
        "a.jpg",
    ):
        (folder / name).write_bytes(b"half")
    assert target.sweep(["Pixel", "no/such"]) == 1
    assert sorted(one.name for one in folder.iterdir()) == [
        ".photosync-you-0123456789abcdef.tmp",
        "a.jpg",
    ]


def test_a_watched_folder_that_is_away_or_bare_is_never_made(tmp_path: Path) -> None:
    own = FolderTarget(tmp_path / "disk", owner="me", is_own=True)
    with pytest.raises(TargetAway, match=r"is not there|is empty"):
        own.prepare()
    assert not own.root.exists()
    own.root.mkdir()
    with pytest.raises(TargetAway, match="is its disk mounted"):
        own.prepare()
    (own.root / "any").mkdir()
    own.prepare()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(PhotosyncError, match="file"):
        FolderTarget(tmp_path / "file" / "out", owner="me").prepare()
    with pytest.raises(PhotosyncError, match="file"):
        FolderTarget(tmp_path / "file", owner="me").prepare()
