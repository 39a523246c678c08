"""A disk whose power can be cut: it keeps what was synced, and of the rest what chance lets it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

SHIM = Path(__file__).with_name("shim.c")


@dataclass
class Disk:
    """Everything below ``root`` lies on it; ``kept`` is where the shim notes what is certain."""

    root: Path
    kept: Path
    shim: Path

    def environ(self) -> dict[str, str]:
        """For a program that writes to this disk."""
        return {
            "LD_PRELOAD": str(self.shim),
            "POWERCUT_ROOT": str(self.root),
            "POWERCUT_DISK": str(self.kept),
        }

    def begin(self) -> None:
        """What lies there now is certain."""
        shutil.rmtree(self.kept, ignore_errors=True)
        self.kept.mkdir()
        for folder, folders, files in os.walk(self.root):
            here = Path(folder)
            names = [("d", here / one) for one in folders] + [("f", here / one) for one in files]
            listed = "".join(f"{kind}\0{one.lstat().st_ino}\0{one.name}\0" for kind, one in names)
            (self.kept / f"names-{here.stat().st_ino}").write_bytes(os.fsencode(listed))
            for one in files:
                shutil.copy(here / one, self.kept / f"data-{(here / one).stat().st_ino}")

    def cut(self, chance: random.Random | None) -> None:
        """Only what is certain is left; with ``chance``, whole files and folders more."""
        was = self.root.with_name(f"{self.root.name}-was")
        self.root.rename(was)
        self._rebuild(was.stat().st_ino, was, self.root, chance)
        shutil.rmtree(was)
        self.begin()

    def _rebuild(
        self, inode: int, was: Path | None, folder: Path, chance: random.Random | None
    ) -> None:
        """``was``: the folder as the program saw it last, if it is still there."""
        folder.mkdir(mode=0o700)
        now = {one.name: one for one in was.iterdir()} if was is not None else {}
        names = self._names(inode)
        if chance is not None and chance.random() < 0.5:
            names |= {
                name: ("d" if one.is_dir() else "f", one.lstat().st_ino)
                for name, one in now.items()
            }
        for name, (kind, number) in names.items():
            seen = now.get(name)
            if seen is not None and seen.lstat().st_ino != number:
                seen = None  # another file has that name by now
            if kind == "d":
                self._rebuild(number, seen, folder / name, chance)
            else:
                self._fill(number, seen, folder / name, chance)

    def _fill(
        self, inode: int, seen: Path | None, file: Path, chance: random.Random | None
    ) -> None:
        certain = self.kept / f"data-{inode}"
        if seen is not None and chance is not None and chance.random() < 0.5:
            shutil.copy2(seen, file)
        elif certain.exists():
            shutil.copy(certain, file)
            if seen is not None:
                shutil.copystat(seen, file)
        else:
            file.touch()
        file.chmod(0o600)

    def _names(self, inode: int) -> dict[str, tuple[str, int]]:
        listed = self.kept / f"names-{inode}"
        if not listed.exists():
            return {}
        words = [os.fsdecode(one) for one in listed.read_bytes().split(b"\0")[:-1]]
        rows = zip(words[::3], words[1::3], words[2::3], strict=True)
        return {name: (kind, int(number)) for kind, number, name in rows}


def built(folder: Path) -> Path:
    """The shim, compiled."""
    made = folder / "shim.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(made), str(SHIM)]
    subprocess.run([*command, "-ldl"], check=True, capture_output=True)
    return made
