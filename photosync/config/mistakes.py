"""Mistakes in settings, each as one sentence with its place, value and cure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosync.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

ENVIRONMENT = "the environment"
LONGEST_SHOWN = 120  # characters
USER_IN_URL = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one key (or variable), and what cures it.

    ``place``: the settings file, or the environment. ``value`` is as it was written, "" if
    there is none to show.
    """

    place: str
    key: str
    value: str
    wrong: str
    cure: str

    def __str__(self) -> str:
        value = f" = {self.value}" if self.value else ""
        return f"{self.place}: {plain(self.key)}{value}: {self.wrong} ({self.cure})."


def raise_all(mistakes: Iterable[Mistake]) -> None:
    """Nothing, if there are none.

    Raises:
        SettingsError: With all of them.
    """
    lines = list(dict.fromkeys(map(str, mistakes)))
    if not lines:
        return
    hint = "A file with every setting explained: photosync config init --config NEW-FILE"
    if len(lines) == 1:
        raise SettingsError(f"In {lines[0]}", hint=hint)
    listed = "\n".join(f"  {line}" for line in lines)
    raise SettingsError(f"There are {len(lines)} mistakes in the settings:\n{listed}", hint=hint)


def written(value: Any) -> str:
    """A value as it stands in TOML or JSON, on one line, not too long and without a password."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return plain(USER_IN_URL.sub("//***@", text))


def plain(text: str) -> str:
    """``text`` without anything that a terminal would obey, cut if it is too long."""
    clean = "".join(one if one.isprintable() else " " for one in text)
    return clean if len(clean) <= LONGEST_SHOWN else clean[: LONGEST_SHOWN - 1] + "…"
