"""Where a photo lies, what follows from lying in one place only, and what to do about it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from photosync.domain.backups import ASSUMED
from photosync.domain.media import SourceKind
from photosync.domain.states import State


class Place(StrEnum):
    """Where bytes can lie. A watched folder is its own mirror."""

    PHONE = "phone"
    FOLDER = "folder"
    MIRROR = "mirror"
    BACKUP = "backup"
    LIBRARY = "library"


DANGER = (Place.PHONE, Place.MIRROR, Place.FOLDER, Place.BACKUP, Place.LIBRARY)
"""Places by how soon what lies there alone is lost: phones first, they are carried about."""

GONE_CODES = frozenset({"vanished", "replaced"})
"""Skipped because that version of the file is no more: there is nothing that could be kept."""


class Standing(NamedTuple):
    """Everything that matters about where one item lies.

    ``fate`` and ``fate_code`` are those of the item that stands for its bytes: of itself, unless
    it is a duplicate. ``at_source``: the file lies there, or did at the last look if nobody can
    tell now. ``is_missing``: it was in the library, and is not any more.
    """

    kind: SourceKind
    state: State
    fate: State
    fate_code: str
    at_source: bool
    in_mirror: bool
    in_backup: bool
    is_missing: bool

    @property
    def in_library(self) -> bool:
        """Whether Google holds it by the record; what the user says of it is no proof."""
        return self.fate == State.DONE and not self.is_missing

    @property
    def is_assumed(self) -> bool:
        """Whether the user takes it as uploaded by another program."""
        return self.fate == State.SKIPPED and self.fate_code == ASSUMED

    @property
    def places(self) -> tuple[Place, ...]:
        """Every place that is known to hold it."""
        source = Place.PHONE if self.kind == SourceKind.PHONE else Place.FOLDER
        held = (
            (source, self.at_source),
            (Place.MIRROR, self.in_mirror),
            (Place.BACKUP, self.in_backup),
            (Place.LIBRARY, self.in_library),
        )
        return tuple(place for place, is_there in held if is_there)

    @property
    def is_past(self) -> bool:
        """Whether it is a version of a file that was gone before it could be kept."""
        return self.state == State.SKIPPED and self.fate_code in GONE_CODES and not self.places


class Advice(NamedTuple):
    """Why something is as it is, a sentence, and what to do about it, another or a command."""

    why: str
    cure: str


NO_PHOTO = "photosync skip ITEM leaves it out; once it is mended, it is taken by itself."
STOPPED: dict[tuple[State, str], Advice] = {
    (State.HELD, ""): Advice(
        "It waits for your choice.", "photosync choose ITEM, or photosync choose --all"
    ),
    (State.SKIPPED, "by_user"): Advice("You left it out.", "photosync choose ITEM takes it back."),
    (State.SKIPPED, "assumed"): Advice(
        "Taken as uploaded already, by photosync import; photosync has no proof of it.",
        "photosync choose ITEM sends it; Google does not double what it has.",
    ),
    (State.SKIPPED, "excluded"): Advice(
        "The settings, or photosync folders, leave it out.",
        "See select in the settings, and photosync folders.",
    ),
    (State.SKIPPED, "vanished"): Advice("The file was gone before it could be kept.", ""),
    (State.SKIPPED, "replaced"): Advice(
        "That version of the file was gone before it could be kept.", ""
    ),
    (State.SKIPPED, ""): Advice("It was left out.", "photosync show ITEM says why."),
    (State.FAILED, "not_media"): Advice("It failed.", NO_PHOTO),
    (State.FAILED, "empty"): Advice("It failed.", NO_PHOTO),
    (State.FAILED, ""): Advice(
        "It failed.", "photosync show ITEM says why; then photosync retry ITEM"
    ),
}
WAITING = {
    SourceKind.PHONE: Advice("It was not copied yet.", "Plug the phone in while photosync runs."),
    SourceKind.FOLDER: Advice("It was not read yet.", "photosync run"),
}
UNDER_WAY = Advice("It is on its way to the library.", "photosync status says what it waits for.")
GONE_AND_ASSUMED = Advice(
    "Taken as uploaded already, by photosync import, and its file is gone from here.",
    "Look whether Google Photos has it.",
)
MISSING = Advice("It is gone from the library.", "photosync verify --again sends it once more.")
LOST = Advice("It was in the library and is gone from everywhere.", "Look into Google's bin.")
SECOND_COPY = "Google holds the only one; what is still here is kept twice by backup.to."
ALONE: dict[Place, Advice] = {
    Place.LIBRARY: Advice(
        "Its file was moved, changed or deleted since it was uploaded.", SECOND_COPY
    ),
    Place.BACKUP: Advice("It is in the second copy alone.", "photosync restore puts it back."),
}


def is_stopped(standing: Standing) -> bool:
    """Whether it does not go to the library by itself: held, skipped or failed."""
    return standing.fate in (State.HELD, State.SKIPPED, State.FAILED)


def advice(standing: Standing) -> Advice:
    """Why it lies where it does, or nowhere, and what to do."""
    places = standing.places
    if standing.is_missing and standing.fate == State.DONE:
        return MISSING if places else LOST
    if standing.in_library or (places == (Place.BACKUP,) and not is_stopped(standing)):
        return ALONE.get(places[0], UNDER_WAY) if len(places) == 1 else Advice("", "")
    if standing.is_assumed and not places:
        return GONE_AND_ASSUMED
    if is_stopped(standing):
        known = STOPPED.get((standing.fate, standing.fate_code))
        return known or STOPPED.get((standing.fate, ""), UNDER_WAY)
    return WAITING[standing.kind] if standing.fate == State.FOUND else UNDER_WAY
