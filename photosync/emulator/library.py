"""What the accounts hold: media items and albums (google-photos-api.md §3.4, §4, §5)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from photosync.emulator.people import DEFAULT_USER
from photosync.emulator.sniffing import sniff

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from photosync.emulator.database import Database
    from photosync.emulator.sniffing import Media


@dataclass(frozen=True, slots=True)
class Item:
    """One photo or video of an account. ``file`` holds exactly the bytes that were uploaded."""

    id: str
    file_name: str
    size_bytes: int
    sha256: str
    file: Path
    mime_type: str
    album_ids: tuple[str, ...]
    created_at: float
    user: str
    description: str
    width: int
    height: int
    taken_at: float
    by_app: bool
    position: int

    @property
    def is_video(self) -> bool:
        """Whether it has a running time."""
        return self.mime_type.startswith("video/")


@dataclass(frozen=True, slots=True)
class Album:
    """An album; ``item_ids`` in the order shown."""

    id: str
    title: str
    item_ids: tuple[str, ...]
    user: str
    by_app: bool
    writeable: bool
    cover_id: str
    position: int


class Library:
    """All accounts' items and albums, and what people do to them by hand.

    ``blobs`` is the folder of the bytes, each file named by its SHA-256.
    """

    def __init__(self, database: Database, blobs: Path, clock: Callable[[], float]) -> None:
        self._database = database
        self._blobs = blobs
        self._clock = clock

    def blob(self, sha256: str) -> Path:
        """Where the bytes with that hash are kept."""
        return self._blobs / sha256

    def items(self, user: str | None = None) -> list[Item]:
        """The items in the order they were created."""
        return self.items_where("(:user IS NULL OR user = :user) ORDER BY position", user=user)

    def items_where(self, condition: str, **values: object) -> list[Item]:
        """The items that meet an SQL condition of this package (never a client's text)."""
        rows = self._database.rows(
            "SELECT items.*, (SELECT group_concat(album_id, ' ') FROM album_entries "  # noqa: S608 -- see docstring
            f"WHERE entry_id = items.id) AS album_ids FROM items WHERE {condition}",
            **values,
        )
        return [self._item(row) for row in rows]

    def item(self, item_id: str) -> Item | None:
        """The item with that id."""
        found = self.items_where("id = :id", id=item_id)
        return found[0] if found else None

    def with_bytes(self, user: str, sha256: str) -> Item | None:
        """The item of ``user`` that consists of these bytes."""
        found = self.items_where("user = :user AND sha256 = :sha256", user=user, sha256=sha256)
        return found[0] if found else None

    def used_bytes(self, user: str) -> int:
        """What the account's items weigh together."""
        return self._database.number(
            "SELECT sum(size_bytes) FROM items WHERE user = :user", user=user
        )

    def count(self) -> int:
        """How many items there are in all accounts."""
        return self._database.number("SELECT count(*) FROM items")

    def add(
        self,
        user: str,
        sha256: str,
        media: Media,
        *,
        file_name: str,
        description: str = "",
        by_app: bool = True,
    ) -> Item:
        """Put bytes that are among the blobs into the account."""
        now = self._clock()
        item_id = "AGj1" + secrets.token_urlsafe(60)
        self._database.run(
            "INSERT INTO items (id, user, sha256, size_bytes, file_name, description, mime_type, "
            "width, height, taken_at, created_at, by_app) VALUES (:id, :user, :sha256, :size, "
            ":file_name, :description, :mime_type, :width, :height, :taken_at, :now, :by_app)",
            id=item_id,
            user=user,
            sha256=sha256,
            size=self.blob(sha256).stat().st_size,
            file_name=file_name,
            description=description,
            mime_type=media.mime_type,
            width=media.width,
            height=media.height,
            taken_at=now if media.taken_at is None else media.taken_at,
            now=now,
            by_app=by_app,
        )
        item = self.item(item_id)
        assert item is not None
        return item

    def describe(self, item_id: str, description: str) -> None:
        """Change an item's description."""
        self._database.run(
            "UPDATE items SET description = :text WHERE id = :id", text=description, id=item_id
        )

    def _item(self, row: sqlite3.Row) -> Item:
        return Item(
            id=row["id"],
            file_name=row["file_name"],
            size_bytes=row["size_bytes"],
            sha256=row["sha256"],
            file=self.blob(row["sha256"]),
            mime_type=row["mime_type"],
            album_ids=tuple((row["album_ids"] or "").split()),
            created_at=row["created_at"],
            user=row["user"],
            description=row["description"],
            width=row["width"],
            height=row["height"],
            taken_at=row["taken_at"],
            by_app=bool(row["by_app"]),
            position=row["position"],
        )

    def albums(self, user: str | None = None) -> list[Album]:
        """The albums in the order they were made."""
        return self.albums_where("(:user IS NULL OR user = :user) ORDER BY position", user=user)

    def albums_where(self, condition: str, **values: object) -> list[Album]:
        """The albums that meet an SQL condition of this package (never a client's text)."""
        sql = f"SELECT * FROM albums WHERE {condition}"  # noqa: S608 -- see docstring
        return [self._album(row) for row in self._database.rows(sql, **values)]

    def album(self, album_id: str) -> Album | None:
        """The album with that id."""
        found = self.albums_where("id = :id", id=album_id)
        return found[0] if found else None

    def _album(self, row: sqlite3.Row) -> Album:
        entries = self._database.rows(
            "SELECT entry_id FROM album_entries WHERE album_id = :id AND enrichment IS NULL "
            "ORDER BY position",
            id=row["id"],
        )
        return Album(
            id=row["id"],
            title=row["title"],
            item_ids=tuple(entry["entry_id"] for entry in entries),
            user=row["user"],
            by_app=bool(row["by_app"]),
            writeable=bool(row["writeable"]),
            cover_id=row["cover_id"],
            position=row["position"],
        )

    def add_album(self, user: str, title: str, *, by_app: bool = True) -> Album:
        """A new album; titles need not differ."""
        album_id = "ALvc" + secrets.token_urlsafe(60)
        self._database.run(
            "INSERT INTO albums (id, user, title, by_app, created_at) "
            "VALUES (:id, :user, :title, :by_app, :now)",
            id=album_id,
            user=user,
            title=title,
            by_app=by_app,
            now=self._clock(),
        )
        album = self.album(album_id)
        assert album is not None
        return album

    def retitle(self, album_id: str, title: str) -> None:
        """Change an album's title."""
        self._database.run("UPDATE albums SET title = :t WHERE id = :id", t=title, id=album_id)

    def set_cover(self, album_id: str, item_id: str) -> None:
        """Choose an album's cover."""
        self._database.run(
            "UPDATE albums SET cover_id = :item WHERE id = :id", item=item_id, id=album_id
        )

    def entry_position(self, album_id: str, entry_id: str) -> int | None:
        """Where an item or enrichment stands in an album."""
        row = self._database.row(
            "SELECT position FROM album_entries WHERE album_id = :album AND entry_id = :entry",
            album=album_id,
            entry=entry_id,
        )
        return None if row is None else int(row["position"])

    def place(
        self, album_id: str, entry_ids: list[str], *, after: int | None, text: str | None = None
    ) -> None:
        """Put entries behind position ``after`` (None: at the end); those already in stay put.

        ``text`` marks a single entry as an enrichment.
        """
        entry_ids = list(dict.fromkeys(entry_ids))
        new = [each for each in entry_ids if self.entry_position(album_id, each) is None]
        with self._database.transaction():
            if after is None:
                after = self._database.number(
                    "SELECT max(position) FROM album_entries WHERE album_id = :id", id=album_id
                )
            self._database.run(
                "UPDATE album_entries SET position = position + :n "
                "WHERE album_id = :id AND position > :after",
                n=len(new),
                id=album_id,
                after=after,
            )
            for offset, entry_id in enumerate(new, start=1):
                self._database.run(
                    "INSERT INTO album_entries VALUES (:album, :entry, :position, :text)",
                    album=album_id,
                    entry=entry_id,
                    position=after + offset,
                    text=text,
                )

    def take_out(self, album_id: str, item_ids: list[str]) -> None:
        """Remove items from an album; they stay in the library."""
        with self._database.transaction():
            for item_id in item_ids:
                self._database.run(
                    "DELETE FROM album_entries WHERE album_id = :album AND entry_id = :item",
                    album=album_id,
                    item=item_id,
                )

    def upload_by_hand(self, file_name: str, content: bytes, *, user: str = DEFAULT_USER) -> Item:
        """What the user's browser or phone uploads: the app sees it only by its bytes.

        Raises:
            ValueError: It is no photo or video.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        self.blob(sha256).write_bytes(content)
        media = sniff(self.blob(sha256))
        if media is None:
            raise ValueError(f"{file_name} is no photo or video.")
        return self.add(user, sha256, media, file_name=file_name, by_app=False)

    def make_album_by_hand(self, title: str, *, user: str = DEFAULT_USER) -> Album:
        """An album the user made on the web: no app may write into it (§3.3)."""
        return self.add_album(user, title, by_app=False)

    def delete_album_by_hand(self, album_id: str) -> None:
        """The user deletes an album on the web; the items stay."""
        with self._database.transaction():
            self._database.run("DELETE FROM album_entries WHERE album_id = :id", id=album_id)
            self._database.run("DELETE FROM albums WHERE id = :id", id=album_id)

    def delete_item_by_hand(self, item_id: str) -> None:
        """The user deletes an item on the web, for good."""
        with self._database.transaction():
            self._database.run("DELETE FROM album_entries WHERE entry_id = :id", id=item_id)
            self._database.run("DELETE FROM items WHERE id = :id", id=item_id)
