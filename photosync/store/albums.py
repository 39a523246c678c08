"""Albums by title, so that each is created once and none is ever listed without need."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photosync.store.database import Database

FIND = "SELECT google_id FROM albums WHERE title = :title"

BEGIN = "INSERT INTO albums (title, begun_at) VALUES (:title, :now) ON CONFLICT DO NOTHING"

REMEMBER = """
    INSERT INTO albums (title, google_id, begun_at) VALUES (:title, :google_id, :now)
    ON CONFLICT (title) DO UPDATE SET google_id = excluded.google_id
"""

FORGET = "DELETE FROM albums WHERE title = :title"


class Albums:
    """What is known of the albums that photosync made."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, title: str) -> tuple[bool, str | None]:
        """(whether creating it ever began, its id if the answer is known)."""
        row = self._database.row(FIND, {"title": title})
        return (row is not None, None if row is None else row["google_id"])

    def begin(self, title: str, *, now: int) -> None:
        """Note that creating the album begins: titles are not unique at Google."""
        self._database.run(BEGIN, {"title": title, "now": now})

    def remember(self, title: str, google_id: str, *, now: int) -> None:
        """Note its id."""
        self._database.run(REMEMBER, {"title": title, "google_id": google_id, "now": now})

    def forget(self, title: str) -> None:
        """The album is gone: the next item makes a new one."""
        self._database.run(FORGET, {"title": title})
