"""Real folders, clocks that a test sets, and a user who may not read everything."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from photosync.files.folder import Entry, Folder

    AsNobody = Callable[[], AbstractContextManager[None]]

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
NOBODY = 65534


class Clock:
    """A clock that a test sets forward."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture(autouse=True)
def _leases_may_be_broken() -> Iterator[None]:
    """As the program does at its start: a broken lease must not end it."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "watched"
    folder.mkdir()
    return folder


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users can reach."""
    folder = Path(tempfile.mkdtemp(prefix="photosync-test-"))
    folder.chmod(0o755)
    yield folder
    for found in (folder, *folder.rglob("*")):
        if found.is_dir() and not found.is_symlink():
            found.chmod(0o755)
    shutil.rmtree(folder)


@pytest.fixture
def as_nobody() -> AsNobody:
    """Root may read everything: be nobody for a while. Other users are held back as they are."""

    @contextmanager
    def switched() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)

    return switched


def write(file: Path, content: bytes = JPEG) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def paths(folder: Folder, under: str = "") -> list[str]:
    return sorted(entry.path for entry in folder.entries(under))


def the_entry(folder: Folder, path: str) -> Entry:
    (entry,) = folder.entries(path)
    return entry


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
