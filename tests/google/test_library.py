"""Media items and albums: one write at a time, each line judged by itself, nothing tried twice."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.errors import (
    AlbumGone,
    BlockedError,
    ConnectionLost,
    DailyQuotaSpent,
    FileRefused,
    ItemTrouble,
    PhotosyncError,
    RateLimited,
    ServerTrouble,
    Stopping,
    StorageFull,
    TokenLost,
    WriteCollision,
)
from photosync.google.faults import Answer
from photosync.google.library import MOST_PAGES, _results
from photosync.google.ports import Created, NewItem
from tests.google.conftest import MIDNIGHT, QUARTER, content_of, http, nothing, stranger

if TYPE_CHECKING:
    from collections.abc import Callable

    from photosync.domain.uploads import UploadSession
    from photosync.google.ports import UploadFile
    from tests.google.conftest import Google

    MakeFile = Callable[..., UploadFile]


def tokens(google: Google, make_file: MakeFile, count: int) -> list[NewItem]:
    """Lines for so many different photos."""
    library = google.connect().library
    return [
        NewItem(
            library.upload(make_file(content_of(500, seed=number), key=number), nothing),
            f"{number}.jpg",
        )
        for number in range(count)
    ]


def create(google: Google, items: list[NewItem], album_id: str | None = None) -> list[Created]:
    return google.connect().library.create(items, album_id=album_id)


def names(google: Google) -> dict[str, str]:
    """Google's id of each photo by its name."""
    return {item.file_name: item.id for item in google.emulator.library.items()}


@pytest.mark.parametrize("count", [1, 2, 50])
def test_photos_are_made_in_one_request(google: Google, make_file: MakeFile, count: int) -> None:
    items = tokens(google, make_file, count)
    created = create(google, items)
    held = names(google)
    assert [one.google_id for one in created] == [held[item.file_name] for item in items]
    assert all(one.error is None for one in created)
    assert google.emulator.requests.count("batchCreate") == 1


@pytest.mark.parametrize("count", [0, 51])
def test_no_more_than_google_takes(google: Google, count: int) -> None:
    with pytest.raises(AssertionError):
        create(google, [NewItem("token", "x.jpg")] * count)
    assert google.emulator.requests.count("batchCreate") == 0


@pytest.mark.parametrize("partial_status", [200, 207])
def test_each_line_is_judged_by_itself(
    google: Google, make_file: MakeFile, partial_status: int
) -> None:
    google.emulator.options.partial_status = partial_status
    items = tokens(google, make_file, 3)
    text = google.connect().library.upload(make_file(b"no picture at all", key=9), nothing)
    items[1] = NewItem(text, "text.jpg")
    items.append(NewItem("unknown-token", "lost.jpg"))
    created = create(google, items)
    assert [type(one.error) for one in created] == [
        type(None),
        FileRefused,
        type(None),
        FileRefused,
    ]
    assert set(names(google)) == {"0.jpg", "2.jpg"}
    assert [one.google_id is None for one in created] == [False, True, False, True]


def test_a_token_is_beyond_doubt_once_and_for_who_got_it(
    google: Google, make_file: MakeFile
) -> None:
    library = google.connect().library

    def upload(key: int, content: bytes = b"") -> NewItem:
        file = make_file(content or content_of(500, seed=key), key=key)
        return NewItem(library.upload(file, nothing), f"{key}.jpg")

    def beyond_doubt(*items: NewItem) -> list[bool]:
        return [one.token_is_good for one in library.create(items, album_id=None)]

    fresh, bad = upload(1), upload(2, b"no picture at all")
    assert beyond_doubt(fresh, bad, NewItem("of an earlier run", "3.jpg")) == [True, True, False]
    assert beyond_doubt(fresh, bad) == [False, False]
    others = upload(4)
    google.sign_in()
    assert beyond_doubt(others, upload(5)) == [False, True]


def test_a_token_whose_create_got_no_answer_is_in_doubt(
    google: Google, make_file: MakeFile
) -> None:
    library = google.connect().library
    item = NewItem(library.upload(make_file(content_of(500)), nothing), "a.jpg")
    google.emulator.faults.add({"fault": "lost-answer", "on": "batchCreate"})
    with pytest.raises(ConnectionLost):
        library.create([item], album_id=None)
    (created,) = library.create([item], album_id=None)
    assert not created.token_is_good


def test_a_token_of_an_upload_that_was_begun_before_is_in_doubt(
    google: Google, make_file: MakeFile
) -> None:
    """A power cut, or an older database put back, took the record of its end and its create."""
    google.emulator.options.final_query_token = True
    google.emulator.options.reused_token = "code-3"
    large, library = make_file(content_of(3 * QUARTER)), google.connect().library
    kept: list[UploadSession] = []
    token = library.upload(large, lambda key, _sent: kept.append(google.shelf.held[key]))
    (created,) = library.create([NewItem(token, "a.mp4")], album_id=None)
    assert created.token_is_good
    google.shelf.held[large.key] = kept[0]
    library = google.connect().library
    assert library.upload(large, nothing) == token
    (created,) = library.create([NewItem(token, "a.mp4")], album_id=None)
    assert isinstance(created.error, FileRefused), "it was used"
    assert not created.token_is_good


@pytest.mark.parametrize(
    ("code", "error"), [(13, ItemTrouble), (14, ItemTrouble), (3, FileRefused), (6, ItemTrouble)]
)
def test_the_code_of_a_line_decides(
    google: Google, make_file: MakeFile, code: int, error: type[PhotosyncError]
) -> None:
    items = tokens(google, make_file, 3)
    google.emulator.faults.add({"fault": "item-code", "code": code, "item": 1})
    created = create(google, items)
    assert [type(one.error) for one in created] == [type(None), error, type(None)]
    assert created[2].google_id == names(google)["2.jpg"]


def test_results_in_another_order_find_their_lines(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 5)
    google.emulator.faults.add({"fault": "reordered-results"})
    created = create(google, items)
    held = names(google)
    assert [one.google_id for one in created] == [held[item.file_name] for item in items]


def test_a_missing_result_is_asked_for_again(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 3)
    google.emulator.faults.add({"fault": "missing-result", "item": 1})
    created = create(google, items)
    assert [type(one.error) for one in created] == [type(None), ItemTrouble, type(None)]
    again = create(google, [items[1]])
    assert again[0].google_id == names(google)["1.jpg"]
    assert len(google.emulator.library.items()) == 3


def test_equal_photos_in_one_batch(google: Google, make_file: MakeFile) -> None:
    library = google.connect().library
    both = [library.upload(make_file(content_of(500), key=key), nothing) for key in (1, 2)]
    items = [NewItem(token, "same.jpg") for token in both]
    created = create(google, items)
    assert [type(one.error) for one in created] == [type(None), ItemTrouble]
    assert create(google, [items[1]])[0].google_id == created[0].google_id
    assert len(google.emulator.library.items()) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("500", ServerTrouble),
        ("502", ServerTrouble),
        ("503-with-retry-after", ServerTrouble),
        ("concurrent", RateLimited),
        ("quota-minute", RateLimited),
        ("reset-before", ConnectionLost),
        ("reset-after", ConnectionLost),
        ("lost-answer", ConnectionLost),
        ("html", ServerTrouble),
        ("truncated-json", ServerTrouble),
        ("storage-full", StorageFull),
        ("api-not-enabled", BlockedError),
        ("scope-missing", BlockedError),
    ],
)
def test_a_write_is_never_tried_twice(
    google: Google, make_file: MakeFile, fault: str, error: type[PhotosyncError]
) -> None:
    items = tokens(google, make_file, 2)
    google.emulator.faults.add({"fault": fault, "on": "batchCreate"})
    with pytest.raises(error):
        create(google, items)
    assert google.emulator.requests.count("batchCreate") == 1
    assert google.halt.waits == []
    again = create(google, items)  # asked for again by the stage, nothing is doubled
    assert all(one.error is None for one in again)
    assert len(google.emulator.library.items()) == 2


def test_a_collision_is_told_apart(google: Google, make_file: MakeFile) -> None:
    google.emulator.options.concurrent_status = 409
    items = tokens(google, make_file, 1)
    google.emulator.faults.add({"fault": "concurrent", "on": "batchCreate"})
    with pytest.raises(WriteCollision):
        create(google, items)


def test_writes_never_overlap(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 8)
    google.emulator.options.latency_seconds = 0.01
    connection = google.connect()

    def write(number: int) -> object:
        if number % 2:
            return connection.library.create_album(f"Album {number}")
        return connection.library.create([items[number]], album_id=None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert google.emulator.requests.overlapping_writes() == 0
    assert len(google.emulator.library.items()) == 4
    assert len(google.emulator.library.albums()) == 4


def test_a_write_waits_for_its_place(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 1)
    google.ledger.waits = [12.5, 3.0, 0.0]
    assert create(google, items)[0].error is None
    assert google.halt.waits == [12.5, 3.0]


def test_a_stop_while_waiting_for_a_place(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 1)
    google.ledger.waits = [12.5, 0.0]
    google.halt.stop_in_wait = True
    with pytest.raises(Stopping):
        create(google, items)
    assert google.emulator.requests.count("batchCreate") == 0


def test_a_spent_day_says_until_when(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 1)
    library = google.connect().library
    asked: dict[str, Callable[[], object]] = {
        "batchCreate": lambda: library.create(items, album_id=None),
        "*lbum*": lambda: library.find_album("Holiday"),
    }
    for on, ask in asked.items():
        google.emulator.faults.add({"fault": "quota-day", "on": on})
        with pytest.raises(DailyQuotaSpent) as raised:
            ask()
        assert raised.value.until == MIDNIGHT
    assert google.ledger.noted == 2


def test_our_own_word_on_the_day_stands(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 1)
    google.ledger.budget = 1
    with pytest.raises(DailyQuotaSpent) as raised:
        create(google, items)
    assert raised.value.until == MIDNIGHT - 1
    assert google.ledger.noted == 0


def test_odd_file_names_arrive(google: Google, make_file: MakeFile) -> None:
    items = [
        NewItem(one.token, name)
        for one, name in zip(
            tokens(google, make_file, 3), ['"quote\\".jpg', "😀ü.jpg", "new\nline.jpg"], strict=True
        )
    ]
    create(google, items)
    assert set(names(google)) == {item.file_name for item in items}


# Albums


def test_an_album_is_made_found_and_filled(google: Google, make_file: MakeFile) -> None:
    library = google.connect().library
    assert library.find_album("Holiday") is None
    album_id = library.create_album("Holiday")
    assert library.find_album("Holiday") == album_id
    items = tokens(google, make_file, 2)
    assert all(one.error is None for one in create(google, items, album_id))
    assert [album.title for album in google.emulator.library.albums()] == ["Holiday"]


def test_an_album_on_a_later_page_is_found(google: Google) -> None:
    google.emulator.options.writes_per_minute = 1000
    library = google.connect().library
    made = {f"Album {number}": library.create_album(f"Album {number}") for number in range(60)}
    for title in ("Album 0", "Album 59", "Album 30"):
        assert library.find_album(title) == made[title]
    assert library.find_album("Album 60") is None
    assert library.albums() == {title: (one, 0) for title, one in made.items()}
    assert library.album_size(made["Album 7"]) == 0
    assert library.album_size("of/another?kind=x") is None
    assert google.emulator.requests.overlapping_writes() == 0


def test_an_album_that_google_does_not_know(google: Google, make_file: MakeFile) -> None:
    with pytest.raises(AlbumGone):
        create(google, tokens(google, make_file, 1), "no-such-album")
    assert google.emulator.library.items() == []


def test_an_album_that_the_user_deleted(google: Google, make_file: MakeFile) -> None:
    album_id = google.connect().library.create_album("Holiday")
    google.emulator.library.delete_album_by_hand(album_id)
    with pytest.raises(AlbumGone):
        create(google, tokens(google, make_file, 1), album_id)
    assert google.emulator.library.items() == []


def test_an_album_that_the_user_made_by_hand(google: Google, make_file: MakeFile) -> None:
    album = google.emulator.library.make_album_by_hand("Holiday")
    assert google.connect().library.find_album("Holiday") is None
    with pytest.raises(AlbumGone):
        create(google, tokens(google, make_file, 1), album.id)


def test_finding_is_tried_again(google: Google) -> None:
    google.emulator.faults.add({"fault": "503", "on": "*lbum*", "times": 2})
    assert google.connect().library.find_album("Holiday") is None
    assert google.halt.waits == [1.0, 2.0]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":""}', b'{"id":7}', b"<html>"])
def test_an_album_without_an_id_is_trouble(google: Google, body: bytes) -> None:
    with stranger(http("200 OK", body)) as one, pytest.raises(ServerTrouble):
        google.connect(url=one.url).library.create_album("Holiday")
    assert len(one.heard) == 1


@pytest.mark.parametrize(
    ("body", "requests"),
    [
        (b"{}", 1),
        (b'{"albums":7,"nextPageToken":7}', 1),
        (b'{"albums":[7,{},{"title":"Holiday"},{"title":"Holiday","id":7}]}', 1),
    ],
)
def test_an_odd_list_of_albums_holds_none(google: Google, body: bytes, requests: int) -> None:
    with stranger(http("200 OK", body)) as one:
        assert google.connect(url=one.url).library.find_album("Holiday") is None
    assert len(one.heard) == requests


def test_a_list_of_albums_that_is_none_is_trouble(google: Google) -> None:
    with stranger(http("200 OK", b"[]")) as one, pytest.raises(ServerTrouble):
        google.connect(url=one.url).library.find_album("Holiday")


def test_a_list_of_albums_in_a_circle_ends(google: Google) -> None:
    page = http("200 OK", b'{"nextPageToken":"again"}')
    with stranger(page) as one, pytest.raises(ServerTrouble, match="circle"):
        google.connect(url=one.url).library.find_album("Holiday")
    assert len(one.heard) == 2
    assert b"pageToken=again" in one.heard[1]


def test_a_list_of_albums_without_an_end_ends(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photosync.google.library.MOST_PAGES", 5)
    pages = [http("200 OK", json.dumps({"nextPageToken": str(n)}).encode()) for n in range(9)]
    with stranger(*pages) as one:
        assert google.connect(url=one.url).library.find_album("Holiday") is None
    assert len(one.heard) == 5
    assert MOST_PAGES >= 200  # 10,000 albums


# Any answer


def judged(items: list[NewItem], answer: object) -> list[Created]:
    return list(_results(items, Answer(200, {}, json.dumps(answer).encode())))


PAIR = [NewItem("a", "a.jpg"), NewItem("b", "b.jpg")]
GOOD = {"mediaItem": {"id": "1"}, "status": {"message": "Success"}}


def test_results_without_tokens_are_taken_by_their_place() -> None:
    other = {"mediaItem": {"id": "2"}}
    assert judged(PAIR, {"newMediaItemResults": [GOOD, other]}) == [
        Created("1", None),
        Created("2", None),
    ]


def test_a_result_for_another_token_is_not_taken_by_its_place() -> None:
    foreign = {**GOOD, "uploadToken": "x"}
    found = judged(PAIR, {"newMediaItemResults": [foreign, {**GOOD, "uploadToken": "b"}]})
    assert found[0].google_id is None
    assert isinstance(found[0].error, ItemTrouble)
    assert found[1] == Created("1", None)


def test_a_shorter_list_is_not_taken_by_places() -> None:
    assert [one.google_id for one in judged(PAIR, {"newMediaItemResults": [GOOD]})] == [None, None]


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"status": {"code": 0}, "mediaItem": {}}, ItemTrouble),
        ({"status": {"code": 3}, "mediaItem": {"id": "1"}}, FileRefused),
        ({"status": {"code": "3"}, "mediaItem": {"id": "1"}}, ItemTrouble),
        ({"status": {"code": 5, "message": "x"}}, TokenLost),
        ({"status": 7}, ItemTrouble),
        ({}, ItemTrouble),
    ],
)
def test_an_odd_line(result: dict[str, Any], error: type[PhotosyncError]) -> None:
    found = judged(PAIR[:1], {"newMediaItemResults": [{**result, "uploadToken": "a"}]})
    assert found[0].google_id is None
    assert type(found[0].error) is error


RESULTS = ("newMediaItemResults", "uploadToken", "status", "code")
KEYS = (*RESULTS, "message", "mediaItem", "id")


def test_a_photo_that_exists_already_and_is_named_is_done() -> None:
    line = {"status": {"code": 6}, "mediaItem": {"id": "1"}, "uploadToken": "a"}
    assert judged(PAIR[:1], {"newMediaItemResults": [line]}) == [Created("1", None)]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(("a", "b", "", "3")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)
LINES = st.fixed_dictionaries(
    {},
    optional={
        "uploadToken": st.sampled_from(("a", "b", "c")) | JSON,
        "status": st.fixed_dictionaries({}, optional={"code": JSON, "message": JSON}) | JSON,
        "mediaItem": st.fixed_dictionaries({}, optional={"id": JSON}) | JSON,
    },
)


@given(JSON | st.fixed_dictionaries({"newMediaItemResults": st.lists(LINES | JSON, max_size=4)}))
def test_any_answer_tells_something_of_every_line(answer: object) -> None:
    try:
        found = judged(PAIR, answer)
    except ServerTrouble:
        return
    assert len(found) == 2
    for one in found:
        assert (one.google_id is None) != (one.error is None)
        assert one.google_id is None or (isinstance(one.google_id, str) and one.google_id)
        assert one.error is None or isinstance(one.error, PhotosyncError)


def test_the_library_says_what_it_holds(google: Google, make_file: MakeFile) -> None:
    items = tokens(google, make_file, 50)
    ids = [one.google_id for one in create(google, items) if one.google_id is not None]
    google.emulator.library.delete_item_by_hand(ids[7])

    held = google.connect().library.holds([*ids[:49], "of another account"])

    assert held == [place not in (7, 49) for place in range(50)]
    assert google.emulator.requests.count("mediaItems.batchGet") == 1
    assert google.ledger.spent[-1] == "items"


@pytest.mark.parametrize(
    "line",
    [
        {},
        7,
        {"mediaItem": {"id": "another"}},
        {"mediaItem": 7, "status": 5},
        {"status": {"code": 13}},
        {"status": {"code": "5"}},
    ],
)
def test_a_line_that_says_nothing_says_nothing(google: Google, line: object) -> None:
    body = json.dumps({"mediaItemResults": [line]}).encode()
    with stranger(http("200 OK", body)) as one:
        assert google.connect(url=one.url).library.holds(["a&b=c"]) == [None]
    assert b"?mediaItemIds=a%26b%3Dc " in one.heard[0]


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"mediaItemResults":[]}', b"<html>"])
def test_an_answer_about_items_that_is_none_is_trouble(google: Google, body: bytes) -> None:
    with stranger(http("200 OK", body)) as one, pytest.raises(ServerTrouble):
        google.connect(url=one.url).library.holds(["a"])
    assert len(one.heard) >= 1
