"""Which folders of a phone are looked through, and which are not entered."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.device.survey import is_top
from photosync.domain.media import readable
from photosync.domain.naming import CARD_PREFIX
from photosync.domain.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Scope:
    """The folders to walk from, those that are not entered, and those whose own files count."""

    outermost: tuple[str, ...]
    left: frozenset[str]
    shallow: frozenset[str]

    def reaches(self, folder: str) -> bool:
        """Whether the files directly in a folder are taken."""
        return self.top_of(folder) is not None

    def top_of(self, folder: str) -> str | None:
        """From where a walk comes to the folder; None if none does."""
        for one in self.outermost:
            if one == folder or (one not in self.shallow and _comes_to(one, folder, self.left)):
                return one
        return None


def not_chosen(folder: str) -> Reason:
    """That a folder of a phone is not backed up."""
    name = readable(folder)
    return Reason(
        "folder_not_chosen",
        f"The folder {name or '(the top)'} of the phone is not backed up.",
        "phone.folders, and photosync folders",
        f"photosync folders --choose {shlex.quote(name)}" if name else "photosync folders",
    )


def outermost_of(
    folders: Iterable[str], left: frozenset[str], shallow: frozenset[str]
) -> list[str]:
    """The folders without those that a walk through others of them comes to anyway."""
    kept: list[str] = []
    for path in sorted(set(folders), key=len):
        if not any(_comes_to(one, path, left) for one in kept if one not in shallow):
            kept.append(path)
    return kept


def _comes_to(top: str, path: str, left: frozenset[str]) -> bool:
    """Whether a walk from ``top`` comes to ``path``: it does not enter folders that are left."""
    at = path
    while at != top:
        if at in left or is_top(at):  # a card does not lie in the internal storage
            return False
        at = at.rpartition("/")[0]
    return True


def is_on(path: str, top: str) -> bool:
    """Whether the folder lies on that storage; "" is the internal one."""
    return path.partition("/")[0] == top if top else not path.startswith(CARD_PREFIX)
