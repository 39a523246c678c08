"""Which files are taken: junk is known by name, the rest is the user's choice."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from time import localtime, strftime

from photosync.domain.globs import can_reach_below, folder_of, pattern_of
from photosync.domain.media import in_units, readable
from photosync.domain.media_types import (
    BY_EXTENSION,
    Claim,
    claim,
    extension_of,
    is_of_types,
)
from photosync.domain.reasons import Reason

NANOSECONDS = 1_000_000_000

JUNK = frozenset(
    {
        *("@eadir", "#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp"),  # NAS
        *("$recycle.bin", "system volume information", "found.000"),  # Windows
        *("thumbs.db", "ehthumbs.db", "desktop.ini"),
        *("__macosx", "lost+found"),
        "4913",  # Vim tries whether a folder can be written to
    }
)
TEMPORARY = re.compile(
    r"""
      ~$ | ^~\$                      # editors' backups, office locks
    | \.(swp|swo|swx|tmp|temp|part|partial|crdownload|download|opdownload|filepart|unconfirmed)$
    | \.(aria2|ytdl|part-frag\d+)$   # what downloaders keep beside an unfinished file
    | \.!(ut|qb|bt)$                 # torrents
    | ^\#.*\#$                       # Emacs
    | \.tmp[-.~]?[0-9a-z]{4,12}$     # KDE, rclone
    | \.[0-9a-f]{8}\.partial$
    """,
    re.VERBOSE | re.IGNORECASE,
)

SCREENSHOT_FOLDERS = frozenset(
    {"screenshots", "screenshot", "screen captures", "screencaptures"}
    | {"screenrecords", "screenrecorder", "screen recordings", "screenrecordings"}
)
SCREENSHOT = re.compile(
    r"""(screen[ _-]?shot | screen[ _-]?record(ing|er)? | screencapture | scrnshot
    | bildschirm(foto|aufnahme|aufzeichnung) | capture[ _-]d.{1,3}cran
    | captura[ _-]de[ _-](tela|pantalla)
    ) ([ _.-]|\d|$)""",
    re.VERBOSE | re.IGNORECASE,
)
"""What phones and desktops call pictures and films of their own screens."""


PLAIN = re.compile(r"[A-Za-z0-9_-]+\.([A-Za-z0-9]+)")
"""Names as cameras and phones give them."""


def is_plainly_media(name: str) -> bool:
    """Whether a name is neither junk nor anything but media's, seen at a glance.

    Most names are; of others ``junk`` and ``claim`` tell, in three times the time.
    """
    found = PLAIN.fullmatch(name)
    return found is not None and found[1].lower() in BY_EXTENSION


def junk(name: str) -> str | None:
    """Why a file or folder of that name is never looked at, or None.

    Hidden files cover ``.trashed-*`` and ``.pending-*`` of Android, ``.goutputstream-*``,
    and what rsync and Syncthing write before they rename it.
    """
    if name.startswith("."):
        return "its name begins with a dot: hidden, in the trash, or not finished yet"
    if name.lower() in JUNK:
        return "it belongs to the system"
    if TEMPORARY.search(name):
        return "its name is that of a temporary file"
    return None


def name_left_out(name: str, *, is_folder: bool = False) -> Reason | None:
    """Why nothing of that name is looked at, whatever the user chooses; or None."""
    if is_plainly_media(name):
        return None
    why = junk(name)
    if why is not None:
        cure = "Rename it, if it is a photo after all."
        return Reason("junk", f"{readable(name)}: {why}.", "names that are never taken", cure)
    if not is_folder and claim(name) is Claim.OTHER:
        kind = readable(extension_of(name))
        message = f"Files named .{kind} are neither photos nor videos."
        cure = "Rename it, if it is a photo after all: unknown names are judged by their content."
        return Reason("other_type", message, "names that are no photos", cure)
    return None


def is_screenshot(path: str) -> bool:
    """Whether a picture or film of a screen lies there, by the names of folders and file."""
    *folders, name = path.split("/")
    return is_of_screenshots("/".join(folders)) or SCREENSHOT.match(name) is not None


def is_of_screenshots(folder: str) -> bool:
    """Whether the folder, or one above it, is where screenshots are kept."""
    return any(part.lower() in SCREENSHOT_FOLDERS for part in folder.split("/"))


@dataclass(frozen=True)
class Selection:
    """The user's choice of one source: globs on the path below it, time, sizes, types.

    A glob without "/" is about the name alone; ``**`` stands for any folders; case does not
    matter. ``since`` is in seconds UTC, sizes in bytes (0: none). ``own``: folders in which
    photosync keeps copies itself. ``place``: where the settings say those ``said`` for this
    source alone; the others stand in ``[select]``.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    since: float | None = None
    own: tuple[str, ...] = ()
    min_size: int = 0
    max_size: int = 0
    types: tuple[str, ...] = ()
    screenshots: bool = True
    place: str = "select"
    said: frozenset[str] = frozenset()

    def left_out(self, path: str, mtime_ns: int, size_bytes: int | None = None) -> str | None:
        """One plain sentence why the file is left out, or None if it is taken."""
        reason = self.why_not(path, mtime_ns, size_bytes)
        return None if reason is None else reason.message

    def why_not(
        self, path: str, mtime_ns: int, size_bytes: int | None = None, mime: str = ""
    ) -> Reason | None:
        """Which rule leaves the file out, or None if it is taken.

        ``size_bytes`` None: not known. ``mime``: what it is by its content, if that is known; its
        type goes by its name, where that says one.
        """
        if self._takes_all:
            return None
        return self.by_path(path, mime) or self._by_age(mtime_ns) or self._by_size(size_bytes)

    def by_path(self, path: str, mime: str = "") -> Reason | None:
        """The same as far as the path tells, of a file that nobody can look at."""
        return self._by_globs(path) or self._by_kind(path, mime)

    def _by_globs(self, path: str) -> Reason | None:
        if self.include and not any(one.fullmatch(path) for one in self._included):
            key = self.key("include")
            return _excluded(f"It matches nothing in {key}.", key, f"Add a glob for it to {key}.")
        for glob, pattern in zip(self.exclude, self._excluded, strict=True):
            if pattern.fullmatch(path):
                key = self.key("exclude")
                cure = f"Take {glob} out of {key}."
                return _excluded(f"{key} leaves it out: {glob}", key, cure)
        return None

    def _by_kind(self, path: str, mime: str) -> Reason | None:
        if not self.screenshots and is_screenshot(path):
            key = self.key("screenshots")
            return _excluded(f"It is a screenshot, and {key} is false.", key, f"Set {key} = true.")
        if self.types and not is_of_types(path, mime, self.types):
            key = self.key("types")
            message = f"It is none of {key}: {', '.join(self.types)}."
            return _excluded(message, key, f"Add its type to {key}.")
        return None

    def _by_age(self, mtime_ns: int) -> Reason | None:
        if self.since is None or mtime_ns >= self.since * NANOSECONDS:
            return None
        key, day = self.key("since"), strftime("%Y-%m-%d", localtime(self.since))
        return _excluded(f"It is older than {key} ({day}).", key, f"Set {key} to an earlier day.")

    def _by_size(self, size_bytes: int | None) -> Reason | None:
        if size_bytes is None:
            return None
        if size_bytes < self.min_size:
            key, limit = self.key("min_size"), in_units(self.min_size)
            return _excluded(f"It is smaller than {key} ({limit}).", key, f"Lower {key}.")
        if 0 < self.max_size < size_bytes:
            key, limit = self.key("max_size"), in_units(self.max_size)
            return _excluded(f"It is larger than {key} ({limit}).", key, f"Raise {key}.")
        return None

    def folder_left_out(self, path: str) -> Reason | None:
        """Which rule leaves out everything below the folder, so that it need not be read."""
        if path in self.own:
            message = f"photosync keeps its own copies in the folder {readable(path)}."
            return Reason("own_copy", message, "mirror.path", "")
        for glob, pattern in self._excluded_folders:
            if pattern.fullmatch(path):
                key = self.key("exclude")
                message = f"{key} leaves out the folder {readable(path)}."
                return _excluded(message, key, f"Take {glob} out of {key}.")
        if self.include and not any(can_reach_below(one, path) for one in self.include):
            key = self.key("include")
            message = f"Nothing in the folder {readable(path)} can match {key}."
            return _excluded(message, key, f"Add a glob for it to {key}.")
        if not self.screenshots and is_of_screenshots(path):
            key = self.key("screenshots")
            message = f"The folder {readable(path)} holds screenshots, and {key} is false."
            return _excluded(message, key, f"Set {key} = true.")
        return None

    def excludes_folder(self, path: str) -> bool:
        """Whether nothing below the folder can be taken, so that it need not be read."""
        return self.folder_left_out(path) is not None

    def key(self, name: str) -> str:
        """The setting ``name`` as it is called where it is said."""
        return f"{self.place if name in self.said else 'select'}.{name}"

    @cached_property
    def _takes_all(self) -> bool:
        """Whether no rule says anything about files: then none is asked a million times."""
        limits = self.include or self.exclude or self.types or self.min_size or self.max_size
        return not limits and self.screenshots and self.since is None

    @cached_property
    def _included(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(pattern_of, self.include))

    @cached_property
    def _excluded(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(pattern_of, self.exclude))

    @cached_property
    def _excluded_folders(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """What globs that end in "everything below" say of the folder itself."""
        folders = ((glob, folder_of(glob)) for glob in self.exclude)
        return tuple((glob, pattern_of(one)) for glob, one in folders if one is not None)


def _excluded(message: str, rule: str, cure: str) -> Reason:
    return Reason("excluded", message, rule, f"{cure} It is taken at the next start then.")
