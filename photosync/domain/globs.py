"""Globs as regular expressions that never go back: linear, whatever the pattern and the path."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache


def folder_of(glob: str) -> str | None:
    """The glob of the folder below which ``glob`` matches everything; None if there is none."""
    if glob.endswith("/"):
        return glob.rstrip("/") or None
    if glob.endswith("/**"):
        return "/" + glob.removesuffix("/**").removeprefix("/")  # it counts from the root
    return glob if glob == "**" else None


def pattern_of(glob: str) -> re.Pattern[str]:
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


def can_reach_below(glob: str, folder: str) -> bool:
    """Whether ``glob`` may match anything below ``folder``: False only where it cannot."""
    if "/" not in glob.rstrip("/") or "[" in glob:
        return True  # about a name, anywhere; or brackets, which may hold a "/"
    parts = [one for one in glob.removeprefix("/").split("/") if one]
    if glob.endswith("/"):
        parts.append("**")
    for number, name in enumerate(folder.split("/")):
        if number >= len(parts) or "**" in parts[number]:
            return number < len(parts)
        if not _part(parts[number]).fullmatch(name):
            return False
    return len(parts) > folder.count("/") + 1


@lru_cache(maxsize=256)
def _part(glob: str) -> re.Pattern[str]:
    return pattern_of(f"/{glob}")
