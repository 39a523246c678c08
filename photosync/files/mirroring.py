"""The mirror on disk: copies are made beside it, checked, and then given their names at once.

Nothing in it is ever overwritten. What is half copied lies in ``.photosync/part``, on the same file
system, by the number of its item; each photosync that copies to this mirror has a folder there.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.media import COARSEST_NS, Hashes, in_units, readable
from photosync.domain.naming import apart, plain_path
from photosync.errors import (
    ItemGone,
    MirrorAway,
    MirrorFull,
    MirrorLost,
    SourceMissing,
)
from photosync.files.opening import OpenFile, open_beneath
from photosync.files.parts import BLOCK_BYTES, Part, tell_nobody, unwritable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from photosync.files.folder import Halt

log = logging.getLogger(__name__)

OWN = ".photosync"
PARTS = f"{OWN}/part"
MARK = f"{OWN}/mirror"
REFUSED_NAME = frozenset({errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG, errno.ENOTDIR})
MOST_NAMES = 1000

README = """\
This folder holds copies that photosync made of the photos on your phones.
It knows it by this file: without it, photosync takes the disk for not mounted.
"""


class MirrorDisk:
    """The folder of copies. ``least_free_bytes`` are never used up.

    ``owner``: a name of this photosync's own, for the folder of its unfinished copies.
    ``moved_from``: where the mirror was, if copies there still have to be uploaded.
    """

    def __init__(
        self, root: Path, *, least_free_bytes: int, owner: str = "own", moved_from: str = ""
    ) -> None:
        self.root = root
        self._moved_from = moved_from
        self.parts_folder = root / PARTS / owner
        self._least_free_bytes = least_free_bytes
        self._given: dict[int, int] = {}
        self._giving = Lock()
        self._naming = Lock()

    def prepare(self, *, known: bool) -> None:
        """See to it that the mirror is there. ``known``: it was made before.

        Raises:
            MirrorAway: It was made before and is not there, or it cannot be written.
            MirrorFull: The disk is full.
        """
        try:
            if (self.root / MARK).is_file():
                return
        except OSError as error:
            raise unwritable(self.root, error) from error
        if self._moved_from:
            raise MirrorAway(
                f"mirror.path was {readable(self._moved_from)}, and copies there are still to be"
                " uploaded.",
                hint=f"Move that folder to {readable(str(self.root))}, or set mirror.path back"
                " until they are in the library.",
            )
        if known:
            raise MirrorAway(f"The mirror {readable(str(self.root))} is not there.")
        try:
            _make_folder(self.root / PARTS)
            with (self.root / MARK).open("w") as mark:
                mark.write(README)
                mark.flush()
                os.fsync(mark.fileno())
            _sync_folder(self.root / OWN)
        except OSError as error:
            raise unwritable(self.root, error) from error

    def need(self, sizes: Mapping[int, int]) -> None:
        """See to it that there is room for items of these sizes, beside what others were given.

        What there is of them already, half copied, takes no more room.

        Raises:
            MirrorFull: There is not.
        """
        wanted = {**self._given, **sizes}
        size_bytes = sum(max(0, size - self._held_bytes(one)) for one, size in wanted.items())
        try:
            found = os.statvfs(self.root)
        except OSError as error:
            raise unwritable(self.root, error) from error
        free_bytes = found.f_bavail * found.f_frsize
        lacking_bytes = size_bytes + self._least_free_bytes - free_bytes
        lacking_bytes += len(wanted) * found.f_frsize  # each file begins a block of the disk
        if lacking_bytes > 0:
            raise MirrorFull(
                f"The disk of the mirror {readable(str(self.root))} has {in_units(free_bytes)}"
                f" free, of which mirror.min_free keeps {in_units(self._least_free_bytes)}:"
                f" at least {in_units(lacking_bytes)} too little for what waits on phones."
            )

    @contextmanager
    def room(self, sizes: Mapping[int, int]) -> Iterator[None]:
        """The same, and the room is theirs for the block, whoever else asks.

        Raises:
            MirrorFull: There is none.
        """
        with self._giving:
            self.need(sizes)
            self._given = {**self._given, **sizes}
        try:
            yield
        finally:
            with self._giving:
                self._given = {one: it for one, it in self._given.items() if one not in sizes}

    @contextmanager
    def part(
        self,
        number: int,
        *,
        halt: Halt,
        progress: Callable[[int], None] = tell_nobody,
        path: str = "",
    ) -> Iterator[Part]:
        """The unfinished copy of item ``number``; what was written stays for the next try.

        ``path``: where it is to lie, for messages.

        Raises:
            MirrorFull, MirrorAway: It cannot be written.
        """
        self.prepare(known=True)  # a disk that was unmounted a moment ago leaves a bare folder
        file = self.parts_folder / str(number)
        try:
            (self.root / PARTS).mkdir(exist_ok=True)  # .photosync is not made: it may go right now
            file.parent.mkdir(exist_ok=True)
            part = Part(file, halt, progress, meant=self.root / path)
        except OSError as error:
            raise unwritable(self.root / path, error) from error
        try:
            yield part
        finally:
            part.close()

    def _held_bytes(self, number: int) -> int:
        try:
            return (self.parts_folder / str(number)).stat().st_size
        except OSError:
            return 0

    def drop(self, number: int) -> None:
        """Away with an unfinished copy."""
        file = self.parts_folder / str(number)
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(file, error) from error

    def parts(self) -> list[int]:
        """The items of which there are unfinished copies."""
        try:
            return [int(one.name) for one in self.parts_folder.iterdir() if one.name.isdecimal()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unwritable(self.parts_folder, error) from error

    def drop_abandoned(self, *, before: float) -> None:
        """Away with what other photosyncs left half copied and have not touched since ``before``.

        A state folder that was deleted leaves its unfinished copies to nobody. Whose state folder
        is still in use loses nothing but the time to begin the copy anew.
        """
        folder = self.root / PARTS
        try:
            for other in folder.iterdir():
                if other == self.parts_folder or other.is_symlink() or not other.is_dir():
                    continue
                for file in other.iterdir():
                    if file.name.isdecimal() and file.lstat().st_ctime < before:
                        file.unlink()
        except FileNotFoundError:
            return  # another photosync sweeps at the same time, or there is none
        except OSError as error:
            raise unwritable(folder, error) from error

    def place(self, number: int, path: str, hashes: Hashes) -> str:
        """Give the finished copy its name; the one it got.

        The name may be taken: by an older version, or by one that differs only in case. If that
        is this very copy, made before a crash, it is taken over. Where a file lies in the place
        of a folder, the folder gets another name. A power cut may take the name back until
        ``sync_names``.

        Raises:
            MirrorFull, MirrorAway: It cannot be written.
        """
        try:
            with self._naming:  # without links, a name that is free is so for one thread alone
                return self._placed(number, path, hashes)
        except OSError as error:
            raise unwritable(self.root / path, error) from error

    def _placed(self, number: int, path: str, hashes: Hashes) -> str:
        try:
            return self._place(number, path, hashes)
        except OSError as error:
            if error.errno not in REFUSED_NAME:
                raise
            return self._place(number, plain_path(path), hashes)

    def _place(self, number: int, path: str, hashes: Hashes) -> str:
        part = self.parts_folder / str(number)
        part.lstat()  # else no folder is made either: the disk went meanwhile
        for attempt in range(MOST_NAMES):
            name = path if attempt == 0 else apart(path, number + attempt - 1)
            name = self._around_files(name)
            target = self.root / name
            _make_folder(target.parent)
            if _named(part, target) or _same(target, hashes):
                part.unlink(missing_ok=True)
                return name
        text = f"no name is free beside {path!r}"
        raise RuntimeError(text)

    def sync_names(self, paths: Collection[str]) -> None:
        """See to it that the disk has the names of copies: each of their folders once.

        Raises:
            MirrorFull, MirrorAway: It cannot be written.
        """
        for folder in dict.fromkeys((self.root / path).parent for path in paths):
            try:
                _sync_folder(folder)
            except OSError as error:
                raise unwritable(folder, error) from error

    def _around_files(self, path: str) -> str:
        """``path`` with other names for those of its folders that files have."""
        *folders, name = path.split("/")
        way = ""
        for folder in folders:
            below = f"{way}{folder}"
            number = 0
            while (self.root / below).exists() and not (self.root / below).is_dir():
                number += 1
                below = apart(f"{way}{folder}", number)
            way = f"{below}/"
        return f"{way}{name}"

    @contextmanager
    def open(self, path: str, size_bytes: int) -> Iterator[BinaryIO]:
        """A copy, open for reading.

        Raises:
            MirrorLost: It is gone, or another size.
            MirrorAway: The mirror's disk is not there.
            FileUnreadable, FileInUse: It cannot be read (now).
        """
        try:
            descriptor = open_beneath(self.root, path)
        except SourceMissing as error:
            self.prepare(known=True)
            raise MirrorAway(error.message) from error
        except ItemGone as error:
            self.prepare(known=True)
            raise MirrorLost(f"The copy {readable(path)} is gone from the mirror.") from error
        with OpenFile(descriptor, root=self.root, path=path) as file:
            if os.fstat(descriptor).st_size != size_bytes:
                raise MirrorLost(f"The copy {readable(path)} in the mirror was changed.")
            yield file

    def remove(self, path: str, size_bytes: int, mtime_ns: int) -> bool:
        """Take a copy away; False if it was not there, or is another file by now: the user's.

        Raises:
            MirrorAway: The mirror is not there, or cannot be written.
        """
        self.prepare(known=True)
        file = self.root / path
        try:
            found = file.lstat()
            is_ours = (
                stat.S_ISREG(found.st_mode)
                and found.st_size == size_bytes
                and abs(found.st_mtime_ns - mtime_ns) <= COARSEST_NS
            )
            if is_ours:
                file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise unwritable(file, error) from error
        return is_ours


def _named(part: Path, target: Path) -> bool:
    """Give ``part`` a second name without ever taking one away; False if it is taken."""
    try:
        os.link(part, target)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise
        if target.exists():  # a file system without links: nobody else writes here
            return False
        part.rename(target)
    return True


def _same(target: Path, hashes: Hashes) -> bool:
    """Whether those very bytes lie there already."""
    if target.is_symlink() or not target.is_file() or target.stat().st_size != hashes.size_bytes:
        return False
    digest = hashlib.sha256()
    with target.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == hashes.sha256


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that a power cut does not take them back."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        _sync_folder(one.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # shares that cannot
            raise
    finally:
        os.close(descriptor)
