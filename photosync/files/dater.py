"""Writes a date into a copy of a picture, with exiftool, and proves that nothing else changed.

A process of its own: exiftool and the decoders read hostile files, and may hang, crash or take
gigabytes. It reads a task a line on its standard input, JSON, and answers each with a line:
``{"done": true}``, or ``{"done": false, "why": "..."}``. It ends when its input does, and
exiftool with it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from photosync.files.dates import taken_at
from photosync.files.proving import Unproven, prove

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_MEMORY_BYTES = 3 << 30
"""Of address space, here and in exiftool."""

PR_SET_PDEATHSIG = 1  # linux/prctl.h
READY = b"{ready}\n"
MOST_ANSWER_BYTES = 16 << 20

ARGUMENTS = ("-config", "", "-stay_open", "True", "-@", "-")
"""``-config ''``: no configuration of the user's is run."""

READ = ("-j", "-n", "-a", "-u", "-G1:4", "-api", "LargeFileSupport=1")

FRAME = ("System", "File", "ExifTool", "Composite", "SourceFile")
"""Groups about the file, not in it."""

OWN_DATE = re.compile(
    r"(?i)^(IFD\d|ExifIFD|XMP-[\w-]+|QuickTime|Track\d+|Keys|ItemList|UserData|IPTC):"
    r"(DateTimeOriginal|CreateDate|DateCreated|DateTimeCreated|CreationDate|ContentCreateDate"
    r"|MediaCreateDate|TrackCreateDate|DigitalCreationDate|DateTimeDigitized)$"
)
SOME_DATE = re.compile(r'"?(?!0000|1904.01.01|1970.01.01)\d{4}[:-]\d\d[:-]\d\d')
"""A date that is one: epochs are clocks that were never set."""

WRITTEN = frozenset(
    {"DateTimeOriginal", "CreateDate", "OffsetTimeOriginal", "OffsetTimeDigitized", "DateCreated"}
    | {"TrackCreateDate", "MediaCreateDate"}
)
ADDED = WRITTEN | frozenset(
    {"XResolution", "YResolution", "ResolutionUnit", "YCbCrPositioning", "ExifVersion"}
    | {"ComponentsConfiguration", "FlashpixVersion", "ColorSpace", "XMPToolkit"}
)
"""What EXIF demands of whoever begins a block of it (Exif 2.32 §4.6.8)."""

MOVED = frozenset(
    {
        "MediaData",
        "MediaDataSize",
        "MediaDataOffset",
        "GIFVersion",
        "StripOffsets",
        "TileOffsets",
        "ThumbnailOffset",
        "PreviewImageStart",
    }
    | {"MPImageStart", "ChunkOffset", "WebP_Flags"}
)
"""Where something lies in the file: that it is the same is seen by looking. XMP needs GIF89a."""

SAID_TWICE = frozenset({"RIFF:ImageWidth", "RIFF:ImageHeight"})
"""By a WebP's own head, and by the one before it that EXIF needs, of which its flags tell."""

HOLDER = frozenset({"QuickTime:HandlerType", "QuickTime:HandlerVendorID"})
"""Of an empty place for metadata in a film, which exiftool takes out."""


IN_PLACE = frozenset({"image/webp"})
"""Written since exiftool 12.46 (its change log), by 12.57 in place alone: under another name, by
``-o``, it is "Can't write RIFF files"."""


class ExifTool:
    """exiftool, started once: 1.3 ms for a photo, not 150 (measured, version 12.57)."""

    def __init__(self, command: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - no word of it comes from outside
            [command, *ARGUMENTS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509 - this process has one thread
        )

    def ask(self, *arguments: str) -> str:
        """What it says to one command. No argument may hold the end of a line.

        Raises:
            Unproven: It died, or says more than anybody would.
        """
        if any("\n" in one or not one for one in arguments):
            raise Unproven("its name cannot be given to exiftool")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(os.fsencode("\n".join([*arguments, "-execute", ""])))
            self._process.stdin.flush()
        except OSError as error:
            raise SystemExit from error
        said = b""
        while not said.endswith(READY):
            block = os.read(self._process.stdout.fileno(), 1 << 16)
            if not block or len(said) > MOST_ANSWER_BYTES:
                self._process.kill()
                raise SystemExit  # whoever asks starts us anew
            said += block
        return said.removesuffix(READY).decode("utf-8", "replace")


def _die_with(parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it has died meanwhile, and nobody will be told any more


def make(tool: ExifTool, task: dict[str, Any]) -> None:
    """Make the copy ``task["copy"]`` of ``task["original"]``, and prove it.

    Raises:
        Unproven: The file has a date already, cannot be dated, or the copy is not the same.
    """
    original, copy, mime = task["original"], task["copy"], task["mime"]
    before = tags_of(tool, original)
    if any(SOME_DATE.match(one) for tag in before if OWN_DATE.match(tag) for one in before[tag]):
        raise Unproven("it has a date of its own")
    how, well = ["-o", copy, original], "1 image files created"
    if mime in IN_PLACE:
        shutil.copyfile(original, copy)
        how, well = ["-overwrite_original", copy], "1 image files updated"
    said = tool.ask(*arguments(mime, task["at"], task["offset_seconds"]), *how)
    if "Warning" in said or "Error" in said or well not in said:
        raise Unproven("exiftool says: " + " ".join(said.replace(original, "").split())[:200])
    wrong = sorted(differences(before, tags_of(tool, copy)))
    if wrong:
        raise Unproven(f"{wrong[0]} would change")
    if mime != "image/gif":  # it has no EXIF, but XMP
        with Path(copy).open("rb") as file:
            if taken_at(file, "") != task["at"]:
                raise Unproven("its date cannot be read back")
    prove(original, copy, mime)


def arguments(mime: str, at: int, offset_seconds: int) -> Iterator[str]:
    """What exiftool is told to write for a moment (seconds UTC)."""
    utc = datetime.fromtimestamp(at, UTC)
    sign, away = "-" if offset_seconds < 0 else "+", abs(offset_seconds) // 60
    offset = f"{sign}{away // 60:02d}:{away % 60:02d}"
    local = (utc + timedelta(seconds=offset_seconds)).strftime("%Y:%m:%d %H:%M:%S")
    yield from ("-api", "LargeFileSupport=1")
    if mime.startswith("video/"):
        for name in ("CreateDate", "TrackCreateDate", "MediaCreateDate"):
            yield f"-QuickTime:{name}={utc:%Y:%m:%d %H:%M:%S}"
    elif mime == "image/gif":
        for name in ("exif:DateTimeOriginal", "xmp:CreateDate", "photoshop:DateCreated"):
            yield f"-XMP-{name}={local}{offset}"
        yield "-XMP-x:XMPToolkit="
    else:
        for name in ("DateTimeOriginal", "CreateDate"):
            yield f"-EXIF:{name}={local}"
        for name in ("OffsetTimeOriginal", "OffsetTimeDigitized"):
            yield f"-EXIF:{name}={offset}"


def tags_of(tool: ExifTool, name: str) -> dict[str, list[str]]:
    """Everything that exiftool sees in a file, but what is about the file itself.

    Values by tag (``ExifIFD:DateTimeOriginal``), as JSON; a tag may be there several times.

    Raises:
        Unproven: It is damaged.
    """
    said = tool.ask(*READ, name)
    try:
        found = json.loads(said[said.index("[") :])[0]
    except (ValueError, IndexError, KeyError) as error:
        raise Unproven("exiftool cannot read it") from error
    for tag in found:
        if tag.startswith("ExifTool:") and tag.rpartition(":")[2] in ("Warning", "Error"):
            raise Unproven(f"exiftool says: {found[tag]}")
    tags: dict[str, list[str]] = {}
    for tag, one in found.items():
        if tag.partition(":")[0] not in FRAME:
            tags.setdefault(COPY.sub(":", tag), []).append(json.dumps(one, sort_keys=True))
    return tags


COPY = re.compile(r":Copy\d+:")


def differences(before: dict[str, list[str]], after: dict[str, list[str]]) -> Iterator[str]:
    """Tags that are not as they were, but those that were to be written."""
    for tag in before.keys() | after.keys():
        name = tag.rpartition(":")[2]
        may_be_new = name in ADDED and tag not in before
        may_go = tag in HOLDER and tag not in after
        if tag in SAID_TWICE and set(before.get(tag, ())) == set(after.get(tag, ())):
            continue
        if name in MOVED or name in WRITTEN or may_be_new or may_go:
            continue
        if sorted(before.get(tag, ())) != sorted(after.get(tag, ())):
            yield tag


def main(command: str) -> None:
    """Task after task."""
    with suppress(OSError, ValueError):  # a service may not be allowed to
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    tool = ExifTool(command)
    for line in sys.stdin:
        try:
            make(tool, json.loads(line))
            answer: dict[str, Any] = {"done": True}
        except Unproven as error:
            answer = {"done": False, "why": str(error)}
        except Exception as error:  # noqa: BLE001 - parsers of hostile files raise anything
            answer = {"done": False, "why": f"it cannot be read ({type(error).__name__})"}
        print(json.dumps(answer), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main(sys.argv[1])
