"""Which files are taken: junk is known by name, the rest is the user's choice."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from functools import cached_property
from time import localtime, strftime

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


@dataclass(frozen=True)
class Selection:
    """The user's choice: globs on the path below the folder, and the oldest time.

    A glob without "/" is about the name alone; ``**`` stands for any folders; case does not
    matter. ``since`` is in seconds UTC. ``own``: folders in which photosync keeps copies itself.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    since: float | None = None
    own: tuple[str, ...] = ()

    def left_out(self, path: str, mtime_ns: int) -> str | None:
        """One plain sentence why the file is left out, or None if it is taken."""
        if self.include and not any(one.fullmatch(path) for one in self._included):
            return "It matches nothing in select.include."
        for glob, pattern in zip(self.exclude, self._excluded, strict=True):
            if pattern.fullmatch(path):
                return f"select.exclude leaves it out: {glob}"
        if self.since is not None and mtime_ns < self.since * NANOSECONDS:
            return f"It is older than select.since ({strftime('%Y-%m-%d', localtime(self.since))})."
        return None

    def excludes_folder(self, path: str) -> bool:
        """Whether nothing below the folder can be taken, so that it need not be read."""
        return path in self.own or any(one.fullmatch(path) for one in self._excluded_folders)

    @cached_property
    def _included(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(_pattern, self.include))

    @cached_property
    def _excluded(self) -> tuple[re.Pattern[str], ...]:
        return tuple(map(_pattern, self.exclude))

    @cached_property
    def _excluded_folders(self) -> tuple[re.Pattern[str], ...]:
        """What globs that end in "everything below" say of the folder itself."""
        folders = map(_folder_of, self.exclude)
        return tuple(_pattern(one) for one in folders if one is not None)


def _folder_of(glob: str) -> str | None:
    """The glob of the folder below which ``glob`` matches everything; None if there is none."""
    if glob.endswith("/"):
        return glob.rstrip("/") or None
    if glob.endswith("/**"):
        return "/" + glob.removesuffix("/**").removeprefix("/")  # it counts from the root
    return glob if glob == "**" else None


def _pattern(glob: str) -> re.Pattern[str]:
    """A glob as a regular expression on the whole path."""
    anywhere = "/" not in glob.rstrip("/")
    glob = glob.removeprefix("/")
    if glob.endswith("/"):
        glob += "**"
    parts = [FOLDERS] if anywhere else []
    at = 0
    while at < len(glob):
        taken, regex = _token(glob, at)
        parts.append(regex)
        at += taken
    return re.compile(_without_going_back(parts), re.IGNORECASE | re.DOTALL)


def _without_going_back(parts: list[str]) -> str:
    """The parts in a row, so that matching is linear in the number of stars within a name.

    What stands between two stars is best found where it comes first, for any later place leaves
    less to the second star. So it stands in an atomic group: else each star would try all places
    anew, and a name of 255 underscores would hold up ``*_*_*_*_*.jpg`` for minutes.
    """
    written: list[str] = []
    star: int | None = None
    for part in parts:
        if star is not None and (part == ANYTHING or part == NAME == written[star]):
            written[star] = f"(?>{written[star]}?"
            written.append(")")
        if part in (NAME, ANYTHING):
            star = len(written)
        elif part == FOLDERS:
            star = None  # before these the first place need not be the best
        written.append(part)
    return "".join(written)


def _token(glob: str, at: int) -> tuple[int, str]:
    """(characters of the glob, regular expression) of what stands at ``at``."""
    for token, regex in TOKENS:
        if glob.startswith(token, at):
            return len(token), regex
    if glob[at] == "[":
        end = glob.find("]", at + (3 if glob.startswith("[!", at) else 2))
        if end > 0:
            return end + 1 - at, _one_of(glob[at : end + 1])
    return 1, re.escape(glob[at])


FOLDERS, ANYTHING, NAME = r"(?:.*/)?", r".*", r"[^/]*"
TOKENS = (("**/", FOLDERS), ("**", ANYTHING), ("*", NAME), ("?", r"[^/]"))


def _one_of(brackets: str) -> str:
    """``[a-z]`` or ``[!a-z]`` as fnmatch understands it, but never the "/" between folders."""
    return "(?!/)" + fnmatch.translate(brackets).removeprefix("(?s:")[: -len(r")\Z")]
