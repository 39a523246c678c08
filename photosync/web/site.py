"""What the pages are made of, put together by ``app``; and the threads in which they are made."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from photosync.files.thumbnail_cache import ThumbnailCache
from photosync.files.thumbnails import EDGE, Thumbnailer
from photosync.store.choices import Choices
from photosync.store.control import Control
from photosync.store.gallery import Gallery
from photosync.store.overview import Overview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from photosync.domain.media import MediaItem
    from photosync.store.database import Database
    from photosync.store.source_choices import Mode
    from photosync.web.restoring import RestoreSide
    from photosync.web.signing_in import SignInSide

Json = dict[str, Any]
T = TypeVar("T")

LARGE_EDGE = 1600
LARGE_LIMIT_BYTES = 256 << 20
READERS = 3


class Setting(Protocol):
    """One setting, as it may be shown."""

    @property
    def key(self) -> str:
        """Its name."""

    @property
    def value(self) -> str:
        """Its value; of a secret, that there is one."""

    @property
    def origin(self) -> str:
        """Where it comes from."""


@dataclass(frozen=True, slots=True)
class FolderCard:
    """A folder of a source. ``choice``: "settings", "take", "leave", "new"; "" for no say.

    ``items``: photos and videos in it, not in those beneath; ``newest_at`` in seconds UTC.
    """

    path: str
    items: int
    size_bytes: int
    newest_at: int | None
    choice: str
    is_taken: bool
    is_found: bool
    """Whether its items are on record, so that they can be shown."""


@dataclass(frozen=True, slots=True)
class SourceCard:
    """A source with its folders. ``mode``: auto or manual; ``is_own_mode``: by your choice."""

    id: int
    kind: str
    label: str
    address: str
    is_connected: bool
    items: int
    mode: str
    is_own_mode: bool
    is_taken: bool
    folders: tuple[FolderCard, ...]


class SourcesSide(Protocol):
    """What the user decides about sources and their folders."""

    def cards(self) -> list[SourceCard]:
        """Every source that the settings want."""

    def take(self, source_id: int, path: str, *, take: bool) -> None:
        """Take a folder of a phone from now on, or leave it; a watched folder as a whole.

        Raises:
            PhotosyncError: There is no such source.
        """

    def set_mode(self, source_id: int, mode: Mode | None) -> None:
        """Back up what is new by itself, hold it until it is chosen, or as the settings say."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that pages ask. All of it may be called from any thread.

    ``opened`` opens an item's original; ``head`` gets its beginning from a phone that is there,
    None if it is not; ``page`` tells all of one item that is no secret.
    """

    database: Database
    state_dir: Path
    status: Callable[[], Json]
    page: Callable[[MediaItem], Json]
    opened: Callable[[MediaItem], AbstractContextManager[BinaryIO]]
    head: Callable[[MediaItem], bytes | None]
    settings: Callable[[], Iterable[Setting]]
    sources: SourcesSide
    restoring: RestoreSide
    signing_in: SignInSide
    clock: Callable[[], float]
    failed: Callable[[], list[int]]

    @property
    def gallery(self) -> Gallery:
        """Items by day."""
        return Gallery(self.database)

    @property
    def overview(self) -> Overview:
        """Items one by one, counts, sources."""
        return Overview(self.database)

    @property
    def control(self) -> Control:
        """Flags."""
        return Control(self.database)

    @property
    def choices(self) -> Choices:
        """The user's say over items."""
        return Choices(self.database)

    def now(self) -> int:
        """Seconds UTC."""
        return int(self.clock())


@dataclass(slots=True)
class Threads:
    """Few, and apart by what they wait for: the database, a picture, a phone."""

    reading: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, thread_name_prefix="web-read")
    )
    drawing: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="web-draw")
    )
    asking: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="web-phone")
    )

    async def read(self, what: Callable[[], T]) -> T:
        """Ask the database."""
        return await _in(self.reading, what)

    async def draw(self, what: Callable[[], T]) -> T:
        """Make a picture."""
        return await _in(self.drawing, what)

    async def ask(self, what: Callable[[], T]) -> T:
        """Ask a phone."""
        return await _in(self.asking, what)

    def close(self) -> None:
        """Take on nothing more; what is under way ends by itself, and looks at the database first.

        Whoever closes the pages closes the database next, and SQLite does not survive that while
        another thread is in the midst of a query.
        """
        for one in (self.drawing, self.asking):
            one.shutdown(wait=False, cancel_futures=True)
        self.reading.shutdown(wait=True, cancel_futures=True)


async def _in(pool: ThreadPoolExecutor, what: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(pool, what)


class Darkroom:
    """Thumbnails and large pictures of items, kept on the disk once they are made."""

    def __init__(self, site: Site) -> None:
        self._small = ThumbnailCache(site.state_dir)
        self._large = ThumbnailCache(site.state_dir, limit_bytes=LARGE_LIMIT_BYTES, edge=LARGE_EDGE)
        self._site = site
        self._maker = Thumbnailer()

    def cache(self, *, large: bool) -> ThumbnailCache:
        """Where they are kept."""
        return self._large if large else self._small

    def of_file(self, item: MediaItem, key: str, *, large: bool) -> bytes | None:
        """By the file itself.

        Raises:
            PhotosyncError: It cannot be had.
        """
        with self._site.opened(item) as file:
            return self.cache(large=large).get(
                key,
                lambda: self._maker.thumbnail(
                    file, item.file_name, edge=LARGE_EDGE if large else EDGE
                ),
            )

    def of_head(self, item: MediaItem, key: str, head: bytes) -> bytes | None:
        """By the beginning of a file that is on a phone."""
        return self.cache(large=False).get(key, lambda: self._maker.of_bytes(head, item.file_name))

    def close(self) -> None:
        """End the process that makes them."""
        self._maker.close()
