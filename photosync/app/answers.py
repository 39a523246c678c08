"""An answer of ``photosync why``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from photosync.app.report import item_line
from photosync.domain.media import path_base64, readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.domain.fates import Fate
    from photosync.domain.media import MediaItem

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one file. ``items``: every version on record, the one told of first.

    ``copies``: where the bytes of that one lie besides (``app.copies``); empty without an item.
    """

    source: str
    path: str
    fate: Fate
    items: Sequence[MediaItem] = ()
    copies: Json = field(default_factory=dict)

    def document(self) -> Json:
        """As JSON."""
        told: Json = {
            "source": self.source,
            "path": readable(self.path),
            "verdict": self.fate.verdict,
            "code": self.fate.code,
            "message": self.fate.message,
            "rule": self.fate.rule,
            "cure": self.fate.cure,
            "items": [item_line(one, self.source) for one in self.items],
            **self.copies,
        }
        exact = path_base64(self.path)
        return told if exact is None else {**told, "path_base64": exact}
