"""Phones that come and go, and what the user is told of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self, cast

import pytest

from photosync.daemon import surveys as surveys_module
from photosync.daemon.phones import Phones
from photosync.daemon.surveys import Surveys
from photosync.device.identity import Identity
from photosync.device.presence import Readiness, Seen
from photosync.device.survey import MediaFolder, is_beneath
from photosync.device.sync import Dialect
from photosync.domain.selection import Selection
from photosync.errors import AdbMissing, PhoneGone
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.phone_folders import PhoneFolders
from photosync.store.sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.domain.media import Source
    from photosync.errors import SourceMissing
    from photosync.store.phone_folders import Choice

PIXEL = Identity("R58M", "Pixel 8", 34, Dialect(2, 2), has_shell=True, ahead_seconds=0.0)


class World:
    """What presence says, and what became of it."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(folder)
        self.database.migrate()
        self.sources = Sources(self.database)
        self.control = Control(self.database)
        self.folders = PhoneFolders(self.database)
        self.seen: list[Seen] = []
        self.trouble: AdbMissing | None = None
        self.presence_looked = True
        self.now = 1000.0
        self.looks: list[int] = []
        self.looks_again = 0
        self.lost: list[SourceMissing] = []
        self.plugs: list[float] = []
        self.doubted: list[str] = []
        self.closed = 0
        self.found: list[MediaFolder] = []
        self.left_out: list[str] = []

    def phones(self, *, alone: bool = False, serials: tuple[str, ...] = ()) -> Phones:
        world = self

        class Presence:
            looked = property(lambda _: world.presence_looked)
            trouble = property(lambda _: world.trouble)

            def phones(self) -> list[Seen]:
                return world.seen

            def look_again(self, transport: str) -> None:
                world.doubted.append(transport)

        return Phones(
            cast("Any", Presence()),
            looks=cast("Any", self._looks()),
            sources=self.sources,
            control=self.control,
            opened=lambda seen: cast(
                "Any", (self._phone(seen), SimpleNamespace(phone=self._phone(seen)))
            ),
            serials=serials,
            album="{source}",
            alone=alone,
            lost=self._lose,
            plugged=lambda: self.plugs.append(self.now),
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    def surveys(self, phones: Phones, rule: Choice = "new") -> Surveys:
        return Surveys(
            phones,
            looks=cast("Any", self._looks()),
            folders=self.folders,
            control=self.control,
            selection=Selection(),
            named=("DCIM",),
            rule=rule,
            leave_out=self.left_out.append,
            clock=lambda: self.now,
            monotonic=lambda: self.now,
        )

    def _lose(self, source: Source, error: SourceMissing) -> None:
        self.lost.append(error)
        self.sources.set_connected(source.id, connected=False, now=1)

    def _looks(self) -> object:
        def again() -> None:
            self.looks_again += 1

        return SimpleNamespace(
            add=lambda watched: self.looks.append(watched.source.id),
            remove=self.looks.remove,
            look_at_everything=again,
        )

    def _phone(self, seen: Seen) -> object:
        world = self

        class Phone:
            transport = seen.transport

            def another(self) -> Phone:
                return self

            def close(self) -> None:
                world.closed += 1

            def __enter__(self) -> Self:
                return self

            def __exit__(self, *_: object) -> None:
                pass

        return Phone()

    def plug(self, *identities: Identity, transport: str = "") -> None:
        self.seen = [
            Seen(transport or one.serial, Readiness.READY, self.now, one) for one in identities
        ]

    def source(self, serial: str = "R58M") -> Source:
        return next(one for one in self.sources.all() if one.address == serial)

    def told(self) -> list[str]:
        return [one.code for one in self.control.problems()]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.database.close()


def test_a_phone_is_a_source_while_it_is_plugged_in(world: World) -> None:
    phones = world.phones()
    world.plug(PIXEL)
    assert not phones.looked()
    phones.run_once()
    source = world.source()
    assert (source.label, source.album, source.connected) == ("Pixel 8", "{source}", True)
    assert world.looks == [source.id]
    assert phones.looked()
    assert phones.of_source(source.id)[0].id == source.id
    world.seen = []
    phones.run_once()
    assert not world.source().connected
    assert world.looks == []
    assert world.closed == 2, "its own connections, and those of its files"
    with pytest.raises(PhoneGone):
        phones.of_source(source.id)


def test_the_same_phone_by_another_way_is_the_same_source(world: World) -> None:
    phones = world.phones()
    world.plug(PIXEL)
    phones.run_once()
    world.plug(PIXEL, transport="192.168.1.5:5555")
    phones.run_once()
    assert len(world.sources.all()) == 1
    assert phones.of_source(world.source().id)[1].transport == "192.168.1.5:5555"
    assert len(world.looks) == 1


def test_two_phones_of_one_name_have_folders_of_their_own(world: World) -> None:
    phones = world.phones()
    world.plug(PIXEL, replace(PIXEL, serial="R59N", label="pixel 8"))
    phones.run_once()
    assert {one.label for one in world.sources.all()} == {"Pixel 8", "pixel 8 R59N"}
    world.plug(replace(PIXEL, label="My new name"))
    phones.run_once()
    phones.run_once()
    assert world.source().label == "Pixel 8", "its copies lie in a folder of that name"


def test_only_the_phones_of_the_settings(world: World) -> None:
    phones = world.phones(serials=("R59N",))
    world.plug(PIXEL)
    phones.run_once()
    assert world.sources.all() == []
    assert phones.looked()


def test_what_the_user_has_to_do_is_told_and_taken_back(world: World) -> None:
    phones = world.phones()
    world.seen = [Seen("R58M", Readiness.UNAUTHORIZED, world.now)]
    phones.run_once()
    assert world.told() == ["phone_unauthorized"]
    assert "tap Allow" in world.control.problems()[0].hint
    assert phones.looked(), "nobody waits for somebody who may be asleep"
    world.plug(PIXEL)
    phones.run_once()
    assert world.told() == []


def test_a_phone_that_is_slow_to_answer_is_given_time(world: World) -> None:
    phones = world.phones()
    world.seen = [Seen("R58M", Readiness.OFFLINE, world.now)]
    phones.run_once()
    assert world.told() == []
    assert not phones.looked()
    world.now += 11
    phones.run_once()
    assert world.told() == ["phone_offline"]
    assert phones.looked()


def test_without_adb_only_those_without_folders_are_bothered(world: World) -> None:
    world.trouble = AdbMissing("adb is not installed.")
    world.phones(alone=False).run_once()
    assert world.told() == []
    phones = world.phones(alone=True)
    phones.run_once()
    assert world.told() == ["adb_missing"]
    world.trouble = None
    phones.run_once()
    assert world.told() == []


def test_a_phone_that_could_not_be_reached_is_asked_who_it_is(world: World) -> None:
    phones = world.phones()
    world.plug(PIXEL)
    phones.run_once()
    error = PhoneGone("gone")
    phones.was_lost(world.source().id, error)
    phones.was_lost(999, error)
    assert world.doubted == ["R58M"]
    assert world.lost == [error]


def test_a_phone_that_was_lost_for_a_moment_is_taken_up_again(world: World) -> None:
    """It said who it is before anybody looked: it is there, and yet has to be looked at anew."""
    phones = world.phones()
    world.plug(PIXEL)
    phones.run_once()
    source = world.source()
    phones.was_lost(source.id, PhoneGone("a hiccup"))
    assert not world.source().connected
    phones.run_once()
    assert world.source().connected
    assert world.looks == [source.id]
    assert len(world.plugs) == 2


def test_a_source_without_a_phone_is_not_connected(world: World) -> None:
    phones = world.phones()
    world.plug(PIXEL)
    phones.run_once()
    source = world.source()
    world.seen = []
    phones.run_once()
    world.sources.set_connected(source.id, connected=True, now=1)
    phones.was_lost(source.id, PhoneGone("not plugged in"))
    assert not world.source().connected


def test_before_the_first_word_of_adb_nothing_is_known(world: World) -> None:
    world.presence_looked = False
    assert not world.phones().looked()


def _surveyed(
    world: World, monkeypatch: pytest.MonkeyPatch, rule: Choice = "new"
) -> tuple[Phones, Surveys]:
    monkeypatch.setattr(surveys_module, "survey", lambda *_: world.found)
    phones = world.phones()
    world.plug(PIXEL)
    phones.run_once()
    world.found = [
        MediaFolder("DCIM/Camera", 10, 1, 1000, 5),
        MediaFolder("Download", 2, 0, 100, 4),
        MediaFolder("Pictures/Signal", 3, 0, 100, 3),
    ]
    return phones, world.surveys(phones, rule)


def test_folders_that_nobody_decided_about_are_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, surveys = _surveyed(world, monkeypatch)
    surveys.run_once()
    problem = world.control.problems()[0]
    assert problem.message == (
        "Pixel 8 has photos in folders that are not backed up: Download (2), Pictures/Signal (3)."
    )
    assert not problem.needs_user
    source_id = world.source().id
    world.folders.choose(source_id, ["Download"], choice="take", now=1)
    surveys.run_once()
    assert world.looks_again == 1
    world.folders.choose(source_id, ["Pictures/Signal"], choice="leave", now=1)
    surveys.run_once()
    assert world.told() == []
    assert (world.looks_again, world.left_out) == (2, ["R58M", "R58M"])
    surveys.run_once()
    assert world.looks_again == 2
    world.now += 3601
    world.found.append(MediaFolder("New App", 1, 0, 1, 9))
    surveys.run_once()
    assert world.told() == ["new_folders"]


def test_a_choice_made_during_the_first_survey_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, surveys = _surveyed(world, monkeypatch)

    def survey(*_: object) -> list[MediaFolder]:
        world.folders.choose(world.source().id, ["DCIM/Camera"], choice="leave", now=1)
        return world.found

    monkeypatch.setattr(surveys_module, "survey", survey)
    surveys.run_once()
    assert (world.looks_again, world.left_out) == (1, ["R58M"])


@pytest.mark.parametrize("rule", ["take", "leave"])
def test_a_rule_decides(world: World, monkeypatch: pytest.MonkeyPatch, rule: Choice) -> None:
    _, surveys = _surveyed(world, monkeypatch, rule)
    surveys.run_once()
    assert world.told() == []
    assert {one.choice for one in world.folders.of_source(world.source().id)} == {rule}


def test_whether_everybody_was_surveyed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    phones, surveys = _surveyed(world, monkeypatch)
    assert world.plugs == [world.now]
    assert not surveys.surveyed()
    surveys.run_once()
    assert surveys.surveyed()
    world.plug(PIXEL, replace(PIXEL, serial="R59N", label="other"))
    phones.run_once()
    assert not surveys.surveyed()
    world.seen = []
    phones.run_once()
    assert surveys.surveyed()


def test_a_phone_that_leaves_during_the_survey_is_surveyed_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, surveys = _surveyed(world, monkeypatch)

    def leave(*_: object) -> None:
        raise PhoneGone("gone")

    monkeypatch.setattr(surveys_module, "survey", leave)
    surveys.run_once()
    assert world.told() == []
    monkeypatch.setattr(surveys_module, "survey", lambda *_: world.found)
    surveys.run_once()
    assert world.told() == []
    world.now += 61
    surveys.run_once()
    assert world.told() == ["new_folders"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("DCIM", True),
        ("DCIM/Camera", True),
        ("DCIM2", False),
        ("sd:1A2B-3C4D/DCIM/x", True),
        ("sd:1A2B-3C4D/Other", False),
        ("sd:9999-9999/Whole/x", True),
        ("sd:9999-9999/Whole2", False),
    ],
)
def test_what_lies_beneath_the_folders_of_the_settings(path: str, expected: bool) -> None:
    assert is_beneath(path, ("DCIM", "sd:9999-9999/Whole")) is expected
