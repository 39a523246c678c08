"""Copies of pictures that carry a date, for Google to read (google-photos-api.md §7).

They live in a folder of their own for as long as their upload takes. The original is never
touched: it is copied first, and the copy's bytes are held against the hash on record.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from photosync.domain.media import in_units, readable
from photosync.domain.media_types import limit_bytes
from photosync.errors import ChecksumMismatch, CopyUnproven, DatesFull, ExiftoolMissing, Stopping
from photosync.files.servant import Servant, ServantFailed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.domain.dating import Dated
    from photosync.files.servant import Halt

log = logging.getLogger(__name__)

EXTENSIONS = {
    "image/avif": "avif",
    "image/gif": "gif",
    "image/heic": "heic",
    "image/heif": "heif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "image/webp": "webp",
    "video/3gpp": "3gp",
    "video/3gpp2": "3g2",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/x-m4v": "m4v",
}
"""What a date is written into. RAW files have one; exiftool does not write the others."""

EXIFTOOL = "exiftool"
BESIDE = "_exiftool_tmp"
"""What it writes in place lies beside the file under that ending until it is whole."""

BLOCK_BYTES = 1 << 20
SPARE_BYTES = 64 << 20
LEAST_SECONDS = 60.0
SLOWEST = 4 << 20
"""Bytes a second that a disk reads, writes and compares, at least."""

TRIES = 2
"""What died may have been killed by somebody; whatever kills it twice is the file."""

IDLE_SECONDS = 60.0
VERSION_SECONDS = 20.0
VERSION = re.compile(r"[0-9.]{1,20}")


@dataclass(frozen=True, slots=True)
class DatedCopy:
    """A proven copy, open for reading; hashes in lower-case hex."""

    file: BinaryIO
    size_bytes: int
    sha256: str
    sha1: str


def exiftool() -> str | None:
    """Where exiftool is, or None."""
    return shutil.which(EXIFTOOL)


def exiftool_version() -> str | None:
    """What it says of itself; None if it does not run."""
    command = exiftool()
    if command is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - no word of it comes from outside
            [command, "-config", "", "-ver"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.decode("ascii", "replace").strip()
    return version if done.returncode == 0 and VERSION.fullmatch(version) else None


class DatedCopies:
    """Makes them in ``folder``, which is this program's alone."""

    def __init__(self, folder: Path, *, halt: Halt) -> None:
        self._folder = folder
        self._halt = halt
        self._servant: Servant | None = None

    def sweep(self) -> None:
        """Before any is made: away with what a death left behind."""
        with suppress(OSError):
            for left in self._folder.iterdir():
                left.unlink()

    def rest(self) -> None:
        """Give back the memory of what was not needed for a while."""
        if self._servant is not None:
            self._servant.rest(idle_seconds=IDLE_SECONDS)

    def close(self) -> None:
        """At the end: nothing of ours outlives us."""
        if self._servant is not None:
            self._servant.close()

    def check(self, size_bytes: int = 0) -> None:
        """See to it that a copy of such a file could be made.

        Raises:
            ExiftoolMissing, DatesFull: It cannot.
        """
        if exiftool() is None:
            raise ExiftoolMissing("Photos without a date wait for exiftool, which is not there.")
        self._need(size_bytes)

    @contextmanager
    def copy(
        self,
        original: BinaryIO,
        *,
        number: int,
        size_bytes: int,
        sha256: str,
        mime_type: str,
        dated: Dated,
    ) -> Iterator[DatedCopy]:
        """A copy of ``original`` that says ``dated``; gone when the block ends.

        Raises:
            CopyUnproven: It has a date after all, takes none, or would not be the same picture.
            ChecksumMismatch: The original is not what was hashed.
            ExiftoolMissing, DatesFull: None can be made now.
            Stopping: The program is ending.
        """
        self.check(size_bytes)
        extension = EXTENSIONS[mime_type]
        staged = self._folder / f"{number}.{extension}"
        copy = self._folder / f"{number}.dated.{extension}"
        try:
            try:
                self._remove(staged, copy)
                self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._stage(original, staged, sha256)
                self._make(staged, copy, mime_type, dated, size_bytes)
                staged.unlink()
                opened = copy.open("rb")
            except OSError as error:
                raise self._unwritable(error) from error
            with opened:
                yield self._measured(opened, mime_type)
        finally:
            with suppress(OSError):
                self._remove(staged, copy)

    def _remove(self, *files: Path) -> None:
        for one in files:
            one.unlink(missing_ok=True)
            one.with_name(f"{one.name}{BESIDE}").unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> DatesFull:
        where = readable(str(self._folder))
        return DatesFull(f"No dated copy can be made in {where}: {error.strerror or error}.")

    def _need(self, size_bytes: int) -> None:
        """Room for the original, its copy, and what exiftool writes meanwhile."""
        above = self._folder
        while not above.exists():
            above = above.parent
        found = os.statvfs(above)
        lacking = 2 * size_bytes + SPARE_BYTES - found.f_bavail * found.f_frsize
        if lacking > 0:
            raise DatesFull(
                f"For the dated copy of a file of {in_units(size_bytes)},"
                f" {readable(str(self._folder))} lacks {in_units(lacking)} of room."
            )

    def _stage(self, original: BinaryIO, staged: Path, sha256: str) -> None:
        digest = hashlib.sha256()
        original.seek(0)
        with staged.open("xb") as file:
            while block := original.read(BLOCK_BYTES):
                digest.update(block)
                file.write(block)
                if self._halt.is_set():
                    raise Stopping
        if digest.hexdigest() != sha256:
            raise ChecksumMismatch("The file is not what was hashed.")

    def _make(
        self, staged: Path, copy: Path, mime_type: str, dated: Dated, size_bytes: int
    ) -> None:
        task = {
            "original": str(staged),
            "copy": str(copy),
            "mime": mime_type,
            "at": dated.at,
            "offset_seconds": dated.offset_seconds,
        }
        answer: dict[str, object] = {}
        for left in reversed(range(TRIES)):
            self._remove(copy)
            try:
                answer = self._served().ask(task, seconds=LEAST_SECONDS + size_bytes / SLOWEST)
                break
            except ServantFailed as error:
                log.warning("dates.servant_failed reason=%s", error)
                if not left:
                    answer = {"why": f"exiftool failed: {error}"}
        if answer.get("done") is not True:
            self.check(size_bytes)  # a full disk, or exiftool taken away, is not the file's fault
            staged.stat()  # nor that somebody cleans up in our folder
            raise CopyUnproven(str(answer.get("why", "it was not proven")))

    def _served(self) -> Servant:
        command = exiftool()
        if command is None:
            raise ExiftoolMissing("Photos without a date wait for exiftool, which is not there.")
        if self._servant is None:
            ourselves = (sys.executable, "-P", "-W", "ignore", "-m", "photosync.files.dater")
            self._servant = Servant((*ourselves, command), halt=self._halt)
        return self._servant

    def _measured(self, file: BinaryIO, mime_type: str) -> DatedCopy:
        sha256, sha1 = hashlib.sha256(), hashlib.sha1(usedforsecurity=False)
        size_bytes = 0
        while block := file.read(BLOCK_BYTES):
            sha256.update(block)
            sha1.update(block)
            size_bytes += len(block)
        file.seek(0)
        if size_bytes > limit_bytes(mime_type):
            raise CopyUnproven("with a date it is larger than Google takes")
        return DatedCopy(file, size_bytes, sha256.hexdigest(), sha1.hexdigest())
