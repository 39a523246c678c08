"""What the user decided about whole sources on the web page: it overrules the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from photosync.store.database import Database

Mode = Literal["auto", "manual"]

SET_MODE = """
    INSERT INTO source_choices (source_id, mode) VALUES (:source_id, :mode)
    ON CONFLICT (source_id) DO UPDATE SET mode = excluded.mode
"""

SET_LEFT = """
    INSERT INTO source_choices (source_id, is_left) VALUES (:source_id, :is_left)
    ON CONFLICT (source_id) DO UPDATE SET is_left = excluded.is_left
"""

ALL = "SELECT source_id, mode, is_left FROM source_choices"


@dataclass(frozen=True, slots=True)
class SourceChoice:
    """``mode`` None: as the settings say. ``is_left``: nothing new is taken from it."""

    mode: Mode | None = None
    is_left: bool = False


NO_CHOICE = SourceChoice()


class SourceChoices:
    """One choice a source; it survives every restart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[int, SourceChoice]:
        """What was decided, by source."""
        return {
            row["source_id"]: SourceChoice(row["mode"], bool(row["is_left"]))
            for row in self._database.rows(ALL)
        }

    def of(self, source_id: int) -> SourceChoice:
        """What was decided about one."""
        return self.all().get(source_id, NO_CHOICE)

    def set_mode(self, source_id: int, mode: Mode | None) -> None:
        """New items are backed up by themselves, or held until they are chosen."""
        self._database.run(SET_MODE, {"source_id": source_id, "mode": mode})

    def set_left(self, source_id: int, *, is_left: bool) -> None:
        """Nothing new is taken from that source any more, or again."""
        self._database.run(SET_LEFT, {"source_id": source_id, "is_left": is_left})
