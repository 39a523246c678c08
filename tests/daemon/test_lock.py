from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from photosync.daemon import lock
from photosync.errors import AlreadyRunning, DiskFull, StateFolderUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from photosync.daemon import lock
with lock.held(Path(sys.argv[1]), now=1_800_000_000):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_nobody_holds_a_new_lock(tmp_path: Path) -> None:
    assert lock.holder(tmp_path) is None
    with lock.held(tmp_path, now=5):
        pass
    assert lock.holder(tmp_path) is None


def test_the_holder_is_known_by_process_and_time(tmp_path: Path) -> None:
    with lock.held(tmp_path, now=5):
        assert lock.holder(tmp_path) == lock.Holder(os.getpid(), 5)


def test_a_second_one_is_told_who_holds_it(
    tmp_path: Path, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_SECONDS", 0.1)
    with (
        pytest.raises(AlreadyRunning, match=rf"process {other.pid} since 20") as caught,
        lock.held(tmp_path, now=6),
    ):
        pass
    assert f"kill {other.pid}" in caught.value.hint
    assert lock.holder(tmp_path) == lock.Holder(other.pid, 1_800_000_000)


def test_a_killed_holder_lets_go(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert lock.holder(tmp_path) is None
    with lock.held(tmp_path, now=7):
        assert lock.holder(tmp_path) == lock.Holder(os.getpid(), 7)


def test_a_holder_that_has_not_said_its_name_yet(tmp_path: Path) -> None:
    with lock.held(tmp_path, now=5):
        (tmp_path / "lock").write_text("")
        assert lock.holder(tmp_path) == lock.Holder(None, None)
        (tmp_path / "lock").write_text('{"pid": []}')
        assert lock.holder(tmp_path) == lock.Holder(None, None)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StateFolderUnusable), lock.held(tmp_path / "gone", now=1):
        pass


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskFull), lock.held(tmp_path, now=1):
        pass
    monkeypatch.undo()
    with lock.held(tmp_path, now=1):  # and it was let go
        pass


def test_a_lock_whose_file_was_replaced_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lock._take
    taken: list[int] = []

    def take(descriptor: int, lock_file: Path) -> None:
        real(descriptor, lock_file)
        if not taken:
            lock_file.unlink()
        taken.append(descriptor)

    monkeypatch.setattr(lock, "_take", take)
    with lock.held(tmp_path, now=5):
        assert lock.holder(tmp_path) == lock.Holder(os.getpid(), 5)
    assert len(taken) == 2
