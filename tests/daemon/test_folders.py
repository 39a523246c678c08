from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.daemon import folders as module
from photosync.daemon.folders import Folders
from photosync.domain.media import SourceKind
from photosync.errors import DiskFull, SourceMissing, WatchUnavailable
from photosync.files.folder import Folder
from photosync.stages.discover import Look, Watched
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Monotonic:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


class Discover:
    """Answers each look with what the test prepared, and remembers what it was asked."""

    def __init__(self) -> None:
        self.looks: list[tuple[str, bool]] = []
        self.answers: list[Look | Exception] = []
        self.during: Callable[[], object] = lambda: None

    def look(self, watched: Watched, under: str = "", *, closed: bool = False) -> Look:
        del watched
        self.looks.append((under, closed))
        self.during()
        answer = self.answers.pop(0) if self.answers else Look()
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class Watcher:
    hint: Callable[[str, str | None], None]
    error: WatchUnavailable | None = None
    is_alive: bool = False
    stopped: int = 0

    def start(self) -> None:
        if self.error:
            raise self.error
        self.is_alive = True

    def stop(self) -> None:
        self.is_alive = False
        self.stopped += 1

    def alive(self) -> bool:
        return self.is_alive


@dataclass
class Stage:
    control: Control
    watched: Watched
    clock: Monotonic = field(default_factory=Monotonic)
    discover: Discover = field(default_factory=Discover)
    halt: Event = field(default_factory=Event)
    watchers: list[Watcher] = field(default_factory=list)
    watch_error: WatchUnavailable | None = None

    def build(self, *, watching: bool = True) -> Folders:
        def watch(_: Watched, hint: Callable[[str, str | None], None]) -> Watcher:
            self.watchers.append(Watcher(hint, self.watch_error))
            return self.watchers[-1]

        self.halt.set()  # nothing waits: time is set forward by the test
        self.folders = Folders(
            [self.watched],
            discover=self.discover,  # type: ignore[arg-type]  # only look() is asked
            control=self.control,
            watch=watch if watching else None,
            halt=self.halt,
            clock=lambda: 1.8e9,
            monotonic=self.clock,
        )
        return self.folders

    def after(self, seconds: float) -> list[tuple[str, bool]]:
        """The looks that are made by then."""
        self.clock.at += seconds
        self.discover.looks.clear()
        while self.folders.run_once():
            pass
        return list(self.discover.looks)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    root = tmp_path / "pictures"
    root.mkdir()
    (tmp_path / "state").mkdir()
    with Database(tmp_path / "state") as database:
        database.migrate()
        source = Sources(database).register(
            SourceKind.FOLDER, str(root), label="pictures", album=""
        )
        yield Stage(Control(database), Watched(source, Folder(root)))


def test_it_looks_at_everything_at_first_and_every_so_often(stage: Stage) -> None:
    folders = stage.build()
    assert not folders.looked()
    assert stage.after(0) == [("", False)]
    assert folders.looked()
    assert stage.after(899) == []
    assert stage.after(2) == [("", False)]


def test_watching_begins_before_the_first_look(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    assert [one.is_alive for one in stage.watchers] == [True]
    stage.folders.stop()
    assert stage.watchers[0].stopped == 1


def test_a_closed_file_is_looked_at_alone_and_soon(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    stage.watchers[0].hint("sub", "sub/a.jpg")
    assert stage.after(0.4) == []
    assert stage.after(0.2) == [("sub/a.jpg", True)]


def test_many_hints_for_one_file_are_one_look_after_the_last(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    for _ in range(10):
        stage.watchers[0].hint("", "a.jpg")
        assert stage.after(0.3) == []
    assert stage.after(0.5) == [("a.jpg", True)]


def test_a_changed_folder_is_looked_at_without_waiting_for_the_last_change(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    looks = []
    for _ in range(10):
        stage.watchers[0].hint("sub", None)
        looks += stage.after(0.1)
    assert ("sub", False) in looks


def test_a_flood_of_files_is_looked_at_as_a_folder(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    for number in range(2000):
        stage.watchers[0].hint("sub", f"sub/{number}.jpg")
    looks = stage.after(1)
    assert len(looks) <= module.MOST_SINGLE_FILES + 1
    assert ("sub", False) in looks


def test_files_being_written_are_asked_for_again(stage: Stage) -> None:
    stage.build()
    stage.discover.answers = [Look(later={"a.jpg": 2.0, "b.jpg": 5.0})]
    stage.after(0)
    assert sorted(stage.folders.unsettled()) == ["a.jpg", "b.jpg"]
    assert stage.after(1.9) == []
    assert stage.after(0.2) == [("a.jpg", False)]
    assert stage.after(3) == [("b.jpg", False)]
    assert stage.folders.unsettled() == []


def test_one_that_is_asked_after_at_this_moment_is_unsettled(stage: Stage) -> None:
    """``run --once`` would end in the middle of the very look that finds it."""
    stage.build()
    stage.discover.answers = [Look(later={"a.jpg": 2.0})]
    stage.after(0)
    seen: list[list[str]] = []
    stage.discover.during = lambda: seen.append(stage.folders.unsettled())
    assert stage.after(2.1) == [("a.jpg", False)]
    assert seen == [["a.jpg"]]
    assert stage.folders.unsettled() == []


def test_a_file_that_was_seen_closed_stays_so(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    stage.watchers[0].hint("", "a.jpg")
    stage.discover.answers = [Look(later={"a.jpg": 0.2})]
    assert stage.after(0.5) == [("a.jpg", True)]
    assert stage.after(0.3) == [("a.jpg", True)]


def test_thousands_being_written_are_looked_at_together(stage: Stage) -> None:
    stage.build()
    stage.discover.answers = [Look(later={f"{number}.jpg": 2.0 for number in range(5000)})]
    stage.after(0)
    assert len(stage.folders.unsettled()) == 5000  # run --once waits for them
    assert stage.after(2.1) == [("", False)]
    assert stage.folders.unsettled() == []


def test_a_missing_folder_is_asked_for_again_soon(stage: Stage) -> None:
    stage.build()
    stage.discover.answers = [SourceMissing("away")]
    stage.after(0)
    assert stage.folders.looked()
    assert stage.after(5.1) == [("", False)]


def test_photos_are_expected_while_files_were_just_closed_or_a_look_goes_on(stage: Stage) -> None:
    folders = stage.build()
    during: list[bool] = []
    real = stage.discover.look

    def look(*arguments: object, **more: object) -> Look:
        during.append(folders.expecting())
        return real(*arguments, **more)  # type: ignore[arg-type]  # handed on as they came

    stage.discover.look = look  # type: ignore[method-assign]  # to look on
    stage.after(0)
    assert during == [True]
    assert not folders.expecting()
    stage.watchers[0].hint("", "a.jpg")
    assert folders.expecting()
    stage.discover.answers = [Look(later={"a.jpg": 1.0})]
    stage.after(0.6)
    assert not folders.expecting()  # somebody writes to it still, who knows for how long
    assert folders.unsettled() == ["a.jpg"]


def test_a_look_that_broke_off_stays_due(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    stage.watchers[0].hint("", "a.jpg")
    stage.discover.answers = [DiskFull("full")]
    with pytest.raises(DiskFull):
        stage.after(0.6)
    assert stage.after(0.4) == [("a.jpg", True)]


def test_without_a_watch_it_polls_and_says_so(stage: Stage) -> None:
    stage.watch_error = WatchUnavailable("limit", hint="sysctl")
    stage.build()
    stage.after(0)
    assert [(one.code, one.hint) for one in stage.control.problems()] == [
        ("watch_unavailable", "sysctl")
    ]
    stage.watch_error = None
    assert stage.after(30.1) == [("", False)]
    assert stage.control.problems() == []
    assert stage.after(31) == []


def test_a_watch_that_died_is_renewed_with_a_look_at_everything(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    stage.watchers[0].is_alive = False
    stage.after(0)
    assert stage.after(0.4) == [("", False)]
    assert [one.is_alive for one in stage.watchers] == [False, True]


def test_a_folder_that_is_away_is_not_watched(stage: Stage) -> None:
    stage.build()
    stage.watched.files.root.rmdir()  # type: ignore[attr-defined]  # a real Folder
    stage.after(0)
    assert [one.is_alive for one in stage.watchers] == [False]


def test_once_needs_no_watch(stage: Stage) -> None:
    stage.build(watching=False)
    assert stage.after(0) == [("", False)]
    assert stage.watchers == []
    stage.folders.look_at_everything()
    assert stage.after(0) == [("", False)]
    stage.folders.stop()


def test_waiting_ends_with_a_hint(stage: Stage) -> None:
    stage.build()
    stage.after(0)
    stage.halt.clear()
    stage.watchers[0].hint("", None)
    assert not stage.folders.run_once()  # waits until the hint is due, then comes back
