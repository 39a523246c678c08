"""A real store, real folders and a library that answers what the test wants."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import SourceKind
from photosync.domain.shots import EVERYTHING, Rules
from photosync.domain.states import State
from photosync.errors import TokenLost
from photosync.files.dating import DatedCopies
from photosync.files.folder import Folder
from photosync.files.mirroring import MirrorDisk
from photosync.google.ports import Created
from photosync.stages.create import Create
from photosync.stages.dating import Dating
from photosync.stages.discover import Discover, Watched
from photosync.stages.gate import LibraryGate
from photosync.stages.mirror import Mirror
from photosync.stages.originals import LocalOriginals
from photosync.stages.parts import Parts
from photosync.stages.upload import Upload
from photosync.store.albums import Albums
from photosync.store.choices import Choices
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.dated import DatedRecords
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.shots import Shots
from photosync.store.sightings import Sightings
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from photosync.domain.media import MediaItem
    from photosync.errors import SourceMissing
    from photosync.google.ports import NewItem, UploadFile

START = 1_800_000_000
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")


class Clock:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.at = float(START)

    def __call__(self) -> float:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += seconds


class Library:
    """Google Photos as far as a stage sees it: tokens for bytes, items for tokens."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}  # sha1 → id
        self.tokens: dict[str, str] = {}  # token → sha1
        self.batches: list[tuple[list[str], str | None]] = []
        self.album_titles: dict[str, str] = {}
        self.upload_errors: list[Exception] = []
        self.create_errors: list[Exception] = []
        self.line_errors: dict[str, Exception] = {}  # by file name
        self.tokens_are_good = False
        self.poison: set[str] = set()  # a request with such a file name is refused as a whole
        self.poison_error: Exception = TokenLost("the request holds something bad")
        self._numbers = itertools.count(1)

    def upload(self, file: UploadFile, progress: Callable[[int, int], None]) -> str:
        if self.upload_errors:
            raise self.upload_errors.pop(0)
        content = file.file.read()
        assert len(content) == file.size_bytes
        assert hashlib.sha1(content).hexdigest() == file.sha1
        progress(file.key, file.size_bytes)
        token = f"token-{next(self._numbers)}"
        self.tokens[token] = file.sha1
        return token

    def create(self, items: Sequence[NewItem], *, album_id: str | None) -> list[Created]:
        self.batches.append(([one.file_name for one in items], album_id))
        if self.create_errors:
            raise self.create_errors.pop(0)
        if any(one.file_name in self.poison for one in items):
            raise self.poison_error
        return [self._line(one) for one in items]

    def _line(self, item: NewItem) -> Created:
        if item.file_name in self.line_errors:
            return Created(None, self.line_errors[item.file_name], self.tokens_are_good)
        sha1 = self.tokens.get(item.token)
        if sha1 is None:
            return Created(None, TokenLost("the token is unknown"))
        return Created(self.held.setdefault(sha1, f"id-{next(self._numbers)}"), None)

    def create_album(self, title: str) -> str:
        self.album_titles[title] = f"album-{next(self._numbers)}"
        return self.album_titles[title]

    def find_album(self, title: str) -> str | None:
        return self.album_titles.get(title)

    def albums(self) -> dict[str, tuple[str, int]]:
        return {title: (one, self.album_size(one) or 0) for title, one in self.album_titles.items()}

    def album_size(self, album_id: str) -> int | None:
        if album_id not in self.album_titles.values():
            return None
        return sum(len(files) for files, album in self.batches if album == album_id)


class Bells:
    """Remembers who was woken."""

    def __init__(self) -> None:
        self.rung: list[str] = []

    def ring(self, *names: str) -> None:
        self.rung.extend(names)


@dataclass
class House:
    """Everything that stages stand on, around one watched folder."""

    database: Database
    root: Path
    clock: Clock = field(default_factory=Clock)
    library: Library = field(default_factory=Library)
    bells: Bells = field(default_factory=Bells)
    halt: Event = field(default_factory=Event)
    signed_in: bool = True
    album: str = ""
    fixes_dates: bool = False
    album_limit: int = 20_000

    def __post_init__(self) -> None:
        self.items = MediaItems(self.database)
        self.overview = Overview(self.database)
        self.control = Control(self.database)
        self.choices = Choices(self.database)
        self.sources = Sources(self.database)
        self.albums = Albums(self.database)
        self.gate = LibraryGate(self.control, clock=self.clock, signed_in=lambda: self.signed_in)
        self.source = self.sources.register(
            SourceKind.FOLDER, str(self.root), label="pictures", album=self.album
        )
        self.folder = Folder(self.root, clock=lambda: 4e9)  # all files are long settled
        self.watched = Watched(self.source, self.folder)
        self.disk = MirrorDisk(self.root.parent / "mirror", least_free_bytes=0)
        self.originals = LocalOriginals(
            {self.source.id: self.folder}, mirror=self.disk, halt=self.halt
        )

    def discover(self, first: State = State.FOUND, rules: Rules = EVERYTHING) -> Discover:
        return Discover(
            intake=Intake(self.database),
            sources=self.sources,
            control=self.control,
            first=lambda _: first,
            bells=self.bells,
            halt=self.halt,
            clock=self.clock,
            sightings=Sightings(self.database),
            rules=rules,
        )

    def parts(self, rules: Rules, first: State = State.FOUND) -> Parts:
        return Parts(
            shots=Shots(self.database),
            sources=self.sources,
            control=self.control,
            rules=rules,
            first=lambda _: first,
            bells=self.bells,
            clock=self.clock,
        )

    def lost(self, source_id: int, error: SourceMissing) -> None:
        assert source_id == self.source.id
        self.discover().lost(self.source, error)

    def mirror(self, name: str = "mirror-1") -> Mirror:
        return Mirror(
            name,
            items=self.items,
            originals=self.originals,
            sources={self.source.id: self.source},
            bells=self.bells,
            source_lost=self.lost,
            clock=self.clock,
            fixes_dates=self.fixes_dates,
        )

    def dating(self) -> Dating:
        return Dating(
            wanted=self.fixes_dates,
            items=self.items,
            records=DatedRecords(self.database),
            copies=DatedCopies(self.root.parent / "cache", halt=self.halt),
            control=self.control,
            bells=self.bells,
            clock=self.clock,
        )

    def upload(
        self, dating: Dating | None = None, has_room: Callable[[], bool] = lambda: True
    ) -> Upload:
        return Upload(
            "upload-1",
            items=self.items,
            originals=self.originals,
            dating=dating or self.dating(),
            library=self.library,
            gate=self.gate,
            bells=self.bells,
            progress=lambda _key, _sent: None,
            source_lost=self.lost,
            clock=self.clock,
            has_room=has_room,
        )

    def create(self, *, linger_seconds: int = 300) -> Create:
        return Create(
            items=self.items,
            albums=self.albums,
            library=self.library,
            control=self.control,
            gate=self.gate,
            bells=self.bells,
            small_bytes=16 << 20,
            clock=self.clock,
            linger_seconds=linger_seconds,
            album_limit=self.album_limit,
        )

    def put(self, name: str, content: bytes = b"") -> Path:
        """A small JPEG that differs from all others by its name, or by ``content``."""
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(JPEG + (content or name.encode()))
        return file

    def found(self, *names: str) -> None:
        for name in names:
            self.put(name)
        self.discover().look(self.watched)

    def mirrored(self, *names: str) -> None:
        self.found(*names)
        mirror = self.mirror()
        while mirror.run_once():
            pass

    def uploaded(self, *names: str) -> None:
        self.mirrored(*names)
        self.gate._has_created = True
        upload = self.upload()
        while upload.run_once():
            pass

    def item(self, name: str) -> MediaItem:
        """The newest version of the file ``name``."""
        return self.overview.items_at(self.source.id, name)[0]

    def states(self) -> dict[str, State]:
        return {one.source_path: one.state for one in self.overview.items(limit=1000)}

    def problems(self) -> list[str]:
        return [one.code for one in self.control.problems()]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., House]]:
    root = tmp_path / "pictures"
    root.mkdir()
    (tmp_path / "state").mkdir()
    with Database(tmp_path / "state") as database:
        database.migrate()
        yield lambda album="": House(database, root, album=album)


@pytest.fixture
def house(build: Callable[..., House]) -> House:
    return build()
