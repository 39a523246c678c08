"""Asks the library after items, whatever it thinks of one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photosync.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from photosync.stages.ports import Asked


def held_by(library: Asked, ids: Sequence[str]) -> dict[str, bool | None]:
    """Of each of up to 50 items whether the library holds it; None: it will not say.

    Halved where Google refuses all because of one. None is asked after twice
    (google-photos-api.md §5).

    Raises:
        TransientError, BlockedError.
    """
    distinct = list(dict.fromkeys(ids))
    try:
        return dict(zip(distinct, library.holds(distinct), strict=True))
    except RequestRefused:
        if len(distinct) == 1:
            return {distinct[0]: None}
        middle = len(distinct) // 2
        return held_by(library, distinct[:middle]) | held_by(library, distinct[middle:])
