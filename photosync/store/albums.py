"""Albums by title, so that each is created once and none is ever listed without need.

An album that is full is followed by another: "Title (2)" after "Title".
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from photosync.domain.albums import part_title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from photosync.store.database import Database

FIND = "SELECT google_id, items, full_at FROM albums WHERE title = :title"

BEGIN = "INSERT INTO albums (title, begun_at) VALUES (:title, :now) ON CONFLICT DO NOTHING"

REMEMBER = """
    INSERT INTO albums (title, google_id, begun_at) VALUES (:title, :google_id, :now)
    ON CONFLICT (title) DO UPDATE SET google_id = excluded.google_id
"""

ADOPT = """
    INSERT INTO albums (title, google_id, items, begun_at)
    VALUES (:title, :google_id, :items, :now) ON CONFLICT DO NOTHING
"""

ADOPTED = """
    INSERT INTO flags (name, value, at) VALUES ('albums_listed', '1', :now) ON CONFLICT DO NOTHING
"""

HAS_ADOPTED = "SELECT 1 FROM flags WHERE name = 'albums_listed'"

GROW = "UPDATE albums SET items = items + :items WHERE title = :title"

MEASURE = "UPDATE albums SET items = :items WHERE title = :title"

FILL = "UPDATE albums SET full_at = :now WHERE title = :title"

FORGET = "DELETE FROM albums WHERE title = :title"


@dataclass(frozen=True, slots=True)
class Album:
    """One album. ``began``: whether creating it ever did; ``google_id``: if its answer is known.

    ``items``: how many photos it was given at most, as far as is known here.
    """

    title: str
    began: bool = False
    google_id: str | None = None
    items: int = 0


class Albums:
    """What is known of the albums that photosync made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, title: str) -> Album:
        """The album that photos of that title go to: the first that is not full."""
        for number in count(1):
            part = part_title(title, number)
            row = self._database.row(FIND, {"title": part})
            if row is None:
                return Album(part)
            if row["full_at"] is None:
                return Album(part, began=True, google_id=row["google_id"], items=row["items"])
        raise AssertionError

    def begin(self, title: str, *, now: int) -> None:
        """Note that creating the album begins: titles are not unique at Google."""
        self._database.run(BEGIN, {"title": title, "now": now})

    def remember(self, title: str, google_id: str, *, now: int) -> None:
        """Note its id."""
        self._database.run(REMEMBER, {"title": title, "google_id": google_id, "now": now})

    def has_adopted(self) -> bool:
        """Whether those of an earlier life were asked for: from then on all are on record."""
        return self._database.row(HAS_ADOPTED) is not None

    def adopt(self, albums: Mapping[str, tuple[str, int]], *, now: int) -> None:
        """Title → (id, photos) of all that Google has of ours, but for titles that are known."""
        with self._database.write() as connection:
            for title, (google_id, items) in albums.items():
                values = {"title": title, "google_id": google_id, "items": items, "now": now}
                connection.execute(ADOPT, values)
            connection.execute(ADOPTED, {"now": now})

    def grow(self, title: str, items: int) -> None:
        """So many photos were put into it; those that it had already are counted again."""
        self._database.run(GROW, {"title": title, "items": items})

    def measure(self, title: str, items: int) -> None:
        """So many are in it, by Google's word."""
        self._database.run(MEASURE, {"title": title, "items": items})

    def fill(self, title: str, *, now: int) -> None:
        """It takes no more: the next photo goes to the next one."""
        self._database.run(FILL, {"title": title, "now": now})

    def forget(self, title: str) -> None:
        """The album is gone: the next item makes a new one."""
        self._database.run(FORGET, {"title": title})
