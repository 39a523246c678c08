from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from photosync.domain.media import SourceKind
from photosync.domain.states import State
from photosync.errors import PhoneGone, PhoneNotReady, SourceMissing, Stopping
from photosync.files.folder import Folder
from photosync.stages.discover import Watched

if TYPE_CHECKING:
    from tests.stages.conftest import House


def test_every_file_becomes_an_item_once(house: House) -> None:
    house.put("a.jpg")
    house.put("sub/b.jpg")

    first = house.discover().look(house.watched)
    second = house.discover().look(house.watched)

    assert (first.seen, first.added) == (2, 2)
    assert (second.seen, second.added) == (2, 0)
    assert house.states() == {"a.jpg": State.FOUND, "sub/b.jpg": State.FOUND}
    assert "mirror" in house.bells.rung


def test_in_manual_mode_new_items_are_held(house: House) -> None:
    house.put("a.jpg")

    house.discover(State.HELD).look(house.watched)

    assert house.states() == {"a.jpg": State.HELD}


def test_bad_files_are_items_with_a_reason_and_unrelated_files_are_none(house: House) -> None:
    (house.root / "empty.jpg").touch()
    (house.root / "text.jpg").write_text("this is no picture, whatever its name says")
    (house.root / "notes.txt").write_text("a note")

    house.discover().look(house.watched)

    assert {one.source_path: one.error_code for one in house.overview.items()} == {
        "empty.jpg": "empty",
        "text.jpg": "not_media",
    }
    assert set(house.states().values()) == {State.FAILED}


def test_a_file_still_being_written_is_asked_for_again(house: House) -> None:
    file = house.put("a.jpg")
    watched = Watched(house.source, Folder(house.root))  # by the real clock it is brand new

    look = house.discover().look(watched)

    assert list(look.later) == ["a.jpg"]
    assert 0 < look.later["a.jpg"] <= 10
    assert house.states() == {}
    os.utime(file, (1, 1))  # an old mtime does not make it settled: cp -p sets it while writing
    assert list(house.discover().look(watched).later) == ["a.jpg"]


def test_only_the_path_that_changed_is_looked_at(house: House) -> None:
    house.put("a.jpg")
    house.put("sub/b.jpg")
    house.put("sub/c.jpg")

    assert house.discover().look(house.watched, "sub/c.jpg").seen == 1
    assert house.discover().look(house.watched, "sub").seen == 2
    assert house.discover().look(house.watched, "gone.jpg").seen == 0


def test_a_changed_file_is_a_new_item(house: House) -> None:
    house.found("a.jpg")
    house.put("a.jpg", b"another picture")

    house.discover().look(house.watched)

    assert len(house.overview.items()) == 2


def test_a_missing_folder_is_reported_and_nothing_taken_for_deleted(house: House) -> None:
    house.found("a.jpg")
    shutil.rmtree(house.root)

    with pytest.raises(SourceMissing):
        house.discover().look(house.watched)

    assert house.problems() == ["source_missing"]
    assert house.states() == {"a.jpg": State.FOUND}
    assert not house.mirror().run_once()  # its items wait


def test_a_folder_that_is_suddenly_empty_is_an_unmounted_disk(house: House) -> None:
    house.found("a.jpg")
    (house.root / "a.jpg").rename(house.root.parent / "a.jpg")

    with pytest.raises(SourceMissing, match="suddenly empty"):
        house.discover().look(house.watched)
    assert house.problems() == ["source_missing"]

    (house.root.parent / "a.jpg").rename(house.root / "a.jpg")
    house.discover().look(house.watched)
    assert house.problems() == []
    assert house.mirror().run_once()


def test_a_folder_that_was_always_empty_is_fine(house: House) -> None:
    assert house.discover().look(house.watched).seen == 0
    assert house.problems() == []


def test_a_file_that_is_back_is_taken_up_again(house: House) -> None:
    house.found("a.jpg", "b.jpg")
    (house.root / "a.jpg").rename(house.root.parent / "a.jpg")
    while house.mirror().run_once():
        pass
    assert house.item("a.jpg").error_code == "vanished"

    (house.root.parent / "a.jpg").rename(house.root / "a.jpg")
    look = house.discover().look(house.watched)

    assert look.revived == 1
    assert house.states()["a.jpg"] == State.FOUND


def test_what_the_user_skipped_stays_skipped(house: House) -> None:
    house.found("a.jpg")
    house.choices.skip([house.item("a.jpg").id], now=1)

    look = house.discover().look(house.watched)

    assert look.revived == 0
    assert house.states() == {"a.jpg": State.SKIPPED}


def test_a_folder_that_cannot_be_listed_is_told_of_until_it_can(house: House) -> None:
    house.put("sub/a.jpg")
    house.put("b.jpg")
    listing = house.folder._listing
    listing.unreadable["sub"] = "Permission denied"
    house.discover().look(house.watched, "b.jpg")
    (problem,) = house.control.problems()
    assert problem.code == "folder_unreadable"
    assert "sub in" in problem.message

    house.discover().look(house.watched)
    assert house.problems() == []
    assert house.states() == {"sub/a.jpg": State.FOUND, "b.jpg": State.FOUND}


def test_a_stop_ends_the_look(house: House) -> None:
    house.put("a.jpg")
    house.halt.set()

    with pytest.raises(Stopping):
        house.discover().look(house.watched)


def test_the_files_of_a_folder_come_by_date(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photosync.stages.discover.WINDOW", 20)
    for number in range(12):
        for folder in ("", "sub/"):
            file = house.put(f"{folder}{number * 7 % 12}.jpg", f"{folder}{number}".encode())
            os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    house.discover().look(house.watched)

    found = sorted(house.overview.items(limit=100), key=lambda item: item.id)
    for folder in ("", "sub"):
        items = [one for one in found if one.source_path.rpartition("/")[0] == folder]
        dates = [one.source_mtime_ns for one in items]
        assert len(dates) == 12
        assert dates == sorted(dates)
        assert items[-1].id - items[0].id == 11  # none of the other folder's between


def test_a_phone_that_shows_nothing_all_at_once_is_locked_until_it_is_unplugged(
    house: House,
) -> None:
    phone = house.sources.register(SourceKind.PHONE, "R58M", label="Pixel", album="")
    watched = Watched(phone, house.folder)
    house.put("a.jpg")
    house.discover().look(watched)
    (house.root / "a.jpg").unlink()

    with pytest.raises(PhoneNotReady, match="shows none"):
        house.discover().look(watched)
    assert house.problems() == ["phone_not_ready"]
    assert house.overview.items_at(phone.id, "a.jpg")[0].state == State.FOUND

    house.discover().lost(phone, PhoneGone("It was unplugged."))
    assert house.problems() == []


def test_what_is_taken_away_during_a_look_stays_away(house: House) -> None:
    """A cable was pulled while a look was written down: nobody else would take that back."""
    house.put("a.jpg")
    watched = Watched(house.source, house.folder)
    watched.gone.set()
    house.sources.set_connected(house.source.id, connected=False, now=1)
    assert house.discover().look(watched).added == 1
    (source,) = house.sources.all()
    assert not source.connected
