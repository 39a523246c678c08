"""Tells the phone's media library what came and went: file by file, or all at the end.

Each word to it starts a program on the phone, which takes a second or so (phone.md §5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.device import storage
from photosync.device.pushing import VOLUME_METHODS_SINCE, announce, announce_all
from photosync.domain.naming import CARD_PREFIX

if TYPE_CHECKING:
    from photosync.device.phone import Phone

MOST_ALONE = 20


class Announcements:
    """A few changes are told at once, one by one; of more, the library looks by itself."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._told = 0
        self._untold: set[str] = set()

    def tell(self, path: str) -> None:
        """A file at ``path`` is new, or gone."""
        if self._told < MOST_ALONE or self._phone.identity.android < VOLUME_METHODS_SINCE:
            self._told += 1
            announce(self._phone, storage.absolute(path))
            return
        top = path.partition("/")[0]
        self._untold.add(top if top.startswith(CARD_PREFIX) else "")

    def end(self) -> None:
        """Nothing more changes for now."""
        announce_all(self._phone, sorted(self._untold))
        self._untold.clear()
