"""Putting items back from the page: where to, who may ask, and what comes of it."""

from __future__ import annotations

import hashlib
import json
import re
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from photosync.app import putting_back
from photosync.app import restoring as restores
from photosync.app.putting_back import PuttingBack
from photosync.domain.media import SourceKind
from photosync.domain.restoring import Target, TargetKind, Wanted
from photosync.errors import Stopping
from photosync.files.holding import RESTORING, hold
from photosync.store.restore_requests import HOME, KEPT_ENDED, RestoreRequests
from photosync.store.restores import Restores
from tests.journeys.conftest import jpeg
from tests.web.conftest import House, house_in

if TYPE_CHECKING:
    from pathlib import Path

KNOWN = """
    UPDATE media_items SET state = 'mirrored', sha256 = :sha256, sha1 = :sha1 WHERE id = :id
"""


def kept(house: House, name: str, content: bytes) -> int:
    """A file whose bytes photosync has read."""
    number = house.put(name, content)
    digests = {"sha256": hashlib.sha256(content).hexdigest(), "sha1": "a" * 40}
    house.state.database.run(KNOWN, {**digests, "id": number})
    return number


def work(house: House) -> PuttingBack:
    """What the daemon does, until there is nothing due."""
    worker = PuttingBack(house.settings, house.state, halt=Event())
    while worker.run_once():
        pass
    return worker


def requests(house: House) -> RestoreRequests:
    return RestoreRequests(house.state.database)


def told(house: House) -> dict[str, Any]:
    """What came of the one request."""
    (one,) = requests(house).all()
    return one.told


def in_folder(house: House) -> set[str]:
    root = house.home / "photosync-restored"
    return {str(one.relative_to(root)) for one in root.rglob("*") if one.is_file()}


def ask(house: House, *ids: int, to: str) -> str:
    answer = house.send("/restore", {"item": ",".join(map(str, ids)), "to": to})
    assert answer.status == 200
    return str(json.loads(answer.text)["said"])


def test_items_are_put_into_the_one_folder(house: House) -> None:
    first, second = kept(house, "a.jpg", jpeg(1)), kept(house, "DCIM/b.jpg", jpeg(2))
    kept(house, "c.jpg", jpeg(3))
    assert ask(house, first, second, to="folder") == "2 photos and videos are put back now."
    assert "2 photos and videos</b> →" in house.page("/")
    work(house)
    assert in_folder(house) == {"Pictures/a.jpg", "Pictures/DCIM/b.jpg"}
    assert (house.home / "photosync-restored/Pictures/a.jpg").read_bytes() == jpeg(1)
    assert told(house) == {"there": 2, "not_there": 0, "failed": []}
    assert "2 photos and videos are there now." in house.page("/")


def test_items_go_back_where_they_came_from_and_nothing_is_overwritten(house: House) -> None:
    gone, other = kept(house, "a.jpg", jpeg(1)), kept(house, "b.jpg", jpeg(2))
    kept(house, "twin of a.jpg", jpeg(1))
    (house.pictures / "a.jpg").unlink()
    (house.pictures / "b.jpg").write_bytes(jpeg(3))
    ask(house, gone, other, to=HOME)
    work(house)
    assert (house.pictures / "a.jpg").read_bytes() == jpeg(1)
    assert (house.pictures / "b.jpg").read_bytes() == jpeg(3)
    assert (told(house)["there"], told(house)["not_there"]) == (1, 1)
    page = house.page("/")
    assert f'href="/photos/{other}">Item {other}</a>' in page


def test_all_that_a_filter_shows_is_put_back(house: House) -> None:
    for number in range(3):
        kept(house, f"DCIM/{number}.jpg", jpeg(number))
    kept(house, "other.jpg", jpeg(9))
    house.put("never read.jpg", jpeg(10))
    everything = house.send("/restore/where", {"all": "1"}, accept="text/html").text
    assert "Put 4 photos and videos back" in everything
    fields = {"all": "1", "source": "1", "folder": "RENJTQ"}
    page = house.send("/restore/where", fields, accept="text/html").text
    assert "Put 3 photos and videos back" in page
    assert 'name="folder" value="RENJTQ"' in page
    said = house.send("/restore", {**fields, "to": "folder"}).text
    assert "3 photos and videos are put back now." in said
    work(house)
    assert in_folder(house) == {f"Pictures/DCIM/{number}.jpg" for number in range(3)}
    nothing = house.send("/restore", {"all": "1", "state": "held", "to": "folder"}).text
    assert "Nothing is selected" in nothing


def test_what_was_never_read_is_told(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    ask(house, number, to="folder")
    work(house)
    assert told(house)["failed"][0]["message"] == "Photosync has not read it yet: it is found."
    assert "1 photo or video could not be put there." in house.page("/")


def test_a_place_that_is_away_is_told_with_its_cure_and_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(putting_back, "FIRST_REST_SECONDS", 1800)  # longer than this test takes
    number = kept(house, "a.jpg", jpeg(1))
    blocker = house.home / "photosync-restored"
    blocker.write_text("a file in the way")
    ask(house, number, to="folder")
    work(house)
    (request,) = requests(house).all()
    assert not request.is_ended
    assert request.not_before > house.state.now()
    page = house.page("/")
    assert "photosync-restored" in page
    assert "Try now" in page
    assert request.told["error"]["hint"] in re.sub(r"&#39;", "'", page)
    blocker.unlink()
    assert work(house).run_once() is False
    assert in_folder(house) == set()
    house.send("/restore/hurry", {"request": request.id})
    work(house)
    assert in_folder(house) == {"Pictures/a.jpg"}


def test_it_goes_on_after_the_daemon_has_ended_in_the_middle(house: House) -> None:
    ids = [kept(house, f"{number}.jpg", jpeg(number)) for number in range(5)]
    ask(house, *ids, to="folder")
    halt = Event()
    worker = PuttingBack(house.settings, house.state, halt=halt)
    done = house.home / "photosync-restored/Pictures/1.jpg"

    class Ends(Event):
        def is_set(self) -> bool:
            return done.exists()

    worker = PuttingBack(house.settings, house.state, halt=Ends())
    with pytest.raises(Stopping):
        worker.run_once()
    assert in_folder(house) == {"Pictures/0.jpg", "Pictures/1.jpg"}
    (request,) = requests(house).all()
    assert (request.is_ended, request.tries) == (False, 0)
    work(house)
    assert len(in_folder(house)) == 5
    assert told(house)["there"] == 5


def test_one_that_is_called_off_ends_and_leaves_nothing_to_resume(house: House) -> None:
    ids = [kept(house, f"{number}.jpg", jpeg(number)) for number in range(5)]
    ask(house, *ids, to="folder")
    (request,) = requests(house).all()
    restored = house.home / "photosync-restored/Pictures"

    class Drops(Event):
        """Calls it off once two are there; the record is asked once a second."""

        def is_set(self) -> bool:
            if (restored / "1.jpg").exists():
                house.send("/restore/drop", {"request": request.id})
                worker_halt._asked_at = 0.0
            return False

    halt = Drops()
    worker_halt = putting_back._UntilDropped(halt, requests(house), request.id)
    found = restores.restore(
        house.settings,
        restores.Request(
            Wanted(ids=tuple(ids)),
            to=Target(TargetKind.FOLDER, str(house.home / "photosync-restored")),
        ),
        halt=worker_halt,
    )
    assert isinstance(found.parts[0].error, Stopping)
    assert len(in_folder(house)) == 2
    assert requests(house).all() == []
    assert (
        restores.restore(
            house.settings, restores.Request(Wanted(), resume=True), halt=Event()
        ).parts
        == []
    )


def test_one_that_is_called_off_at_its_very_beginning_leaves_nothing_either(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(house, kept(house, "a.jpg", jpeg(1)), to="folder")
    (request,) = requests(house).all()
    monkeypatch.setattr(putting_back, "TELL_SECONDS", 0.0)
    chosen = restores._Restoring._chosen

    def drops(*arguments: Any) -> Any:
        house.send("/restore/drop", {"request": request.id})  # before anything is on order
        return chosen(*arguments)

    monkeypatch.setattr(restores._Restoring, "_chosen", drops)
    assert PuttingBack(house.settings, house.state, halt=Event()).run_once()
    assert in_folder(house) == set()
    assert Restores(house.state.database).left() == {}


def test_what_the_command_was_asked_for_elsewhere_is_not_called_off(house: House) -> None:
    """A request to put items where they came from is about no other place."""
    number = kept(house, "a.jpg", jpeg(1))
    orders = Restores(house.state.database)
    elsewhere = Target(TargetKind.FOLDER, str(house.home / "elsewhere"))
    home = Target(TargetKind.FOLDER, str(house.pictures))
    ask(house, number, to="home")
    for target in (elsewhere, home):
        orders.ask(target, [(number, "a.jpg")], at=orders.moment(now=1))
    assert orders.left() == {elsewhere: 1, home: 1}

    house.send("/restore/drop", {"request": requests(house).all()[0].id})

    assert orders.left() == {elsewhere: 1}


def test_it_waits_while_another_restore_is_under_way(house: House) -> None:
    number = kept(house, "a.jpg", jpeg(1))
    ask(house, number, to="folder")
    with hold(house.settings.state_dir / RESTORING) as is_held:
        assert is_held
        PuttingBack(house.settings, house.state, halt=Event()).run_once()
    assert "Another photosync restore is under way." in house.page("/")
    requests(house).hurry()
    work(house)
    assert in_folder(house) == {"Pictures/a.jpg"}


def test_a_phone_is_offered_while_it_is_plugged_in(house: House) -> None:
    number = kept(house, "a.jpg", jpeg(1))
    phone = house.sources.register(SourceKind.PHONE, "SERIAL", label="Pixel <7>", album="")

    def page() -> str:
        return house.send("/restore/where", {"item": number}, accept="text/html").text

    assert "Pixel" not in page()
    assert "cannot be put there now" in ask(house, number, to=f"phone-{phone.id}")
    house.sources.set_connected(phone.id, connected=True, now=1)
    assert "Pixel &lt;7&gt;" in page()
    ask(house, number, to=f"phone-{phone.id}")
    (request,) = requests(house).all()
    assert request.to == Target(TargetKind.PHONE, "SERIAL")
    work(house)
    assert "Phones are switched off in the settings." in house.page("/")
    # another one that is plugged in has it tried again
    later = requests(house).all()[0].not_before
    worker = PuttingBack(house.settings, house.state, halt=Event())
    worker.run_once()
    assert requests(house).all()[0].tries == 2
    assert requests(house).all()[0].not_before >= later


@pytest.mark.parametrize(
    "goal",
    ["", "/etc", "../x", "folder/../..", "phone-1", "phone-", "phone-99", "home/x", "FOLDER", "\0"],
)
def test_no_form_names_a_place_of_its_own(house: House, goal: str) -> None:
    number = kept(house, "a.jpg", jpeg(1))
    assert "cannot be put there now" in ask(house, number, to=goal)
    assert requests(house).all() == []


def test_without_a_folder_in_the_settings_there_is_none(tmp_path: Path) -> None:
    with house_in(tmp_path / "home", toml='[web]\nrestore_to = ""\n') as house:
        number = kept(house, "a.jpg", jpeg(1))
        page = house.send("/restore/where", {"item": number}, accept="text/html").text
        assert 'value="folder"' not in page
        assert "cannot be put there now" in ask(house, number, to="folder")


def test_what_has_ended_is_forgotten_by_a_click_or_by_and_by(house: House) -> None:
    number = kept(house, "a.jpg", jpeg(1))
    for _ in range(KEPT_ENDED + 3):
        ask(house, number, to="folder")
    work(house)
    assert len(requests(house).all()) == KEPT_ENDED
    house.send("/restore/drop", {"request": requests(house).all()[0].id})
    assert len(requests(house).all()) == KEPT_ENDED - 1
    assert in_folder(house) == {"Pictures/a.jpg"}


def test_what_is_forgotten_in_the_terminal_is_forgotten_here(house: House) -> None:
    number = kept(house, "a.jpg", jpeg(1))
    ask(house, number, to="folder")
    restores.forget(house.settings)
    assert requests(house).all() == []


def test_a_hundred_thousand_are_asked_for_in_a_moment(house: House) -> None:
    from tests.store.crowd import fill

    there = house.sources.register(SourceKind.FOLDER, str(house.home / "x"), label="x", album="")
    with house.state.database.write() as connection:
        fill(connection, house.source.id, there.id, 100_000)
    page = house.send("/restore/where", {"all": "1"}, accept="text/html").text
    assert "Put 90,000 photos and videos back" in page
    house.send("/restore", {"all": "1", "to": "folder"})
    (request,) = requests(house).all()
    assert request.items == 90_000
    assert len(requests(house).items(request.id)) == 90_000
