"""A real database with two folders in it, and short words for what a test does to items."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import Finding, Hashes, SourceKind
from photosync.domain.states import State
from photosync.store.albums import Albums
from photosync.store.choices import Choices
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.domain.media import MediaItem

NOW = 1_800_000_000
SIZE = 1000


def hashes_of(content: str) -> Hashes:
    """What reading a file with this content would tell."""
    data = content.encode()
    return Hashes(SIZE, hashlib.sha256(data).hexdigest(), hashlib.sha1(data).hexdigest())


@dataclass
class Shelf:
    """The store, with every class of it, around two sources. ``here`` is connected."""

    database: Database

    def __post_init__(self) -> None:
        self.items = MediaItems(self.database)
        self.intake = Intake(self.database)
        self.choices = Choices(self.database)
        self.control = Control(self.database)
        self.overview = Overview(self.database)
        self.sources = Sources(self.database)
        self.albums = Albums(self.database)
        self.here = self._source("/here")
        self.there = self._source("/there")
        self.sources.set_connected(self.here, connected=True, now=NOW)

    def _source(self, address: str) -> int:
        register = self.sources.register
        return register(SourceKind.FOLDER, address, label=address.strip("/"), album="").id

    def found(self, *names: str, source: int = 0, size: int = SIZE) -> list[int]:
        """New items, by file name; their numbers."""
        source = source or self.here
        findings = [Finding(name, size, 7, "image/jpeg") for name in names]
        self.intake.add(source, findings, first=State.FOUND, now=NOW)
        return [self.overview.items_at(source, name)[0].id for name in names]

    def item(self, item_id: int) -> MediaItem:
        """The item as it stands."""
        return self.overview.item(item_id)

    def state(self, item_id: int) -> State:
        """Where the item stands."""
        return self.item(item_id).state

    def held(self, item_id: int, worker: str = "w", now: int = NOW) -> MediaItem:
        """The item in the hands of ``worker``, claimed out of turn."""
        item = self.item(item_id)
        for one in self.items.claim(item.state, worker=worker, now=now, limit=10_000):
            if one.id == item_id:
                item = one
            else:
                self.items.release(one)
        assert item.leased_by == worker
        return item

    def hashed(self, item_id: int, content: str, *, album: str = "", now: int = NOW) -> State:
        """Found → mirrored or duplicate."""
        return self.items.mark_hashed(
            self.held(item_id, now=now),
            hashes_of(content),
            album=album,
            taken_at=None,
            mirror_path=None,
            now=now,
        )

    def mirrored(self, name: str, content: str = "", source: int = 0) -> int:
        """A new item, hashed."""
        (item_id,) = self.found(name, source=source)
        self.hashed(item_id, content or name)
        return item_id

    def uploaded(self, name: str, content: str = "", now: int = NOW) -> int:
        """A new item with a token."""
        item_id = self.mirrored(name, content)
        self.items.mark_uploaded(self.held(item_id), token=f"token-{name}", now=now)
        return item_id

    def done(self, name: str, content: str = "") -> int:
        """A new item in the library."""
        item_id = self.uploaded(name, content)
        self.items.mark_done(self.held(item_id), google_id=f"id-{name}", now=NOW)
        return item_id

    def failed(self, name: str, code: str = "refused", content: str = "") -> int:
        """A new item that failed after it was hashed."""
        item_id = self.mirrored(name, content)
        self.items.fail(self.held(item_id), code=code, message="no", now=NOW)
        return item_id


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path) as database:
        database.migrate()
        yield database


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)
