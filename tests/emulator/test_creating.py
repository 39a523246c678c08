from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from photosync.emulator.people import APPEND
from tests.emulator.conftest import picture

if TYPE_CHECKING:
    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client, Clock, Hang

CREATE = "/v1/mediaItems:batchCreate"
FAILED = "Failed: There was an error while trying to create this media item."
STORAGE = "The remaining storage in the user's account is not enough to perform this operation."


def error(answer: Any) -> tuple[int, str, str]:
    value = answer.json()["error"]
    assert value["code"] == answer.status_code
    return value["code"], value["status"], value["message"]


def codes(answer: Any) -> list[int]:
    return [each["status"].get("code", 0) for each in answer.json()["newMediaItemResults"]]


def test_an_item_on_the_wire(emulator: Emulator, client: Client) -> None:
    content = picture(1)
    token = client.upload(content)
    item = {"description": "x", "simpleMediaItem": {"uploadToken": token, "fileName": "é.jpg"}}
    answer = client.post(CREATE, {"newMediaItems": [item]})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    (kept,) = emulator.library.items()
    assert answer.json() == {
        "newMediaItemResults": [
            {
                "uploadToken": token,
                "status": {"message": "Success"},
                "mediaItem": {
                    "id": kept.id,
                    "description": "x",
                    "productUrl": f"https://photos.google.com/lr/photo/{kept.id}",
                    "mimeType": "image/jpeg",
                    "mediaMetadata": {
                        "creationTime": "2025-06-15T15:06:40Z",
                        "width": "16",
                        "height": "12",
                        "photo": {},
                    },
                    "filename": "é.jpg",
                },
            }
        ]
    }
    assert kept.file.read_bytes() == content
    assert (kept.file_name, kept.size_bytes, kept.album_ids) == ("é.jpg", len(content), ())


def test_fifty_and_fifty_one(client: Client) -> None:
    tokens = [client.upload(picture(number)) for number in range(51)]
    assert error(client.create(*tokens)) == (
        *(400, "INVALID_ARGUMENT"),
        "Request must have less than 50 items.",
    )
    fine = client.create(*tokens[:50])
    assert (fine.status_code, set(codes(fine))) == (200, {0})


def test_whole_request_errors(emulator: Emulator, client: Client) -> None:
    no_token = (400, "INVALID_ARGUMENT", "Request must contain a valid upload token.")
    invalid = (400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    token = client.upload(picture())
    assert error(client.create("")) == no_token
    assert error(client.create(token, "")) == no_token
    assert error(client.post(CREATE, {"newMediaItems": [{}]})) == no_token
    assert error(client.post(CREATE, {})) == invalid
    assert error(client.create(token, albumPosition={"position": "FIRST_IN_ALBUM"})) == invalid
    for long in ({"description": "x" * 1001}, {"fileName": "x" * 256}):
        name = long.pop("fileName", "a.jpg")
        item = {**long, "simpleMediaItem": {"uploadToken": token, "fileName": name}}
        assert error(client.post(CREATE, {"newMediaItems": [item]})) == invalid
    assert emulator.library.items() == []


def test_albums_it_refuses(emulator: Emulator, client: Client) -> None:
    token = client.upload(picture())
    by_hand = emulator.library.make_album_by_hand("Holiday").id
    gone = client.make_album()
    emulator.library.delete_album_by_hand(gone)
    argument = "INVALID_ARGUMENT"
    assert error(client.create(token, albumId=by_hand)) == (
        *(400, argument),
        "No permission to add media items to this album.",
    )
    assert error(client.create(token, albumId=gone)) == (
        *(400, argument),
        "The provided ID does not match any albums.",
    )
    emulator.options.album_items_limit = 0
    full = client.create(token, albumId=client.make_album())
    assert error(full)[:2] == (400, argument)


def test_storage_full_exactly(emulator: Emulator, client: Client) -> None:
    token = client.upload(picture())
    emulator.options.storage_bytes = len(picture()) - 1
    answer = client.create(token)
    assert answer.json() == {
        "error": {"status": "INVALID_ARGUMENT", "message": STORAGE, "code": 400}
    }
    emulator.options.storage_bytes += 1
    assert client.create(token).status_code == 200
    assert client.create(token).status_code == 200, "the same bytes need no more room"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "Invalid JSON payload received. Unexpected token."),
        (b"\xff", "Invalid JSON payload received. Unexpected token."),
        (b"[" * 100_000, "Invalid JSON payload received. Unexpected token."),
        (b"[]", "Invalid value at 'the request', []"),
        (
            b'{"newMediaItems": [{"x": 1}]}',
            (
                "Invalid JSON payload received. Unknown name \"x\" at 'new_media_items[0]': "
                "Cannot find field."
            ),
        ),
        (b'{"x": 1}', 'Invalid JSON payload received. Unknown name "x": Cannot find field.'),
        (b'{"albumId": 7}', "Invalid value at 'album_id', 7"),
        (b'{"newMediaItems": {}}', "Invalid value at 'new_media_items', {}"),
        (b'{"albumId": "\\ud800"}', "Invalid value at 'album_id', \"\\ud800\""),
    ],
)
def test_what_does_not_parse(client: Client, body: bytes, message: str) -> None:
    answer = client.http.post(client.url + CREATE, data=body, headers=client.auth, timeout=60)
    assert error(answer) == (400, "INVALID_ARGUMENT", message)
    (details,) = answer.json()["error"]["details"]
    assert details["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    assert details["fieldViolations"][0]["description"] == message


def test_a_body_without_end(client: Client) -> None:
    body = b" " * (4 * 1024**2 + 1)
    answer = client.http.post(client.url + CREATE, data=body, headers=client.auth, timeout=60)
    assert answer.status_code == 413


def test_snake_case_and_null_are_understood(client: Client) -> None:
    item = {"simple_media_item": {"upload_token": client.upload(picture()), "file_name": "a.jpg"}}
    answer = client.post(CREATE, {"new_media_items": [item], "albumId": None})
    assert answer.json()["newMediaItemResults"][0]["mediaItem"]["filename"] == "a.jpg"


@pytest.mark.parametrize("status", [207, 200])
def test_each_item_is_judged_alone(emulator: Emulator, client: Client, status: int) -> None:
    emulator.options.partial_status = status
    tokens = [client.upload(picture()), client.upload(b"no picture"), "unknown"]
    answer = client.create(*tokens)
    assert (answer.status_code, codes(answer)) == (status, [0, 3, 3])
    results = answer.json()["newMediaItemResults"]
    assert [each["uploadToken"] for each in results] == tokens
    assert results[1] == {"uploadToken": tokens[1], "status": {"code": 3, "message": FAILED}}


def test_a_token_dies_after_a_day(emulator: Emulator, client: Client, clock: Clock) -> None:
    token = client.upload(picture())
    clock.pass_(86_399)
    client.token = emulator.grant()["token"]
    assert codes(client.create(token)) == [0]
    clock.pass_(1)
    assert codes(client.create(token)) == [3]


def test_somebody_elses_token(emulator: Emulator, client: Client) -> None:
    token = client.upload(picture())
    client.token = emulator.people.grant("other@example.com", [APPEND])["access_token"]
    assert codes(client.create(token)) == [3]


@pytest.mark.parametrize(("rule", "code"), [("same-id", 0), ("code-3", 3)])
def test_a_token_used_twice(emulator: Emulator, client: Client, rule: str, code: int) -> None:
    emulator.options.reused_token = rule
    token = client.upload(picture())
    assert codes(client.create(token)) == [0]
    assert codes(client.create(token)) == [code]
    assert len(emulator.library.items()) == 1


def test_the_same_bytes_again_are_the_same_item(client: Client) -> None:
    first = client.make_item(picture())
    token = client.upload(picture())
    item = {"simpleMediaItem": {"uploadToken": token, "fileName": "other.jpg"}}
    answer = client.post(CREATE, {"newMediaItems": [item]})
    assert answer.json()["newMediaItemResults"][0]["mediaItem"] == first


def test_equal_files_in_one_batch(emulator: Emulator, client: Client) -> None:
    answer = client.create(client.upload(picture()), client.upload(picture()))
    assert (answer.status_code, codes(answer)) == (207, [0, 6])
    emulator.options.duplicate_in_batch = "same-id"
    again = client.create(client.upload(picture(1)), client.upload(picture(1)))
    assert codes(again) == [0, 0]
    assert len(emulator.library.items()) == 2


def test_an_item_the_user_uploaded_by_hand(emulator: Emulator, client: Client) -> None:
    by_hand = emulator.library.upload_by_hand("web.jpg", picture())
    album = client.make_album()
    item = client.make_item(picture())
    assert (item["id"], item["filename"]) == (by_hand.id, "web.jpg")
    refused = client.post(f"/v1/albums/{album}:batchAddMediaItems", {"mediaItemIds": [by_hand.id]})
    assert error(refused)[2] == "Request contains an invalid media item id."
    client.make_item(picture(), albumId=album)
    assert emulator.library.albums()[0].item_ids == (by_hand.id,)
    assert client.get("/v1/mediaItems").json() == {}, "the app did not make it"
    with pytest.raises(ValueError, match="no photo"):
        emulator.library.upload_by_hand("x.txt", b"text")


def test_too_large_a_photo_but_not_too_large_a_video(emulator: Emulator, client: Client) -> None:
    emulator.options.max_photo_bytes = 10
    video = b"\0\0\0\x18ftypmp42" + b"\0" * 100
    assert codes(client.create(client.upload(picture()), client.upload(video))) == [3, 0]


def test_positions_in_an_album(emulator: Emulator, client: Client) -> None:
    album = client.make_album()
    names: dict[str, str] = {}

    def put(name: str, seed: int, **position: str) -> None:
        more = {"albumPosition": position} if position else {}
        names[client.make_item(picture(seed), albumId=album, **more)["id"]] = name

    put("a", 1)
    put("b", 2)
    put("first", 3, position="FIRST_IN_ALBUM")
    first = next(iter(names))
    put("after a", 4, position="AFTER_MEDIA_ITEM", relativeMediaItemId=first)
    put("last", 5, position="LAST_IN_ALBUM")
    order = [names[item_id] for item_id in emulator.library.albums()[0].item_ids]
    assert order == ["first", "a", "after a", "b", "last"]
    for position in ({"position": "AFTER_MEDIA_ITEM"}, {"position": "SIDEWAYS"}):
        refused = client.create(client.upload(picture(6)), albumId=album, albumPosition=position)
        assert error(refused)[:2] == (400, "INVALID_ARGUMENT")


def test_thirty_writes_a_minute(client: Client, clock: Clock) -> None:
    for _ in range(30):
        client.make_album()
    message = (
        "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute "
        "per user' of service 'photoslibrary.googleapis.com' for consumer "
        "'project_number:844831818923'."
    )
    answer = client.post("/v1/albums", {"album": {"title": "x"}})
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers
    assert answer.json() == {
        "error": {
            "code": 429,
            "message": message,
            "errors": [{"message": message, "domain": "global", "reason": "rateLimitExceeded"}],
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                    "reason": "RATE_LIMIT_EXCEEDED",
                    "domain": "googleapis.com",
                    "metadata": {
                        "service": "photoslibrary.googleapis.com",
                        "quota_limit_value": "30",
                        "quota_location": "global",
                        "consumer": "projects/844831818923",
                        "quota_metric": "photoslibrary.googleapis.com/write_requests",
                        "quota_limit": "WritesPerMinutePerUser",
                    },
                },
                {
                    "@type": "type.googleapis.com/google.rpc.Help",
                    "links": [
                        {
                            "description": "Request a higher quota limit.",
                            "url": "https://cloud.google.com/docs/quota#requesting_higher_quota",
                        }
                    ],
                },
            ],
        }
    }
    clock.pass_(60)
    client.make_album()


@pytest.mark.parametrize("counted", [True, False])
def test_the_days_quota_ends_at_pacific_midnight(
    emulator: Emulator, client: Client, clock: Clock, counted: bool
) -> None:
    emulator.options.daily_limit = 3
    emulator.options.count_uploads = counted
    emulator.options.access_token_seconds = 10 * 86_400
    client.token = emulator.grant()["token"]
    for _ in range(3):
        assert client.get("/v1/albums").status_code == 200
    answer = client.get("/v1/albums")
    code, status, message = error(answer)
    assert (code, status) == (429, "RESOURCE_EXHAUSTED")
    assert "'All requests' and limit 'All requests per day'" in message
    metadata = answer.json()["error"]["details"][0]["metadata"]
    assert metadata["quota_limit"] == "ApiCallsPerProjectPerDay"
    assert metadata["quota_metric"] == "photoslibrary.googleapis.com/all_requests"
    assert client.raw(b"x").status_code == (429 if counted else 200)
    clock.now = 1_750_057_199  # 23:59:59 on 15 June in California
    assert client.get("/v1/albums").status_code == 429
    clock.pass_(1)
    assert client.get("/v1/albums").status_code == 200


def test_retry_after_on_request(emulator: Emulator, client: Client) -> None:
    emulator.options.daily_limit = 0
    emulator.options.retry_after_seconds = 40
    answer = client.get("/v1/albums")
    assert answer.headers["retry-after"] == "40"
    assert answer.json()["error"]["details"][-1] == {
        "@type": "type.googleapis.com/google.rpc.RetryInfo",
        "retryDelay": "40s",
    }


@pytest.mark.parametrize(
    ("status", "name", "message"),
    [
        (
            *(429, "RESOURCE_EXHAUSTED"),
            (
                "Quota exceeded for quota 'concurrent write request' of service "
                "'photoslibrary.googleapis.com'."
            ),
        ),
        (409, "ABORTED", "The operation was aborted."),
    ],
)
def test_one_write_at_a_time(
    emulator: Emulator, client: Client, hang: Hang, *, status: int, name: str, message: str
) -> None:
    emulator.options.concurrent_status = status
    emulator.faults.add({"fault": "hang", "on": "batchCreate"})
    token = client.upload(picture())
    with ThreadPoolExecutor(1) as pool:
        good = pool.submit(client.create, token)
        assert hang.began.wait(60)
        bad = client.create(token)
        hang.goes_on.set()
        assert good.result().status_code == 200
    assert bad.json() == {"error": {"code": status, "message": message, "status": name}}
    assert emulator.requests.overlapping_writes() == 1
    assert client.create(token).status_code == 200
    assert emulator.requests.overlapping_writes() == 1


SAMPLES = [
    (picture(form="JPEG"), "image/jpeg", ("16", "12")),
    (picture(form="PNG"), "image/png", ("16", "12")),
    (picture(form="GIF"), "image/gif", ("16", "12")),
    (picture(form="WEBP"), "image/webp", None),
    (picture(form="BMP"), "image/bmp", None),
    (picture(form="TIFF"), "image/tiff", None),
    (picture(form="ICO"), "image/x-icon", None),
    (b"\0\0\0\x18ftypheic" + b"\0" * 16, "image/heif", None),
    (b"\0\0\0\x18ftypavif" + b"\0" * 16, "image/avif", None),
    (b"\0\0\0\x18ftypcrx " + b"\0" * 16, "image/x-canon-cr3", None),
    (b"FUJIFILMCCD-RAW 0201", "image/x-fuji-raf", None),
    (b"\0\0\0\x18ftypisom" + b"\0" * 16, "video/mp4", None),
    (b"\0\0\0\x18ftypqt  " + b"\0" * 16, "video/quicktime", None),
    (b"\0\0\0\x18moov" + b"\0" * 16, "video/quicktime", None),
    (b"\0\0\0\x18ftyp3gp5" + b"\0" * 16, "video/3gpp", None),
    (b"RIFF\0\0\0\0AVI LIST", "video/x-msvideo", None),
    (b"\x1aE\xdf\xa3" + b"\0" * 16, "video/x-matroska", None),
    ((b"\x47" + b"\0" * 187) * 4, "video/mp2t", None),
    (b"\0\0\0\0" + (b"\x47" + b"\0" * 191) * 4, "video/mp2t", None),
    (b"\xff\xd8\xff\xc0\0\x05", "image/jpeg", None),
    (b"\xff\xd8\xff\xe0\0\x02 no marker follows", "image/jpeg", None),
]


@pytest.mark.parametrize(("content", "mime_type", "size"), SAMPLES)
def test_kinds_of_media(
    client: Client, content: bytes, mime_type: str, size: tuple[str, str] | None
) -> None:
    item = client.make_item(content)
    assert item["mimeType"] == mime_type
    metadata = item["mediaMetadata"]
    shown = (metadata.get("width"), metadata.get("height"))
    assert shown == (size or (None, None))
    assert ("video" in metadata) == mime_type.startswith("video/")


@pytest.mark.parametrize("content", [b"RIFF\0\0\0\0WAVEfmt ", b"text", b"G" + b"\0" * 600, b"%PDF"])
def test_kinds_it_does_not_take(client: Client, content: bytes) -> None:
    assert codes(client.create(client.upload(content))) == [3]


@pytest.mark.parametrize(
    ("date", "shown"),
    [
        ("2014:10:02 15:01:23", "2014-10-02T15:01:23Z"),
        ("2014:13:02 15:01:23", "2025-06-15T15:06:40Z"),
    ],
)
def test_the_creation_time_is_exifs(client: Client, date: str, shown: str) -> None:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x0132] = date
    Image.new("RGB", (8, 8)).save(out, "JPEG", exif=exif)
    assert client.make_item(out.getvalue())["mediaMetadata"]["creationTime"] == shown
