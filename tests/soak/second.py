"""What happens to the second copy: its disk goes, its files rot, and somebody mends it."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING

import pyrage

from tests.soak.disks import Disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.soak.ground import Ground
    from tests.soak.sources import Action

OWN = ".photosync"


class Second:
    """``aside``: what damaged files were before."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._chance = ground.chance
        self._root = ground.world.second
        self.disk = Disk(ground, self._root, f"{OWN}/backup")
        self._aside: dict[Path, tuple[bytes, int]] = {}

    def actions(self) -> list[Action]:
        return [(2, self.disk.take_away), (2, self.spoil), (2, self.mend)]

    def _files(self) -> list[Path]:
        return [] if self.disk.is_away else files_of(self._root)

    def spoil(self) -> None:
        """A file loses a bit, its end, or its name."""
        if files := self._files():
            file = self._chance.choice(files)
            content = file.read_bytes()
            if file in self._aside or not content:
                return
            self._aside[file] = content, file.stat().st_mtime_ns
            self._ground.spoilt.add(str(file.relative_to(self._root)))
            how = self._chance.choice(["bit", "end", "name"])
            if how == "name":
                file.unlink()
                return
            at = self._chance.randrange(len(content))
            if how == "end":
                os.truncate(file, at)
                return
            with file.open("r+b") as out:
                out.seek(at)
                out.write(bytes([content[at] ^ 1]))

    def mend(self) -> None:
        """Everything as it was, but for what has its name by now."""
        if self.disk.is_away:
            return
        for file, (content, mtime_ns) in self._aside.items():
            if file.exists() and self._is_whole(file):
                continue  # photosync itself has put something there
            file.unlink(missing_ok=True)
            with suppress(FileExistsError), file.open("xb") as out:
                out.write(content)
                os.utime(file, ns=(mtime_ns, mtime_ns))
        self._aside.clear()

    def _is_whole(self, file: Path) -> bool:
        """Sealed anew, the same content is not the same bytes."""
        keys = keys_of(self._ground.world.state)
        try:
            return opened(file, keys) in self._ground.ever
        except pyrage.DecryptError:
            return False


def files_of(root: Path) -> list[Path]:
    """Every file in a second copy but photosync's own."""
    found = (one for one in root.rglob("*") if OWN not in one.relative_to(root).parts)
    return sorted(one for one in found if one.is_file())


def keys_of(state: Path) -> list[pyrage.x25519.Identity]:
    """The secret key, if there is one."""
    file = state / "backup-key.txt"
    if not file.exists():
        return []
    lines = file.read_text().splitlines()
    return [pyrage.x25519.Identity.from_str(one) for one in lines if one.startswith("AGE-")]


def opened(file: Path, keys: list[pyrage.x25519.Identity]) -> str:
    """The hash of what the file holds."""
    content = file.read_bytes()
    if file.suffix == ".age":
        content = pyrage.decrypt(content, keys)
    return hashlib.sha256(content).hexdigest()


def audit(ground: Ground, need: set[str]) -> Iterator[str]:
    """What is wrong with the second copy, which has to hold ``need`` and opens with the key."""
    root, keys = ground.world.second, keys_of(ground.world.state)
    lies: defaultdict[str, list[str]] = defaultdict(list)
    for file in files_of(root):
        path = str(file.relative_to(root))
        if bool(ground.plan.sealed) != (file.suffix == ".age"):
            yield f"second copy: {path} is not sealed as it should be"
        try:
            lies[opened(file, keys)].append(path)
        except pyrage.DecryptError as error:
            yield f"second copy: {path} does not open: {error}"
    if missing := need - lies.keys():
        yield f"second copy: {len(missing)} contents are not there: {sorted(missing)[:3]}"
    for content, paths in lies.items():
        if content not in ground.ever:
            yield f"second copy: {paths} is no content that there ever was"
        if len(set(paths) - ground.spoilt) > 1:
            yield f"second copy: {paths} are the same content"
    left = [*root.glob(f"{OWN}/part/*"), *root.glob(f"{OWN}/**/.*.new")]
    if left:
        yield f"second copy: left over: {left[:5]}"
