"""The end of a folder is noticed whatever takes its place."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from photosync.files import watching
from photosync.files.sentinel import Sentinel
from photosync.files.watching import Watching, probe
from tests.files.conftest import open_descriptors, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sentinel(root: Path) -> Iterator[Sentinel]:
    one = Sentinel(root)
    yield one
    one.close()


def test_whatever_happens_inside_does_not_disturb(root: Path, sentinel: Sentinel) -> None:
    write(root / "a.jpg").unlink()
    (root / "sub").mkdir()
    (root / "sub").rename(root / "other")
    root.chmod(0o700)
    assert sentinel.undisturbed()
    assert sentinel.undisturbed()


def test_a_removed_folder_is_noticed_though_another_has_its_name_and_inode(
    root: Path, sentinel: Sentinel
) -> None:
    shutil.rmtree(root)
    root.mkdir()
    assert not sentinel.undisturbed()
    assert not sentinel.undisturbed()  # for ever


def test_a_renamed_folder_is_noticed_though_it_came_back(root: Path, sentinel: Sentinel) -> None:
    root.rename(root.parent / "away")
    (root.parent / "away").rename(root)
    assert not sentinel.undisturbed()


def test_a_disk_that_is_unmounted_is_noticed(root: Path) -> None:
    """Mounted again it has the same numbers of device and inode, but nobody watches it."""
    made = subprocess.run(["mount", "-t", "tmpfs", "none", root], check=False, capture_output=True)
    if made.returncode != 0:
        pytest.skip("only root can mount a disk")
    try:
        sentinel = Sentinel(root)
        mounted = sentinel.undisturbed()
    finally:
        subprocess.run(["umount", root], check=True)
    assert (mounted, sentinel.undisturbed()) == (True, False)


def test_watching_does_not_trust_a_folder_that_was_replaced(root: Path) -> None:
    watch = Watching(root, lambda *_: None)
    watch.start()
    before = watch.alive()
    root.rename(root.parent / "away")
    (root.parent / "away").rename(root)
    after = watch.alive()
    watch.stop()
    assert (before, after) == (True, False)


def test_after_its_end_it_says_no_and_leaves_nothing(root: Path) -> None:
    before = open_descriptors()
    one = Sentinel(root)
    one.close()
    one.close()
    assert not one.undisturbed()
    assert open_descriptors() == before


def test_a_folder_that_is_not_there_leaves_nothing(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(FileNotFoundError):
        Sentinel(tmp_path / "nowhere")
    assert open_descriptors() == before


def test_ending_and_asking_at_once_never_reads_from_another_file(root: Path) -> None:
    """A closed descriptor's number soon belongs to somebody else."""
    for _ in range(200):
        one = Sentinel(root)
        closing = threading.Thread(target=one.close)
        closing.start()
        one.undisturbed()
        closing.join()
        assert not one.undisturbed()


@pytest.mark.parametrize(
    ("number", "matters"),
    [(errno.EMFILE, False), (errno.ENFILE, False), (errno.ENOSPC, True), (errno.EACCES, True)],
)
def test_a_limit_of_instances_does_not_matter_to_who_has_one(
    root: Path, monkeypatch: pytest.MonkeyPatch, number: int, matters: bool
) -> None:
    def refused(_: Path) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(watching, "Sentinel", refused)
    if matters:
        with pytest.raises(OSError, match=os.strerror(number)):
            probe(root)
    else:
        probe(root)
