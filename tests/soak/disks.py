"""Disks that go away and come back, fill up, and leave a bare folder where they were."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.soak.ground import Ground


class Disk:
    """What ``root`` lies on. ``mark``: by this photosync knows it; before, it may make another."""

    def __init__(self, ground: Ground, root: Path, mark: str) -> None:
        self._ground = ground
        self._root = root
        self._mark = root / mark
        self._away = root.with_name("away")

    @property
    def is_away(self) -> bool:
        """Whether it is just not there."""
        return self._away.exists()

    def take_away(self) -> None:
        """For a moment or until the next time; an empty folder may stay, as of a mount."""
        if self.is_away:
            self.bring_back()
            return
        if not self._mark.exists():
            return
        self._root.rename(self._away)
        chance = self._ground.chance
        if chance.random() < 0.5:
            self._root.mkdir()
        if chance.random() < 0.8:
            time.sleep(chance.random() * 2)
            self.bring_back()

    def bring_back(self) -> None:
        """If it is away. Nobody may have written to where it was."""
        if not self.is_away:
            return
        if self._root.exists():
            for one in self._root.rglob("*"):
                self._ground.wrong.append(f"written to where the disk was not: {one}")
            self._root.rename(self._root.with_name(f"bare-{time.monotonic_ns()}"))
        self._away.rename(self._root)


@contextmanager
def mounted(folder: Path, mib: int) -> Iterator[bool]:
    """A disk of its own for a folder, where this user may mount one; whether it has one.

    It is a file, not memory, for what an hour brings has to fit; the file is sparse.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    image = folder.with_name(f"{folder.name}.img")
    with image.open("wb") as made:
        made.truncate(mib << 20)
    commands = [
        ["mkfs.ext4", "-q", "-m", "0", str(image)],
        ["mount", "-o", "loop", str(image), str(folder)],
        ["rmdir", str(folder / "lost+found")],
    ]
    is_mounted = all(_runs(command) for command in commands)
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def fill(ground: Ground) -> None:
    """For a second or two there is no room at all on one of the disks."""
    filler = ground.chance.choice(ground.disks) / "filler"
    with filler.open("wb") as full:
        size = os.fstatvfs(full.fileno())
        free = size.f_bavail * size.f_frsize
        while free >= size.f_frsize:
            with suppress(OSError):
                os.posix_fallocate(full.fileno(), os.fstat(full.fileno()).st_size, free)
            free //= 2
    time.sleep(1 + ground.chance.random())
    filler.unlink()
