"""What the pages show and do, without a browser."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import threading
import time
from contextlib import ExitStack
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest
from PIL import Image

from photosync.domain.dating import Dated, Origin
from photosync.domain.media import Finding, SourceKind
from photosync.domain.states import State
from photosync.errors import RequestRefused, StorageFull
from photosync.files.samples import make_samples
from photosync.store.control import Problem
from photosync.store.dated import DatedRecords
from photosync.store.intake import Intake
from photosync.store.source_choices import SourceChoices
from photosync.web.asked import Asked, Nonsense, asked, folder_key, folder_of, place
from photosync.web.events import MOST_LISTENERS, MOST_WAITING, Events
from photosync.web.notes import safe_back
from photosync.web.words import day_words, headline, how_safe, lasts, restored, things, when
from tests.journeys.conftest import jpeg
from tests.web.conftest import House, house_in

if TYPE_CHECKING:
    from pathlib import Path


def state_of(house: House, number: int) -> State:
    return house.state.overview.item(number).state


# Looking


def test_the_gallery_goes_on_page_by_page_without_a_script(house: House) -> None:
    for number in range(65):
        (house.pictures / f"{number}.jpg").write_bytes(jpeg(number))
    house.look()
    first = house.page("/photos")
    assert len(re.findall('class="tile"', first)) == 60
    older = re.search(r'href="(/photos\?after=[^"]+)"', first)
    assert older is not None
    rest = house.page(older[1])
    assert len(re.findall('class="tile"', rest)) == 5
    seen = [re.findall(r'data-id="(\d+)"', one) for one in (first, rest)]
    assert len({*seen[0], *seen[1]}) == 65
    assert "Older photos" not in rest


def test_days_and_their_tiles_are_what_the_script_lays_out(house: House) -> None:
    for number in range(3):
        file = house.pictures / f"{number}.jpg"
        file.write_bytes(jpeg(number))
        os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))  # all of one day
        house.look()
    ((day, count),) = json.loads(house.ask("/photos/days").text)
    assert count == 3
    tiles = house.ask(f"/photos/tiles?of={day}&skip=0").text
    assert re.findall(r'data-id="(\d+)"', tiles) == ["3", "2", "1"]
    assert re.findall(r'data-id="(\d+)"', house.ask(f"/photos/tiles?of={day}&skip=2").text) == ["1"]
    assert house.ask("/photos/tiles?skip=0").status == 400


def test_filters_show_what_they_say(house: House) -> None:
    house.put("DCIM/a.jpg", jpeg(1))
    house.put("b.jpg", jpeg(2))
    folder = folder_key("DCIM")
    assert "a.jpg" in house.page(f"/photos?source=1&folder={folder}")
    assert "b.jpg" not in house.page(f"/photos?source=1&folder={folder}")
    assert "Nothing is like that" in house.page("/photos?state=done")
    assert "Nothing is like that" in house.page("/photos?type=video")
    assert "b.jpg" in house.page("/photos?state=waiting&type=photo&source=1&folder=.")


def test_a_day_is_shown_alone_and_folders_with_what_is_in_them(house: House) -> None:
    for number, at in ((1, 1_700_000_000), (2, 1_700_000_060), (3, 1_710_000_000)):
        (house.pictures / "DCIM").mkdir(exist_ok=True)
        file = house.pictures / f"DCIM/{number}.jpg"
        file.write_bytes(jpeg(number, 1000))
        os.utime(file, (at, at))
    house.look()
    day = time.strftime("%Y-%m-%d", time.localtime(1_700_000_000))
    page = house.page(f"/photos?day={day}")
    assert ("1.jpg" in page, "2.jpg" in page, "3.jpg" in page) == (True, True, False)
    folders = house.page("/folders")
    assert "3 photos and videos · 2.9 KiB" in folders
    assert len(re.findall(r'<img src="/thumbnails/\d', folders)) == 3


def test_what_was_put_aside_is_tried_at_once_by_a_click(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    later = house.state.now() + 5000
    house.state.database.run(
        "UPDATE media_items SET not_before = :later, attempts = 3", {"later": later}
    )
    assert "1 photo or video waits for another try" in house.page("/")
    told = json.loads(house.send("/actions/hurry").text)
    assert told["said"] == "1 photo or video is to be tried again."
    assert house.state.overview.item(number).not_before <= house.state.now()


def test_the_numbers_of_each_filter_follow_the_others(house: House, tmp_path: Path) -> None:
    for number in range(3):
        house.put(f"DCIM/{number}.jpg", jpeg(number))
    (film,) = make_samples(tmp_path / "films", 1, start=10)
    house.put("film.mp4", film.read_bytes())
    house.state.choices.skip([1], now=house.state.now())

    def counts(query: str) -> Any:
        return json.loads(house.ask(f"/photos/counts?{query}").text)

    told = counts("")
    assert (told["sought"], told["sources"]) == (4, {"": 4, "1": 4})
    assert told["types"] == {"": 4, "photo": 3, "video": 1}
    assert {name: items for name, items in told["states"].items() if items} == {
        "": 4,
        "waiting": 3,
        "skipped": 1,
    }
    told = counts("type=photo&state=waiting")
    assert (told["sought"], told["states"][""], told["types"][""]) == (2, 3, 3)
    told = counts(f"source=1&folder={folder_key('DCIM')}&state=skipped")
    assert (told["sought"], told["types"]["photo"], told["sources"]) == (1, 1, None)
    page = house.page("/photos?type=photo")
    assert ">videos (1)</option>" in page
    assert re.search(r'data-state="failed" hidden>', page)


def test_a_folder_that_is_too_large_has_no_numbers(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photosync.store import gallery

    monkeypatch.setattr(gallery, "MOST_COUNTED", 1)
    for number in range(3):
        house.put(f"{number}.jpg", jpeg(number))
    page = house.page("/photos?source=1&folder=.")
    assert '<span class="number"></span>' in page
    assert 'data-state="failed">' in page
    assert json.loads(house.ask("/photos/counts?source=1&folder=.").text)["states"] is None


def test_one_item_tells_everything_and_leads_to_its_neighbours(house: House) -> None:
    first, second = house.put("a.jpg", jpeg(1)), house.put("b.jpg", jpeg(2))
    text = house.page(f"/photos/{second}")
    assert "b.jpg" in text
    assert f'href="/photos/{first}"' in text
    assert 'rel="next"' in text
    assert 'rel="prev"' not in text
    assert house.ask("/photos/99", accept="text/html").status == 404


@pytest.mark.parametrize(
    ("origin", "whence"), [(Origin.NAME, "from its name"), (Origin.MTIME, "from its last change")]
)
def test_an_item_that_is_sent_with_a_date_says_which(
    house: House, origin: Origin, whence: str
) -> None:
    number = house.put("IMG-20200102-WA0001.jpg", jpeg(1))
    assert "Sent as of" not in house.page(f"/photos/{number}")
    hashes = {"sha256": 64 * "a", "id": number}
    house.state.database.run("UPDATE media_items SET sha256 = :sha256 WHERE id = :id", hashes)
    DatedRecords(house.state.database).note(
        64 * "a", Dated(1_577_966_400, 0, origin), copy_sha256=64 * "b", copy_bytes=9
    )
    page = house.page(f"/photos/{number}")
    told = re.search(
        r'Sent as of</dt><dd>2 Jan 2020, [0-9:]{5} <span class="hint">[(]([a-z ]+),', page
    )
    assert told is not None
    assert told[1] == whence


def test_an_item_in_the_library_has_a_link_to_it(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    with house.state.database.write() as connection:
        for state in ("mirrored", "uploaded", "done"):
            connection.execute(
                "UPDATE media_items SET state = ?, sha256 = ?, sha1 = ?, upload_token = 'secret-t',"
                " token_at = 1, google_id = 'G/id' WHERE id = 1",
                (state, "a" * 64, "b" * 40),
            )
    text = house.page(f"/photos/{number}")
    assert 'href="https://photos.google.com/lr/photo/G/id"' in text
    assert 'rel="noopener noreferrer"' in text
    assert "secret-t" not in text


def test_settings_are_shown_with_where_they_come_from(house: House) -> None:
    text = house.page("/settings")
    assert "google.daily_requests" in text
    assert 'data-origin="file"' in text
    assert 'data-origin="default"' in text
    row = text.partition("<code>select.include</code>")[2].partition("</tr>")[0]
    assert ">none</span>" in row
    assert "[]" not in row
    assert ">State</h2>" in text
    assert ">Google</h2>" in text


def test_a_page_that_is_not_there_says_so(house: House) -> None:
    assert house.ask("/nowhere", accept="text/html").status == 404
    assert house.ask("/nowhere").status == 404


def test_our_own_files_are_kept_for_as_long_as_they_are_the_same(house: House) -> None:
    found = re.findall(r'(/static/[^"]+)"', house.page("/photos"))
    assert len(found) >= 4
    for one in found:
        answer = house.ask(one)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        assert "immutable" not in house.ask(one.partition("?")[0]).headers["cache-control"]


def test_no_script_runs_twice(house: House) -> None:
    """It does, if it is loaded by two addresses: it would listen twice, and send forms twice."""
    for path in ("/", "/photos"):
        loaded = re.findall(r'<script type="module" src="([^"]+)"', house.page(path))
        imported = [
            one
            for address in loaded
            for one in re.findall(
                r'^import .* from "([^"]+)"', house.ask(address).text, re.MULTILINE
            )
        ]
        assert set(imported) <= set(loaded)
        assert bool(imported) == (path == "/photos")


# Pictures


def picture(width: int = 640, height: int = 480) -> bytes:
    out = BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def test_a_thumbnail_is_made_once_and_not_sent_twice(house: House) -> None:
    number = house.put("a.jpg", picture())
    answer = house.ask(f"/thumbnails/{number}")
    assert answer.headers["content-type"] == "image/jpeg"
    assert Image.open(BytesIO(answer.content)).size == (320, 240)
    (house.pictures / "a.jpg").unlink()
    assert house.ask(f"/thumbnails/{number}").content == answer.content
    tag = answer.headers["etag"]
    again = house.ask(f"/thumbnails/{number}", if_none_match=tag)
    assert (again.status, again.content) == (304, b"")
    assert (house.settings.state_dir / "thumbnails").stat().st_mode & 0o077 == 0


def test_what_has_no_picture_has_a_sign(house: House, tmp_path: Path) -> None:
    (film,) = make_samples(tmp_path / "films", 1, start=10)
    for name, content in (("film.mp4", film.read_bytes()), ("broken.jpg", jpeg(1))):
        answer = house.ask(f"/thumbnails/{house.put(name, content)}")
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert b"<script" not in answer.content


def test_a_file_that_is_gone_has_a_sign_that_is_not_kept(house: House) -> None:
    number = house.put("a.jpg", picture())
    (house.pictures / "a.jpg").unlink()
    answer = house.ask(f"/thumbnails/{number}")
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert house.ask(f"/originals/{number}").status == 404


def test_a_large_picture_is_for_what_browsers_cannot_show(house: House) -> None:
    out = BytesIO()
    Image.effect_noise((2400, 1800), 60).convert("RGB").save(out, "TIFF")
    answer = house.ask(f"/large/{house.put('a.tif', out.getvalue())}")
    assert Image.open(BytesIO(answer.content)).size == (1600, 1200)


@pytest.mark.parametrize(
    ("asked_for", "status", "span"),
    [
        (None, 200, (0, 1000)),
        ("bytes=0-99", 206, (0, 100)),
        ("bytes=990-", 206, (990, 1000)),
        ("bytes=-10", 206, (990, 1000)),
        ("bytes=-5000", 206, (0, 1000)),
        ("bytes=10-5000", 206, (10, 1000)),
        ("bytes=0-0,5-9", 200, (0, 1000)),
        ("items=0-5", 200, (0, 1000)),
        ("bytes=-", 200, (0, 1000)),
        ("bytes=1000-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=9-3", 416, None),
    ],
)
def test_parts_of_an_original_are_given(
    house: House, asked_for: str | None, status: int, span: tuple[int, int] | None
) -> None:
    content = jpeg(1, 1000)
    number = house.put("ä b.jpg", content)
    headers: dict[str, Any] = {} if asked_for is None else {"range": asked_for}
    answer = house.ask(f"/originals/{number}", **headers)
    assert answer.status == status
    if span is None:
        assert answer.headers["content-range"] == "bytes */1000"
        return
    assert answer.content == content[slice(*span)]
    assert answer.headers["content-type"] == "image/jpeg"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "%C3%A4%20b.jpg" in answer.headers["content-disposition"]
    assert house.ask(f"/originals/{number}?save=1").headers["content-disposition"].startswith("att")


def test_what_claims_to_be_a_page_is_no_page(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    for kind in ("text/html", "image/svg+xml", "application/xhtml+xml"):
        house.state.database.run("UPDATE media_items SET mime_type = :kind", {"kind": kind})
        answer = house.ask(f"/originals/{number}")
        assert answer.headers["content-type"] == "application/octet-stream"


def test_pictures_made_to_harm_have_a_sign_and_the_page_goes_on(house: House) -> None:
    huge = BytesIO()
    Image.new("1", (40_000, 40_000)).save(huge, "PNG")
    shown = house.put("fine.jpg", picture())
    for name, content in {
        "bomb.png": huge.getvalue(),
        "cut.jpg": picture()[:600],
        "lying.gif": b"GIF89a\xff\xff\xff\xff" + bytes(40),
        "circle.dng": b"II*\0\x08\0\0\0\x01\0\x4a\x01\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0",
    }.items():
        number = house.put(name, content)
        for size in ("thumbnails", "large"):
            answer = house.ask(f"/{size}/{number}")
            assert (answer.status, name in house.page("/photos")) == (200, True)
            assert answer.headers["content-type"].startswith("image/svg+xml"), name
    assert house.ask(f"/thumbnails/{shown}").headers["content-type"] == "image/jpeg"


# Changing


def test_items_are_left_out_and_backed_up_after_all(house: House) -> None:
    first, second = house.put("a.jpg", jpeg(1)), house.put("b.jpg", jpeg(2))
    told = json.loads(house.send("/actions/skip", {"item": f"{first},{second}"}).text)
    assert told["said"] == "2 photos and videos are left out."
    assert state_of(house, first) is state_of(house, second) is State.SKIPPED
    told = json.loads(house.send("/actions/choose", {"item": first}).text)
    assert told == {"said": "1 photo or video is to be backed up.", "changed": [first]}
    assert state_of(house, first) is State.FOUND
    told = json.loads(house.send("/actions/retry", {"item": second}).text)
    assert "it has not failed: it is skipped" in told["said"]
    assert json.loads(house.send("/actions/skip").text)["said"] == "Nothing is selected."
    assert house.send("/actions/skip", {"item": "99"}).status == 404
    assert house.send("/actions/burn", {"item": first}).status == 400


def test_all_that_a_filter_shows_is_asked_about_first(house: House) -> None:
    numbers = [house.put(f"in/{number}.jpg", jpeg(number)) for number in range(3)]
    other = house.put("out.jpg", jpeg(9))
    fields = {"all": "1", "source": "1", "folder": folder_key("in")}
    asked_first = json.loads(house.send("/actions/skip", fields).text)
    assert asked_first["question"].startswith("Leave 3 photos and videos out?")
    assert {state_of(house, one) for one in numbers} == {State.FOUND}
    json.loads(house.send("/actions/skip", fields | {"sure": "1"}).text)
    assert {state_of(house, one) for one in numbers} == {State.SKIPPED}
    assert state_of(house, other) is State.FOUND


def test_without_a_script_it_is_asked_on_a_page_of_its_own(house: House) -> None:
    house.put("a.jpg", jpeg(1))
    answer = house.send("/actions/skip", {"all": "1", "back": "/photos"}, accept="text/html")
    assert answer.status == 200
    assert "Leave 1 photo or video out?" in answer.text
    done = house.send(
        "/actions/skip", {"all": "1", "sure": "1", "back": "/photos"}, accept="text/html"
    )
    assert done.status == 303
    page = house.page(done.headers["location"])
    assert "1 photo or video is left out." in page
    assert "is left out." not in house.page(done.headers["location"])  # said once


def test_a_verb_over_a_filter_it_is_not_for_does_nothing(house: House) -> None:
    house.put("a.jpg", jpeg(1))
    told = json.loads(house.send("/actions/retry", {"all": "1", "state": "held"}).text)
    assert told["said"] == "There is nothing here to try again."
    told = json.loads(house.send("/actions/choose", {"all": "1", "sure": "1"}).text)
    assert told["changed"] == []
    house.send("/actions/skip", {"all": "1", "sure": "1"})
    told = json.loads(
        house.send("/actions/choose", {"all": "1", "sure": "1", "state": "skipped"}).text
    )
    assert told["changed"] == [1]


def test_what_failed_is_tried_again_by_one_button(house: House) -> None:
    number = house.put("empty.jpg", b"")
    assert state_of(house, number) is State.FAILED
    unreadable = "UPDATE media_items SET error_code = 'unreadable'"
    house.state.database.run(unreadable, {})
    page = house.page("/")
    assert "Try again" in page
    assert "1 photo or video failed: empty.jpg is empty." in page
    assert "all safe" not in page
    house.put("another.jpg", b"")
    house.state.database.run(unreadable, {})
    assert "2 photos and videos failed, for example: " in house.page("/")
    house.send("/actions/hurry")
    assert state_of(house, number) is State.FOUND


def test_what_is_left_out_since_it_failed_is_not_sent_by_that_button(house: House) -> None:
    number = house.put("private.jpg", jpeg(1))
    refused = (
        "UPDATE media_items SET state = 'failed', error_code = 'refused', sha1 = :a, sha256 = :b"
    )
    house.state.database.run(refused, {"a": 40 * "a", "b": 64 * "b"})
    house.send("/folders/take", {"source": house.source.id, "folder": ".", "take": "0"})
    told = json.loads(house.send("/actions/hurry").text)
    assert told["said"] == "0 photos and videos are to be tried again."
    assert state_of(house, number) is State.FAILED


def test_pause_and_going_on(house: House) -> None:
    before = house.state.control.rung()
    house.send("/control/pause")
    assert house.state.control.flag("paused") == ""
    assert "Go on" in house.page("/")
    house.send("/control/resume")
    assert house.state.control.flag("paused") is None
    assert house.state.control.rung() != before


# Sources


def test_a_folder_is_switched_off_and_on_again(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    house.send("/folders/take", {"source": 1, "folder": ".", "take": "0"})
    assert state_of(house, number) is State.SKIPPED
    assert 'aria-checked="false"' in house.page("/folders")
    (house.pictures / "b.jpg").write_bytes(jpeg(2))
    house.look()
    assert house.state.overview.counts().total() == 1
    house.send("/folders/take", {"source": 1, "folder": ".", "take": "1"})
    house.look()
    assert [item.state for item in house.state.overview.items()] == [State.FOUND, State.FOUND]


def test_a_source_waits_for_the_users_choice_whatever_the_settings_say(house: House) -> None:
    house.send("/folders/mode", {"source": 1, "mode": "manual"})
    assert state_of(house, house.put("a.jpg", jpeg(1))) is State.HELD
    assert "As the settings say" in house.page("/folders")
    house.send("/folders/mode", {"source": 1, "mode": "settings"})
    assert state_of(house, house.put("b.jpg", jpeg(2))) is State.FOUND
    assert house.send("/folders/mode", {"source": 1, "mode": "x"}).status == 400
    assert house.send("/folders/mode", {"source": 9, "mode": "auto"}).status == 404


def test_a_source_may_be_automatic_though_the_settings_hold(tmp_path: Path) -> None:
    toml = '[select]\nmode = "manual"\n'
    with house_in(tmp_path / "home", toml=toml, first=State.HELD) as house:
        assert state_of(house, house.put("a.jpg", jpeg(1))) is State.HELD
        house.send("/folders/mode", {"source": 1, "mode": "auto"})
        assert SourceChoices(house.state.database).of(1).mode == "auto"
        assert state_of(house, house.put("b.jpg", jpeg(2))) is State.FOUND
        assert state_of(house, 1) is State.HELD


# What happens while a page is open


def listens(answer: BinaryIO) -> tuple[int, bool]:
    """The status, and whether there is more to come than an answer of a known length."""
    status = int(answer.readline().split()[1])
    names = [line.lower().partition(b":")[0] for line in iter(answer.readline, b"\r\n")]
    return status, b"content-length" not in names


class Listener:
    """A page that is open."""

    def __init__(self, house: House, query: str = "", header: str = "") -> None:
        self.connection = socket.create_connection(("127.0.0.1", house.web.port), 60)
        asked = f"GET /events{query} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n"
        self.connection.sendall(asked.encode())
        self.read = self.connection.makefile("rb")
        self.status, self.listens = listens(self.read)

    def news(self) -> dict[str, object]:
        """The next that is told."""
        while True:
            line = self.read.readline()
            assert line, "it hung up"
            if line.startswith(b"id: "):
                self.last = int(line[4:])
            if line.startswith(b"data: "):
                told: dict[str, object] = json.loads(line[6:])
                return told

    def news_of(self, name: str) -> object:
        """The next that is told of that; a part of the page may be told anew before."""
        while name not in (told := self.news()):
            pass
        return told[name]

    def close(self) -> None:
        """The page is closed."""
        self.read.close()
        self.connection.close()


def test_a_page_that_is_open_hears_what_changes(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    listener = Listener(house)
    assert listener.status == 200
    first = listener.news()
    assert {"now", "problems", "work", "sources", "state", "control"} <= set(first["parts"])  # type: ignore[call-overload]
    house.state.choices.skip([number], now=house.state.now())
    assert listener.news_of("changed") == {str(number): "skipped"}
    house.put("b.jpg", jpeg(2))
    assert listener.news_of("new") == 1
    listener.close()


def test_a_page_hears_what_happened_while_it_was_on_its_way(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    made = re.search(r'data-since="([0-9]+)"', house.page("/photos"))
    assert made is not None
    query = f"?since={made[1]}"
    house.state.choices.skip([number], now=house.state.now())
    first = Listener(house, query)
    assert first.news_of("changed") == {str(number): "skipped"}
    later = Listener(house, query)
    assert later.news()["changed"] == {str(number): "skipped"}
    knows = Listener(house, query, f"Last-Event-ID: {later.last}\r\n")
    assert "changed" not in knows.news()
    for nonsense in ("?since=-1", "?since=x", "?since=" + "9" * 18, "?since=" + "9" * 5000, ""):
        odd = Listener(house, nonsense)
        assert "changed" not in odd.news()
        odd.close()
    for one in (first, later, knows):
        one.close()


def test_what_happened_to_many_is_told_at_once(house: House) -> None:
    """A page has no other way to hear of it."""
    for number in range(3):
        (house.pictures / f"{number}.jpg").write_bytes(jpeg(number))
    house.look()
    made = re.search(r'data-since="([0-9]+)"', house.page("/photos"))
    assert made is not None
    for number in range(600):
        item = number % 3 + 1
        told = house.state.choices.skip if number % 6 < 3 else house.state.choices.choose
        told([item], now=house.state.now())
    listener = Listener(house, f"?since={made[1]}")
    assert listener.news_of("changed") == {"1": "found", "2": "found", "3": "found"}
    listener.close()


def test_who_comes_later_hears_how_it_is_now_not_how_it_was_told(house: House) -> None:
    """That there is a token is written in no database."""
    first = Listener(house)
    assert "not signed in" in json.dumps(first.news())
    house.settings.google.token_file.write_text("{}")
    second = Listener(house)
    assert "not signed in" not in json.dumps(second.news())
    first.close()
    second.close()


def test_no_more_than_a_few_may_listen(house: House) -> None:
    listeners = [Listener(house) for _ in range(MOST_LISTENERS)]
    last = Listener(house)
    assert (last.status, last.listens) == (200, False)  # a browser gives up after an error
    assert last.read.readline() == b": too many pages are open\n"
    assert last.read.readline() == b"retry: 30000\n"
    listeners.append(last)
    assert house.ask("/metrics").status == 200
    for one in listeners:
        one.close()


def test_no_more_may_listen_though_all_of_them_come_at_once(house: House) -> None:
    house.page("/")
    asked = b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        address = ("127.0.0.1", house.web.port)
        opened = [
            stack.enter_context(socket.create_connection(address, 60))
            for _ in range(MOST_LISTENERS + 20)
        ]
        for one in opened:
            one.sendall(asked)
        told = [listens(stack.enter_context(one.makefile("rb"))) for one in opened]
        assert sorted(told) == [(200, False)] * 20 + [(200, True)] * MOST_LISTENERS
        assert house.ask("/").status == 200
    ends = time.monotonic() + 60
    while not (last := Listener(house)).listens:  # each that is closed makes room
        last.close()
        assert time.monotonic() < ends
    last.close()


def test_who_reads_too_slowly_comes_again_and_hears_how_everything_is() -> None:
    """What it missed may be the last that changes for hours."""

    async def read(_: object) -> str:
        return "how everything is"

    async def slow() -> tuple[list[str], list[str]]:
        nothing: Any = None
        threads: Any = SimpleNamespace(read=read)
        events = Events(nothing, threads, nothing, nothing)
        events._looking = asyncio.create_task(asyncio.sleep(3600))
        request: Any = SimpleNamespace(headers={}, query_params={})
        response: Any = await events.stream(request)
        told = response.body_iterator
        begin = [await anext(told), await anext(told)]
        for number in range(MOST_WAITING + 2):
            events._tell({"new": number})
        return begin, [one async for one in told]

    begin, more = asyncio.run(asyncio.wait_for(slow(), 60))
    assert begin == ["how everything is", "retry: 3000\n\n"]
    assert more == []


def test_nobody_looks_while_nobody_listens(house: House) -> None:
    house.page("/")
    names = [thread.name for thread in threading.enumerate()]
    assert not any(name.startswith("web-draw") for name in names)


# Words


def test_addresses_are_read_as_they_are_written() -> None:
    one = asked({"state": "held", "source": "3", "folder": folder_key("a/b\udcff"), "x": "y"})
    assert one.query() == f"state=held&source=3&folder={folder_key('a/b' + chr(0xDCFF))}"
    assert folder_of(folder_key("")) == ""
    assert one.sought().folder == "a/b\udcff"
    assert place("-5.3") == (-5, 3)
    assert not Asked()
    with pytest.raises(Nonsense):
        place("5")


def test_only_our_own_pages_are_gone_back_to() -> None:
    assert safe_back("/photos?state=held&after=5.1") == "/photos?state=held&after=5.1"
    for one in ("//x", "/\\x", "x", "http:/x", "/\n", "/é", ""):
        assert safe_back(one) == "/"


def test_times_and_numbers_are_those_of_people() -> None:
    assert things(1) == "1 photo or video"
    assert things(12_345) == "12,345 photos and videos"
    assert [lasts(one) for one in (None, 5, 90, 5400, 200_000)] == [
        "",
        "less than a minute",
        "about 2 minutes",
        "about 2 hours",
        "about 2 days",
    ]
    assert when(None) == ""
    assert when(10**15) == ""
    assert when("2001-02-03T12:00:00Z").startswith("3 Feb 2001")
    assert day_words("2026-11-30") == "Monday, 30 November 2026"


def test_what_was_put_back_is_said_and_nothing_of_what_still_waits_for_a_place() -> None:
    assert restored({}) == ""
    assert restored({"there": 0, "not_there": 0}) == "There was nothing to put there."
    away = {"message": "The disk is away.", "hint": ""}
    assert restored({"there": 0, "not_there": 0, "error": away}) == ""
    told = restored({"there": 2, "not_there": 1, "error": away})
    assert told == "2 photos and videos are there now. 1 photo or video could not be put there."


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ({}, "all safe"),
        ({"waiting": 1200, "failed": 1}, "1,200 to go"),
        ({"failed": 2, "held": 1}, "2 failed"),
        ({"held": 3, "skipped": 1}, "3 for you to choose"),
        ({"skipped": 4}, "4 left out"),
        ({"items": 0}, "nothing yet"),
    ],
)
def test_a_source_is_all_safe_only_if_nothing_of_it_is_not(
    numbers: dict[str, int], words: str
) -> None:
    nothing = {"items": 9, "waiting": 0, "failed": 0, "held": 0, "skipped": 0}
    assert how_safe(nothing | numbers) == words


ITEMS = {**{str(one): 0 for one in State}, "total": 0}


@pytest.mark.parametrize(
    ("status", "tone", "title"),
    [
        ({}, "good", "Nothing found yet"),
        ({"items": {"done": 5, "total": 5}}, "good", "Everything is in the library"),
        ({"items": {"held": 1, "total": 5}}, "rest", "1 photo or video waits for your choice"),
        ({"items": {"failed": 2}}, "alarm", "2 photos and videos failed"),
        ({"items": {"found": 2, "total": 2}}, "rest", "2 photos and videos to go"),
        ({"daemon": {"state": "paused"}, "paused": ""}, "rest", "Paused"),
        ({"daemon": {"state": "working"}, "uploads": [1]}, "busy", "Uploading"),
        ({"daemon": {"state": "working"}, "copies": [1]}, "busy", "Copying from your phone"),
        ({"daemon": {"state": "working"}}, "busy", "Working"),
        ({"daemon": {"state": "waiting"}}, "rest", "Waiting"),
        (
            {"problems": [{"needs_user": True, "message": "Sign in."}]},
            "alarm",
            "photosync needs you",
        ),
    ],
)
def test_what_happens_is_said_in_one_line(
    status: dict[str, dict[str, int]], tone: str, title: str
) -> None:
    whole: dict[str, Any] = {
        "daemon": {"state": "idle"},
        "problems": [],
        "uploads": [],
        "copies": [],
        "failed": [],
        "bytes": {"waiting": 0},
        "paused": None,
        **status,
        "items": ITEMS | status.get("items", {}),
    }
    told = headline(whole)
    assert (told.tone, told.title) == (tone, title)


@pytest.mark.parametrize(
    ("waiting", "detail"),
    [(0, "2 photos and videos to go"), (2048, "2 photos and videos to go, 2.0 KiB")],
)
def test_how_much_is_to_go(waiting: int, detail: str) -> None:
    status = {
        "daemon": {"state": "working"},
        "problems": [],
        "uploads": [],
        "copies": [],
        "bytes": {"waiting": waiting},
        "items": ITEMS | {"uploaded": 2, "total": 2},
    }
    assert headline(status).detail == detail


@pytest.mark.parametrize(
    ("codes", "detail"),
    [
        (["empty"], "See why."),
        (["empty", "not_media"], "See why."),
        (["empty", "refused"], "See why, and try again."),
    ],
)
def test_another_try_is_spoken_of_only_where_it_may_help(codes: list[str], detail: str) -> None:
    status = {
        "daemon": {"state": "idle"},
        "problems": [],
        "items": ITEMS | {"failed": len(codes), "total": len(codes)},
        "failed": [{"code": one, "items": 1, "example": ""} for one in codes],
    }
    assert headline(status).detail == detail


def test_what_has_the_bytes_of_one_that_waits_is_not_called_finished(house: House) -> None:
    first, second = house.put("a.jpg", jpeg(1)), house.put("b.jpg", jpeg(1))
    house.state.database.run(
        "UPDATE media_items SET state = 'duplicate', duplicate_of = :first WHERE id = :second",
        {"first": first, "second": second},
    )
    page = house.page("/")
    assert '<progress max="1" value="0" aria-label="In the library">' in page
    assert "<span>0 of 1</span>" in page


def test_a_folder_that_was_misspelt_once_is_shown_no_more(house: House) -> None:
    for label in ("Pictuers", "Left"):
        gone = house.sources.register(SourceKind.FOLDER, f"/srv/{label}", label=label, album="")
    finding = Finding("a.jpg", 9, 1, "image/jpeg")
    Intake(house.state.database).add(gone.id, [finding], first=State.FOUND, now=1)
    told = house.status()["sources"]
    assert [(one["label"], one["items"]) for one in told] == [("Pictures", 0), ("Left", 1)]
    assert "Pictuers" not in house.page("/")


def test_a_history_gives_its_reasons_in_words(house: House) -> None:
    number = house.put("a.jpg", b"no photo")
    house.state.choices.skip([number], now=1)
    page = house.page(f"/photos/{number}")
    assert "(no photo or video)" in page
    assert "(by you)" in page


def test_what_needs_you_says_when_it_is_tried_again(house: House) -> None:
    problem = Problem(
        "storage_full", "", "No room.", StorageFull.default_hint, "library", True, 5, 4_000_000_000
    )
    house.state.control.raise_problem(problem)
    page = house.page("/")
    assert re.search(r"The next try: [^<]*2096", page) is not None
    assert "photosync resume" not in page, "there is a button"
    assert "Try now" in page
    house.send("/actions/hurry")
    assert (house.state.control.problems()[0].until or 0) < 4_000_000_000


def test_no_try_is_offered_for_what_is_no_photo(house: House) -> None:
    house.put("a.jpg", b"no photo")
    house.put("b.jpg", b"")
    page = house.page("/")
    assert "a.jpg is neither a photo nor a video by its content." in page
    assert "b.jpg is empty." in page
    assert page.count('href="/photos?state=failed">Look</a>') == 1
    assert "Try again" not in page


def test_what_failed_says_what_its_buttons_do(house: House) -> None:
    number = house.put("a.jpg", jpeg(1))
    trouble = str(RequestRefused("Google did not like it."))
    assert "photosync retry" in trouble
    house.state.database.run(
        "UPDATE media_items SET state = 'failed', error_code = :code, error_message = :message",
        {"code": RequestRefused.code, "message": trouble},
    )

    for address in ("/", f"/photos/{number}"):
        page = house.page(address)
        assert "Google did not like it. Once it is mended, try again." in page
        assert "photosync retry" not in page
