"""Lists a folder and everything below it, as it comes, in constant memory."""

from __future__ import annotations

import logging
import os
import stat
from typing import TYPE_CHECKING

from photosync.domain.media import Entry, readable
from photosync.domain.media_types import Claim, claim
from photosync.domain.reasons import Reason, no_media, symlink, unreadable
from photosync.domain.selection import is_plainly_media, junk, name_left_out
from photosync.errors import SourceMissing
from photosync.files.opening import GONE, ROOT_LOST, folder_beneath, parts_of, root_missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.domain.selection import Selection

log = logging.getLogger(__name__)

NO_MEDIA = ".nomedia"
DEEPEST = 100
"""Folders within folders: deeper is a mistake of some program, not somebody's order."""
MOST_UNREADABLE = 1000
"""So many folders are remembered: memory stays bounded on a dying disk."""


class Listing:
    """Files of one root that may be media. ``unreadable``: folders that could not be listed.

    A folder with a ``.nomedia`` file is left out, but for the root: the user named that one.
    """

    def __init__(self, root: Path, selection: Selection) -> None:
        self._root = root
        self._selection = selection
        self.unreadable: dict[str, str] = {}

    def entries(self, under: str = "") -> Iterator[Entry]:
        """Every file in the folder ``under`` the root, or that one file.

        Symlinks below the root are never followed. What vanishes meanwhile is left out.

        Raises:
            SourceMissing: The root is away.
        """
        if self._left_out_above(under):
            return
        if under:
            entry = self._single(under)
            if entry is not None:
                yield entry
                return
        yield from self._walk(under)

    def _walk(self, top: str) -> Iterator[Entry]:
        """Depth first with a stack of paths: one descriptor at a time, however deep."""
        stack = [top]
        while stack:
            folder = stack.pop()
            for found in self._list(folder):
                if isinstance(found, str):
                    stack.append(found)
                else:
                    yield found

    def _list(self, folder: str) -> Iterator[Entry | str]:
        """Entries of one folder, and the paths of the folders in it."""
        try:
            with folder_beneath(self._root, folder) as descriptor:
                if folder and _exists(NO_MEDIA, descriptor):
                    return
                with os.scandir(descriptor) as scan:
                    for one in scan:
                        found = self._judge(folder, one, descriptor)
                        if found is not None:
                            yield found
        except OSError as error:
            self._not_listed(folder, error)
        else:
            self.unreadable.pop(folder, None)

    def _judge(self, folder: str, one: os.DirEntry[str], descriptor: int) -> Entry | str | None:
        name = one.name
        plain = is_plainly_media(name)
        if not plain and junk(name) is not None:
            return None
        path = f"{folder}/{name}" if folder else name
        try:
            is_folder = one.is_dir(follow_symlinks=False)
        except OSError as error:  # file systems that do not list kinds look at the file itself
            self._not_listed(path, error)
            return None
        if is_folder:
            return path if self._why_not_entered(path) is None else None
        if not plain and claim(name) is Claim.OTHER:
            return None
        return self._entry(path, name, descriptor)

    def _why_not_entered(self, folder: str) -> Reason | None:
        """Why a folder is not looked into, by its path alone."""
        reason = self._selection.folder_left_out(folder)
        if reason is not None or folder.count("/") < DEEPEST:
            return reason
        why = f"more than {DEEPEST} folders within one another"
        self._report(folder, why)
        return unreadable(folder, why)

    def _entry(self, path: str, name: str, descriptor: int) -> Entry | None:
        """The file as it is now; None if it is gone, no regular file, or left out.

        Raises:
            OSError: The whole folder cannot be searched.
        """
        try:
            found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except PermissionError:
            raise  # no permission for the folder, not for the file
        except OSError as error:
            self._not_listed(path, error)  # a damaged place on the disk: the others are well
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        if self._selection.why_not(path, found.st_mtime_ns, found.st_size) is not None:
            return None
        return Entry(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def _single(self, path: str) -> Entry | None:
        folder, _, name = path.rpartition("/")
        if name_left_out(name) is not None:
            return None
        try:
            with folder_beneath(self._root, folder) as descriptor:
                return self._entry(path, name, descriptor)
        except OSError as error:
            self._not_listed(folder, error)
            return None

    def _left_out_above(self, under: str) -> bool:
        """Whether one of the folders on the way is junk, left out, or holds a .nomedia."""
        if any(name_left_out(part, is_folder=True) is not None for part in parts_of(under)):
            return True
        return self._why_not_above(under) is not None

    def why_not(self, path: str) -> Reason | None:
        """Why the file at ``path`` is not listed, or None if it is.

        Raises:
            SourceMissing: The root is away.
            ValueError: The path would lead out of it.
        """
        *folders, name = parts_of(path) or [""]
        reasons = (name_left_out(part, is_folder=True) for part in folders)
        reason = next(filter(None, reasons), None) or name_left_out(name)
        return reason or self._why_not_above(path) or self._why_no_entry(path)

    def why_not_entered(self, folder: str) -> Reason | None:
        """Why nothing in the folder is listed, or None if it is looked into.

        Raises:
            SourceMissing: The root is away.
            ValueError: The path would lead out of it.
        """
        reasons = (name_left_out(part, is_folder=True) for part in parts_of(folder))
        return next(filter(None, reasons), None) or self._why_not_above(f"{folder}/x".lstrip("/"))

    def _why_not_above(self, path: str) -> Reason | None:
        """Which folder above ``path`` keeps it from being listed.

        Raises:
            SourceMissing: The root is away.
        """
        folder = ""
        for part in parts_of(path):
            reason = self._why_not_entered(folder) if folder else None
            reason = reason or self._why_not_read(folder)
            if reason is not None:
                return reason
            folder = f"{folder}/{part}" if folder else part
        return None

    def _why_not_read(self, folder: str) -> Reason | None:
        try:
            with folder_beneath(self._root, folder) as descriptor:
                return no_media(folder) if folder and _exists(NO_MEDIA, descriptor) else None
        except OSError as error:
            self._not_listed(folder, error)
            if (self._root / folder).is_symlink():
                return symlink(folder)
            return unreadable(folder, error.strerror or type(error).__name__)

    def _why_no_entry(self, path: str) -> Reason | None:
        """The same for the file itself, once its folder is read."""
        folder, _, name = path.rpartition("/")
        with folder_beneath(self._root, folder) as descriptor:
            try:
                found = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except OSError as error:
                if error.errno in GONE:
                    message = f"{readable(path)} is not there any more."
                    return Reason("gone", message)
                return unreadable(path, error.strerror or type(error).__name__)
        if stat.S_ISLNK(found.st_mode):
            return symlink(path)
        if not stat.S_ISREG(found.st_mode):
            return Reason("no_file", f"{readable(path)} is no regular file.")
        return self._selection.why_not(path, found.st_mtime_ns, found.st_size)

    def _not_listed(self, path: str, error: OSError) -> None:
        """What is gone is normal; what may not be read is worth telling, once.

        Raises:
            SourceMissing: It is the root itself.
        """
        if error.errno in ROOT_LOST or not path:
            raise root_missing(self._root, error) from error
        if error.errno in GONE:
            self.unreadable.pop(path, None)
        else:
            self._report(path, error.strerror or type(error).__name__)

    def _report(self, path: str, reason: str) -> None:
        if path not in self.unreadable:
            if len(self.unreadable) >= MOST_UNREADABLE:
                return
            log.warning("folder.unreadable path=%r reason=%s", readable(path), reason)
        self.unreadable[path] = reason


def is_bare(root: Path) -> bool:
    """Whether there is nothing at all in the root, or no root."""
    try:
        with folder_beneath(root, "") as descriptor, os.scandir(descriptor) as scan:
            return next(scan, None) is None
    except (SourceMissing, OSError):
        return True


def _exists(name: str, descriptor: int) -> bool:
    try:
        os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
