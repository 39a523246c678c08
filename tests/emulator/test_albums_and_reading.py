from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.emulator.conftest import picture

if TYPE_CHECKING:
    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client, Clock

VIDEO = b"\0\0\0\x18ftypmp42" + b"\0" * 100
INVALID = "Request contains an invalid argument."
BAD_ITEM = "Request contains an invalid media item id."


@pytest.fixture(autouse=True)
def patience(emulator: Emulator) -> None:
    emulator.options.writes_per_minute = 1000


def message(answer: requests.Response, status: int = 400) -> str:
    assert answer.status_code == status, answer.text
    return str(answer.json()["error"]["message"])


def test_a_fresh_album_omits_its_defaults(client: Client) -> None:
    album = client.post("/v1/albums", {"album": {"title": "Holiday"}}).json()
    assert album == {
        "id": album["id"],
        "title": "Holiday",
        "productUrl": f"https://photos.google.com/lr/album/{album['id']}",
        "isWriteable": True,
    }
    assert 60 <= len(album["id"]) <= 100


def test_counts_are_strings(client: Client) -> None:
    album = client.make_album()
    item = client.make_item(picture(), albumId=album)
    shown = client.get(f"/v1/albums/{album}").json()
    assert (shown["mediaItemsCount"], shown["coverPhotoMediaItemId"]) == ("1", item["id"])
    cover = requests.get(shown["coverPhotoBaseUrl"] + "=w100-h100-c", timeout=60)
    assert cover.content == picture()


@pytest.mark.parametrize("album", [{}, {"title": ""}, {"title": "x" * 501}])
def test_titles(client: Client, album: dict[str, str]) -> None:
    assert message(client.post("/v1/albums", {"album": album})) == INVALID


def test_titles_are_not_unique(client: Client) -> None:
    assert client.make_album("x") != client.make_album("x")


def test_listing_albums(emulator: Emulator, client: Client) -> None:
    assert client.get("/v1/albums").json() == {}
    emulator.library.make_album_by_hand("by hand")
    made = [client.make_album(str(number)) for number in range(21)]
    first = client.get("/v1/albums", params={"excludeNonAppCreatedData": "true"}).json()
    assert [album["id"] for album in first["albums"]] == made[:20]
    token = first["nextPageToken"]
    second = client.get("/v1/albums", params={"pageToken": token}).json()
    assert [album["id"] for album in second["albums"]] == made[20:]
    assert "nextPageToken" not in second
    assert len(client.get("/v1/albums?pageSize=1000").json()["albums"]) == 21


@pytest.mark.parametrize("query", ["pageToken=x", "pageToken=W10=", "pageSize=-1", "pageSize=x"])
def test_bad_pages(client: Client, query: str) -> None:
    message(client.get("/v1/albums?" + query))
    message(client.get("/v1/mediaItems?" + query))


def test_a_page_token_belongs_to_its_question(client: Client) -> None:
    for number in range(2):
        client.make_item(picture(number))
        client.make_album()
    token = client.get("/v1/albums?pageSize=1").json()["nextPageToken"]
    message(client.get("/v1/mediaItems", params={"pageToken": token}))


def test_unknown_albums(emulator: Emulator, client: Client) -> None:
    by_hand = emulator.library.make_album_by_hand("x").id
    for album in ("nope", by_hand):
        answer = client.get(f"/v1/albums/{album}")
        assert message(answer, 404) == "Requested entity was not found."
        assert answer.json()["error"]["status"] == "NOT_FOUND"


def test_patching_an_album(client: Client) -> None:
    album = client.make_album()
    item, other = (client.make_item(picture(n), albumId=album)["id"] for n in range(2))
    path = f"/v1/albums/{album}?updateMask="
    body = {"title": "New", "coverPhotoMediaItemId": other}
    assert client.patch(path + "title", body).json()["title"] == "New"
    assert client.get(f"/v1/albums/{album}").json()["coverPhotoMediaItemId"] == item
    changed = client.patch(path + "cover_photo_media_item_id", body).json()
    assert changed["coverPhotoMediaItemId"] == other
    stray = client.make_item(picture(3))["id"]
    assert message(client.patch(path + "coverPhotoMediaItemId", {"coverPhotoMediaItemId": stray}))
    for mask in ("", "isWriteable", "title,id"):
        assert message(client.patch(path + mask, body)) == INVALID
    assert message(client.patch(path + "title", {"title": ""})) == INVALID
    assert message(client.patch("/v1/albums/x?updateMask=title", body), 404)


def test_adding_to_and_removing_from_an_album(emulator: Emulator, client: Client) -> None:
    album = client.make_album()
    first, second = (client.make_item(picture(n))["id"] for n in range(2))
    add, remove = (f"/v1/albums/{album}:batch{verb}MediaItems" for verb in ("Add", "Remove"))
    assert message(client.post(add, {"mediaItemIds": [first, "nope"]})) == BAD_ITEM
    assert emulator.library.albums()[0].item_ids == (), "all or none"
    assert client.post(add, {"mediaItemIds": [second, first]}).json() == {}
    assert client.post(add, {"mediaItemIds": [second]}).json() == {}, "already in"
    assert emulator.library.albums()[0].item_ids == (second, first)
    assert emulator.library.items()[0].album_ids == (album,)
    for ids in ([], ["x"] * 51):
        assert message(client.post(add, {"mediaItemIds": ids})) == INVALID
    for ids in ([first, first], ["nope"]):
        assert message(client.post(remove, {"mediaItemIds": ids})) == BAD_ITEM
    assert client.post(remove, {"mediaItemIds": [first]}).json() == {}
    assert emulator.library.albums()[0].item_ids == (second,)
    emulator.library.delete_item_by_hand(second)
    assert emulator.library.albums()[0].item_ids == ()


def test_enrichments(emulator: Emulator, client: Client) -> None:
    album = client.make_album()
    item = client.make_item(picture(), albumId=album)["id"]
    path = f"/v1/albums/{album}:addEnrichment"
    text = {"textEnrichment": {"text": "Day one"}}
    position = {"position": "FIRST_IN_ALBUM"}
    made = client.post(path, {"newEnrichmentItem": text, "albumPosition": position}).json()
    enrichment = made["enrichmentItem"]["id"]
    assert emulator.library.entry_position(album, enrichment) == 1
    after = {"position": "AFTER_ENRICHMENT_ITEM", "relativeEnrichmentItemId": enrichment}
    second = client.make_item(picture(2), albumId=album, albumPosition=after)["id"]
    assert emulator.library.albums()[0].item_ids == (second, item)
    long = {"textEnrichment": {"text": "x" * 1001}}
    for wrong in (
        {"newEnrichmentItem": text},
        {"albumPosition": position},
        {"newEnrichmentItem": long, "albumPosition": position},
    ):
        assert message(client.post(path, wrong)) == INVALID


def test_reading_an_item(client: Client) -> None:
    made = client.make_item(picture())
    shown = client.get(f"/v1/mediaItems/{made['id']}").json()
    assert {**made, "baseUrl": shown["baseUrl"]} == shown
    assert message(client.get("/v1/mediaItems/nope"), 404)


def test_batch_get(client: Client) -> None:
    ids = [client.make_item(picture(n))["id"] for n in range(2)]
    asked = [ids[1], "nope", ids[0]]
    query = "&".join(f"mediaItemIds={each}" for each in asked)
    results = client.get("/v1/mediaItems:batchGet?" + query).json()["mediaItemResults"]
    assert results[0]["mediaItem"]["id"] == ids[1]
    assert results[1]["status"]["code"] == 5
    assert results[2]["mediaItem"]["id"] == ids[0]
    for wrong in ([], ["a", "a"], [str(n) for n in range(51)]):
        query = "&".join(f"mediaItemIds={each}" for each in wrong)
        assert message(client.get("/v1/mediaItems:batchGet?" + query)) == INVALID


def test_listing_items(client: Client) -> None:
    made = [client.make_item(picture(n))["id"] for n in range(3)]
    first = client.get("/v1/mediaItems?pageSize=2").json()
    assert [item["id"] for item in first["mediaItems"]] == [made[2], made[1]]
    query = {"pageSize": "2", "pageToken": first["nextPageToken"]}
    second = client.get("/v1/mediaItems", params=query).json()
    assert [item["id"] for item in second["mediaItems"]] == [made[0]]
    assert "nextPageToken" not in second


def test_searching_an_album(client: Client) -> None:
    album = client.make_album()
    made = [client.make_item(picture(n), albumId=album)["id"] for n in range(3)]
    client.make_item(picture(9))
    found: list[str] = []
    token = ""
    while True:
        body = {"albumId": album, "pageSize": 2, "pageToken": token}
        page = client.post("/v1/mediaItems:search", body).json()
        found += [item["id"] for item in page["mediaItems"]]
        token = page.get("nextPageToken", "")
        if not token:
            break
    assert found == made
    assert message(client.post("/v1/mediaItems:search", {"albumId": "nope"}), 404)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, 2),
        ({"mediaTypeFilter": {"mediaTypes": ["PHOTO"]}}, 1),
        ({"mediaTypeFilter": {"mediaTypes": ["VIDEO"]}}, 1),
        ({"dateFilter": {"dates": [{"year": 2025, "month": 6, "day": 15}]}}, 2),
        ({"dateFilter": {"dates": [{"year": 2024}, {"month": 6}]}}, 2),
        ({"dateFilter": {"dates": [{"year": 2024}]}}, 0),
        ({"dateFilter": {"ranges": [{"startDate": {"year": 2025}, "endDate": {"year": 2026}}]}}, 2),
        ({"dateFilter": {"ranges": [{"startDate": {"year": 2026}, "endDate": {"year": 2027}}]}}, 0),
    ],
)
def test_searching_with_filters(client: Client, filters: dict[str, Any], found: int) -> None:
    client.make_item(picture())
    client.make_item(VIDEO)
    page = client.post("/v1/mediaItems:search", {"filters": filters}).json()
    assert len(page.get("mediaItems", [])) == found


@pytest.mark.parametrize(
    "body",
    [
        {"albumId": "x", "filters": {"includeArchivedMedia": True}},
        {"albumId": "x", "orderBy": "MediaMetadata.creation_time"},
        {"orderBy": "MediaMetadata.creation_time"},
        {"filters": {"dateFilter": {"dates": [{"year": 2025}]}}, "orderBy": "name"},
        {"filters": {"mediaTypeFilter": {"mediaTypes": ["PHOTO", "VIDEO"]}}},
        {"filters": {"mediaTypeFilter": {"mediaTypes": ["SONG"]}}},
        {"filters": {"dateFilter": {"dates": [{"year": 2025}] * 6}}},
        {"filters": {"contentFilter": {"includedContentCategories": ["PETS"] * 11}}},
    ],
)
def test_searches_it_refuses(client: Client, body: dict[str, Any]) -> None:
    assert message(client.post("/v1/mediaItems:search", body)) == INVALID


def test_describing_an_item(client: Client) -> None:
    item = client.make_item(picture())["id"]
    path = f"/v1/mediaItems/{item}?updateMask=description"
    assert client.patch(path, {"description": "new"}).json()["description"] == "new"
    assert message(client.patch(path, {"description": "x" * 1001})) == INVALID
    assert message(client.patch(f"/v1/mediaItems/{item}?updateMask=filename", {})) == INVALID
    assert message(client.patch("/v1/mediaItems/x?updateMask=description", {}), 404)


def test_base_urls(client: Client, clock: Clock) -> None:
    item = client.make_item(picture())["id"]
    url = client.get(f"/v1/mediaItems/{item}").json()["baseUrl"]
    for parameters in ("=d", "=w2048-h1024", "=w100-h100-c"):
        answer = requests.get(url + parameters, timeout=60)
        assert (answer.status_code, answer.content) == (200, picture())
        assert answer.headers["x-content-type-options"] == "nosniff"
    for parameters in ("", "=", "=x"):
        assert requests.get(url + parameters, timeout=60).status_code == 400
    forged = url.rsplit(".", 1)[0] + ".forged"
    for bad in (url + "=dv", forged + "=d", client.url + "/lr/x=d", client.url + "/lr/x.9.é=d"):
        answer = requests.get(bad, timeout=60)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "image/png")
    clock.pass_(3600)
    assert requests.get(url + "=d", timeout=60).status_code == 403


def test_a_new_video_is_processing(emulator: Emulator, client: Client, clock: Clock) -> None:
    emulator.options.video_processing_seconds = 60
    made = client.make_item(VIDEO)
    assert made["mediaMetadata"]["video"] == {"status": "PROCESSING"}
    item = client.get(f"/v1/mediaItems/{made['id']}").json()
    assert requests.get(item["baseUrl"] + "=dv", timeout=60).status_code == 404
    clock.pass_(60)
    item = client.get(f"/v1/mediaItems/{made['id']}").json()
    assert item["mediaMetadata"]["video"] == {"status": "READY"}
    assert requests.get(item["baseUrl"] + "=dv", timeout=60).content == VIDEO


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("mediaItems/id", [{"id"}]),
        ("mediaItems(id,filename)", [{"id", "filename"}]),
        ("mediaItems.mime_type, mediaItems.id", [{"mimeType", "id"}]),
        ("nextPageToken", None),
    ],
)
def test_fields(client: Client, fields: str, shown: list[set[str]] | None) -> None:
    client.make_item(picture())
    page = client.get("/v1/mediaItems", params={"fields": fields}).json()
    assert ([set(item) for item in page["mediaItems"]] if shown else None) == shown


def test_fields_star_and_nested(client: Client) -> None:
    client.make_item(picture())
    whole = client.get("/v1/mediaItems").json()
    for fields in ("*", "mediaItems", "mediaItems/*", "mediaItems/id,mediaItems"):
        assert client.get("/v1/mediaItems", params={"fields": fields}).json() == whole
    deep = client.get("/v1/mediaItems", params={"fields": "mediaItems/mediaMetadata(width)"})
    assert deep.json() == {"mediaItems": [{"mediaMetadata": {"width": "16"}}]}


@pytest.mark.parametrize(
    ("fields", "path"),
    [("id", "id"), ("mediaItems/x", "mediaItems.x"), ("a(", "a("), ("a)", "a)"), ("a b!", "a b!")],
)
def test_bad_fields(client: Client, fields: str, path: str) -> None:
    answer = client.get("/v1/mediaItems", params={"fields": fields})
    description = (
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    )
    assert answer.json() == {
        "error": {
            "code": 400,
            "message": "Request contains an invalid argument.",
            "status": "INVALID_ARGUMENT",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.BadRequest",
                    "fieldViolations": [{"field": fields, "description": description}],
                }
            ],
        }
    }


def test_bad_fields_on_a_write_change_nothing(emulator: Emulator, client: Client) -> None:
    assert message(client.post("/v1/albums?fields=x", {"album": {"title": "x"}})) == INVALID
    assert emulator.library.albums() == []


def test_query_parameters(client: Client) -> None:
    client.make_album()
    assert "\n" in client.get("/v1/albums?alt=json").text.strip()
    assert "\n" not in client.get("/v1/albums?prettyPrint=false").text.strip()
    assert message(client.get("/v1/albums?alt=proto")) == INVALID
    assert 'Unknown name "x"' in message(client.get("/v1/albums?x=1"))


def test_unknown_paths_and_methods(client: Client) -> None:
    answer = client.get("/v1/nope")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=UTF-8")
    assert "<title>Error 404 (Not Found)!!1</title>" in answer.text
    escaped = client.get("/<script>")
    assert "<script>" not in escaped.text
    wrong = client.http.delete(client.url + "/v1/albums/x", headers=client.auth, timeout=60)
    assert wrong.json()["error"]["status"] == "NOT_FOUND"
