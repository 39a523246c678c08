"""What an address asks for: filters of the gallery, read strictly and written back."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from photosync.domain.states import READY_STATES, State
from photosync.store.gallery import END, Sought

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photosync.store.gallery import Place

GROUPS: dict[str, tuple[str, tuple[State, ...]]] = {
    "waiting": ("On its way", READY_STATES),
    "held": ("Waits for you", (State.HELD,)),
    "done": ("In the library", (State.DONE,)),
    "duplicate": ("Same as another", (State.DUPLICATE,)),
    "skipped": ("Left out", (State.SKIPPED,)),
    "failed": ("Failed", (State.FAILED,)),
}
"""What the filter for the state offers."""
TYPES = {"photo": ("Photos", False), "video": ("Videos", True)}
KEYS = ("state", "source", "folder", "type", "day")
LARGEST = 2**62
LONGEST_FOLDER = 16_384
TOP = "."
"""How the top of a source stands in an address."""


class Nonsense(Exception):
    """An address, or a form, that none of our pages makes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The filter of a gallery, as the address has it; "" for none."""

    state: str = ""
    source: str = ""
    folder: str = ""
    type: str = ""
    day: str = ""

    def sought(self) -> Sought:
        """The same for the database.

        Raises:
            Nonsense: A value is none that there can be.
        """
        if self.state not in ("", *GROUPS) or self.type not in ("", *TYPES):
            raise Nonsense("There is no such filter.")
        if self.folder and not self.source:
            raise Nonsense("A folder is one of a source.")
        sought = Sought(
            states=GROUPS[self.state][1] if self.state else (),
            source_id=number(self.source) if self.source else None,
            folder=folder_of(self.folder) if self.folder else None,
            video=TYPES[self.type][1] if self.type else None,
        )
        return within_day(sought, self.day) if self.day else sought

    def query(self, **others: str) -> str:
        """As it stands in an address, with ``others`` in place of its own, and no "?"."""
        values = {key: getattr(self, key) for key in KEYS} | others
        return urlencode({key: value for key, value in values.items() if value})

    def fields(self) -> list[tuple[str, str]]:
        """What a form has to send along."""
        return [(key, getattr(self, key)) for key in KEYS if getattr(self, key)]

    def __bool__(self) -> bool:
        return any(getattr(self, key) for key in KEYS)


def asked(values: Mapping[str, str]) -> Asked:
    """The filter in a query or a form."""
    return Asked(**{key: values.get(key, "") for key in KEYS})


def number(text: str) -> int:
    """A number of an item or a source.

    Raises:
        Nonsense: It is none.
    """
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text[:20]) < LARGEST:
        raise Nonsense("There is no such number.")
    return int(text)


def place(text: str) -> Place:
    """Where in the gallery to go on, as ``AT.NUMBER``; "" for its beginning."""
    if not text:
        return END
    at, _, item = text.partition(".")
    sign, digits = (-1, at[1:]) if at.startswith("-") else (1, at)
    if digits == "0":
        return 0, number(item)
    return sign * number(digits), number(item)


def folder_key(path: str) -> str:
    """A folder of any name as it stands in an address."""
    return base64.urlsafe_b64encode(os.fsencode(path)).decode().rstrip("=") or TOP


def folder_of(key: str) -> str:
    """The folder of ``folder_key``.

    Raises:
        Nonsense: It is none.
    """
    if key == TOP:
        return ""
    try:
        if len(key) > LONGEST_FOLDER:
            raise Nonsense("There is no such folder.")
        path = os.fsdecode(base64.b64decode(key + "=" * (-len(key) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise Nonsense("There is no such folder.") from error
    if folder_key(path) != key:
        raise Nonsense("There is no such folder.")
    return path


def within_day(sought: Sought, day: str) -> Sought:
    """The same on one day of local time.

    Raises:
        Nonsense: There is no such day.
    """
    try:
        first = date.fromisoformat(day)
        begins, ends = (
            int(datetime(one.year, one.month, one.day).astimezone().timestamp())
            for one in (first, first + timedelta(days=1))
        )
    except (ValueError, OverflowError, OSError) as error:
        raise Nonsense("There is no such day.") from error
    return replace(sought, first_at=max(sought.first_at, begins), end_at=min(sought.end_at, ends))
