"""Files of one press of the button: RAW and JPEG, Live Photos, bursts; which of them are taken.

What belongs together is told by names in one folder, and by times that are close: cameras begin
their numbers anew. Motion photos are one file each, and edited copies are shots of their own: no
rule ever touches them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from photosync.domain.media import NANOSECONDS, readable
from photosync.domain.media_types import RAWS
from photosync.domain.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

OTHER_PART = "other_part"
"""Why a part of a shot is skipped: another part stands for it."""

AWAITS_PARTS = "awaits_parts"
"""Why a part that may be left out is put aside at first."""

CLOSE_SECONDS = 600
"""Files of one shot are written within seconds; copying may set their times anew."""

LARGEST_LIVE_BYTES = 50 * 1000 * 1000
"""The film of a Live Photo lasts three seconds: a few MB."""

STILLS = frozenset({"jpg", "jpeg", "jpe", "heic", "heif"})
FILMS = frozenset({"mov", "mp4"})


class Kind(Enum):
    """What a part is, by its extension."""

    RAW = "raw"
    STILL = "still"
    FILM = "film"


BURST = re.compile(r"(?P<before>.*)_BURST(?P<number>\d{3,})(?P<cover>_COVER)?", re.IGNORECASE)
PIXEL_BURST = re.compile(
    r"(?P<before>PXL_\d+_\d+)\.BURST-\d+(?P<cover>\.COVER)?(\.[A-Z]+)*", re.IGNORECASE
)
PIXEL_RAW = re.compile(r"(PXL_\d+_\d+)\.RAW-\d+(\.[A-Z]+)*", re.IGNORECASE)
FILM_MARK = "_HEVC"
SHORTEST_TIME = 10
"""Digits: a number of so many is the time of the burst, a shorter one counts its photos."""


@dataclass(frozen=True, slots=True)
class Name:
    """What the path of a part says. ``burst``: what all photos of its burst share, "" for none."""

    folder: str
    stem: str
    kind: Kind
    burst: str = ""
    is_cover: bool = False


@dataclass(frozen=True, slots=True)
class Places:
    """Where all parts of a shot are: paths that begin with one of ``prefixes`` and hold ``holds``.

    Other files may lie there, too.
    """

    prefixes: tuple[str, ...]
    holds: str = ""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is taken of shots of many files; by default everything."""

    raw_with_jpeg: Literal["both", "jpeg", "raw"] = "both"
    live_video: bool = True
    bursts: Literal["all", "cover"] = "all"

    @property
    def take_all(self) -> bool:
        """Whether nothing is ever left out."""
        return self == EVERYTHING

    def may_leave_out(self, path: str) -> bool:
        """Whether that file is left out if another one of its shot turns up."""
        name = name_of(path)
        if name is None:
            return False
        return (
            (name.kind is Kind.RAW and self.raw_with_jpeg == "jpeg")
            or (name.kind is Kind.STILL and self.raw_with_jpeg == "raw")
            or (name.kind is Kind.FILM and not self.live_video)
            or (bool(name.burst) and not name.is_cover and self.bursts == "cover")
        )


EVERYTHING = Rules()


@dataclass(frozen=True, slots=True)
class Part:
    """A version of a file of a shot, as it stands on record. ``code``: why it is skipped."""

    id: int
    path: str
    size_bytes: int
    mtime_ns: int
    state: State
    code: str = ""
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """That a part is left out: the setting that says so, and the part that stands for it."""

    rule: str
    part: Part

    @property
    def message(self) -> str:
        """One plain sentence."""
        name = readable(self.part.path.rpartition("/")[2])
        return f"{name} (item {self.part.id}) stands for it: {self.rule}."


@lru_cache(maxsize=4096)
def name_of(path: str) -> Name | None:
    """What a path says of its shot; None if it is no part of one, whatever lies beside it."""
    folder, _, name = path.rpartition("/")
    stem, dot, extension = name.rpartition(".")
    kind = _kind(extension.lower())
    if not dot or not stem or kind is None:
        return None
    if kind is Kind.FILM:
        return Name(folder, stem.removesuffix(FILM_MARK), kind)
    pixel = PIXEL_BURST.fullmatch(stem)
    burst = pixel or BURST.fullmatch(stem)
    if burst is not None:
        by_time = pixel is None and len(burst["number"]) >= SHORTEST_TIME
        key = f"_BURST{burst['number']}" if by_time else burst["before"]
        return Name(folder, stem, kind, key.upper(), burst["cover"] is not None)
    raw = PIXEL_RAW.fullmatch(stem)
    return Name(folder, stem if raw is None else raw[1], kind)


def _kind(extension: str) -> Kind | None:
    if extension in RAWS:
        return Kind.RAW
    if extension in STILLS:
        return Kind.STILL
    return Kind.FILM if extension in FILMS else None


def places_of(name: Name) -> Places:
    """Where the other parts of its shot are to be sought."""
    start = f"{name.folder}/" if name.folder else ""
    if not name.burst:
        return Places((f"{start}{name.stem}.", f"{start}{name.stem}{FILM_MARK}."))
    if name.burst.startswith("_BURST"):  # before it stand numbers that differ
        mark = name.stem.upper().rindex(name.burst)
        holds = name.stem[mark : mark + len(name.burst)]
        return Places((start + name.stem[: _letters(name.stem)],), holds)
    return Places((start + name.stem[: len(name.burst)],))


def _letters(stem: str) -> int:
    """How many characters all names of a burst begin with: "DSC_", or the 0 of five digits."""
    found = re.search(r"\d", stem)
    return 1 if stem.startswith("0") else 0 if found is None else found.start()


def left_out(parts: Sequence[Part], rules: Rules, *, first: State) -> dict[int, LeftOut]:
    """Which of the parts are not taken, and why; all others are.

    It follows from what can be backed up and from the rules, not from who came first. A part is
    left out only if another one stands for it that is taken itself: so one part of each shot is
    taken, if any can be. What is in the library already, and what the user chose, is not touched.

    ``first``: what new items are; if they are not held, one that is held stands for nothing.
    """
    names = [(one, name) for one in parts if (name := name_of(one.path)) and _can(one, first)]
    found: dict[int, LeftOut] = {}
    for rank in (_covers, _bursts, _raws, _films):  # what stands for others is decided before them
        for one, name in names:
            if one.id in found or one.is_chosen or one.state in (State.DONE, State.DUPLICATE):
                continue
            for other, its in names:
                rule = rank(name, its, rules)
                if rule and other.id not in found and _close(one, other) and _is_live(one, name):
                    found[one.id] = LeftOut(rule, other)
                    break
    return found


def _can(part: Part, first: State) -> bool:
    """Whether it is backed up, or would be but for these rules."""
    if part.state is State.SKIPPED:
        return part.code == OTHER_PART
    if part.state is State.HELD:
        return first is State.HELD
    return part.state is not State.FAILED


def _close(one: Part, other: Part) -> bool:
    return abs(one.mtime_ns - other.mtime_ns) <= CLOSE_SECONDS * NANOSECONDS


def _is_live(part: Part, name: Name) -> bool:
    return name.kind is not Kind.FILM or part.size_bytes <= LARGEST_LIVE_BYTES


def _covers(name: Name, other: Name, rules: Rules) -> str:
    """The same as ``_raws``, for what no burst leaves out."""
    return _raws(name, other, rules) if name.is_cover or not name.burst else ""


def _raws(name: Name, other: Name, rules: Rules) -> str:
    """The rule by which a RAW and a picture of one stem stand for one another."""
    if (name.folder, name.stem) != (other.folder, other.stem):
        return ""
    wanted = {"jpeg": (Kind.RAW, Kind.STILL), "raw": (Kind.STILL, Kind.RAW)}
    if (name.kind, other.kind) != wanted.get(rules.raw_with_jpeg):
        return ""
    return f'select.raw_with_jpeg = "{rules.raw_with_jpeg}"'


def _bursts(name: Name, other: Name, rules: Rules) -> str:
    """The rule by which the cover stands for its burst."""
    is_one = name.burst and (name.folder, name.burst) == (other.folder, other.burst)
    if is_one and not name.is_cover and other.is_cover and rules.bursts == "cover":
        return 'select.bursts = "cover"'
    return ""


def _films(name: Name, other: Name, rules: Rules) -> str:
    """The rule by which a picture stands for the film of its Live Photo."""
    is_pair = name.kind is Kind.FILM and other.kind is not Kind.FILM
    if is_pair and (name.folder, name.stem) == (other.folder, other.stem) and not rules.live_video:
        return "select.live_video = false"
    return ""
