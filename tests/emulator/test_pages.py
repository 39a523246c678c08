from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import requests

from tests.emulator.conftest import picture

if TYPE_CHECKING:
    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client


def page(emulator: Emulator, query: str = "") -> requests.Response:
    answer = requests.get(emulator.url + "/emulator/" + query, timeout=60)
    assert answer.status_code == 200
    return answer


def test_an_empty_library(emulator: Emulator) -> None:
    assert "The library is empty" in page(emulator).text


def test_pictures_videos_and_the_rest(emulator: Emulator, client: Client) -> None:
    client.make_item(picture(), albumId=client.make_album("Summer & sun"))
    client.make_item(b"\0\0\0\x18ftypmp42" + b"\0" * 100)
    client.make_item(b"FUJIFILMCCD-RAW 0201")
    shown = page(emulator).text
    assert "3 items, 1 album." in shown
    assert "Summer &amp; sun" in shown
    assert shown.count("<img ") == 1
    assert shown.count("<video ") == 1
    assert 'class="other"' in shown
    assert re.search(r"<td>batchCreate</td><td class=\"n\">3</td>", shown)


def test_hostile_names_are_text(emulator: Emulator, client: Client) -> None:
    token = client.upload(picture())
    name = "\"><script>alert(1)</script>'.jpg"
    item = {"simpleMediaItem": {"uploadToken": token, "fileName": name}}
    assert client.post("/v1/mediaItems:batchCreate", {"newMediaItems": [item]}).status_code == 200
    client.make_album("<img src=x onerror=alert(1)>")
    answer = page(emulator)
    assert "<script" not in answer.text
    assert "<img src=x" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_bytes_are_served_inert(emulator: Emulator, client: Client) -> None:
    photo = client.make_item(picture())["id"]
    other = client.make_item(b"II*\0<script>alert(1)</script>")["id"]
    raw = client.make_item(b"IIRO<script>alert(1)</script>")["id"]
    kinds = {}
    for item in (photo, other, raw):
        answer = requests.get(f"{emulator.url}/emulator/media/{item}", timeout=60)
        kinds[item] = answer.headers["content-type"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    assert kinds == {photo: "image/jpeg", other: "image/tiff", raw: "application/octet-stream"}
    assert requests.get(f"{emulator.url}/emulator/media/x", timeout=60).status_code == 404


def test_ten_thousand_items_come_in_pages(emulator: Emulator) -> None:
    emulator.library._database.run(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
        "INSERT INTO items (id, user, sha256, size_bytes, file_name, description, mime_type, "
        "width, height, taken_at, created_at, by_app) "
        "SELECT 'id' || i, 'u', i, 1, i || '.jpg', '', 'image/jpeg', 1, 1, 0, 0, 1 FROM n"
    )
    first = page(emulator)
    assert "10000 items" in first.text
    assert first.text.count("<figure>") == 60
    assert "Page 1 of 167" in first.text
    assert 'href="?page=2"' in first.text
    last = page(emulator, "?page=9999").text
    assert last.count("<figure>") == 10000 - 166 * 60
    assert 'href="?page=166"' in last
    assert "Page 1 of 167" in page(emulator, "?page=x").text


def test_the_json_views(emulator: Emulator, client: Client) -> None:
    album = client.make_album("Holiday")
    item = client.make_item(picture(), albumId=album)["id"]
    shown = requests.get(emulator.url + "/emulator/library.json", timeout=60).json()
    assert shown["items"][0]["id"] == item
    assert shown["items"][0]["album_ids"] == [album]
    assert shown["albums"] == [
        {"id": album, "title": "Holiday", "user": "you@example.com", "item_ids": [item]}
    ]
    log = requests.get(emulator.url + "/emulator/requests.json", timeout=60).json()
    assert log["counts"] == {"albums.create": 1, "upload.raw": 1, "batchCreate": 1}
    assert log["today"] == log["counts"]
    assert log["overlapping_writes"] == 0
    create = log["requests"][-1]
    assert create["summary"] == {"items": 1, "album_id": album, "file_names": ["0.jpg"]}
    assert (create["user"], create["status"]) == ("you@example.com", 200)
    assert client.token not in str(log)
    secret = requests.get(emulator.url + "/emulator/client_secret.json", timeout=60).json()
    assert secret == emulator.client_secret()
    assert secret["installed"]["auth_uri"] == emulator.url + "/o/oauth2/v2/auth"


def test_faults_over_http(emulator: Emulator) -> None:
    url = emulator.url + "/emulator/faults"
    added = requests.post(url, json={"fault": "500", "on": "token"}, timeout=60)
    assert (added.status_code, added.json()[0]["fault"]) == (200, "500")
    assert len(requests.post(url, json=[{"fault": "503"}] * 2, timeout=60).json()) == 3
    wrong = requests.post(url, json={"fault": "x"}, timeout=60)
    assert wrong.status_code == 400
    assert "There is no fault 'x'" in wrong.json()["error"]
    for body in (b"{", b'"x"', b" " * (1024**2 + 1)):
        assert requests.post(url, data=body, timeout=60).status_code == 400
    assert requests.delete(url, timeout=60).json() == []
    assert requests.get(url, timeout=60).json() == []


def test_options_over_http(emulator: Emulator) -> None:
    url = emulator.url + "/emulator/options"
    changed = requests.patch(url, json={"testing_mode": True}, timeout=60)
    assert changed.json()["testing_mode"] is True
    assert emulator.options.testing_mode
    wrong = requests.patch(url, json={"daily_limit": "many"}, timeout=60)
    assert (wrong.status_code, "daily_limit" in wrong.json()["error"]) == (400, True)
    assert requests.patch(url, json=[], timeout=60).status_code == 400
    assert requests.get(url, timeout=60).json()["daily_limit"] == 10_000


def test_grant_and_revoke_over_http(emulator: Emulator) -> None:
    url = emulator.url + "/emulator/"
    held = requests.post(url + "grant", json={"scopes": ["openid"]}, timeout=60).json()
    assert held["scopes"] == ["openid"]
    assert requests.post(url + "grant", json={"scopes": "x"}, timeout=60).status_code == 400
    assert requests.post(url + "revoke", timeout=60).json() == {}
    headers = {"Authorization": "Bearer " + held["token"]}
    assert requests.get(emulator.url + "/v1/albums", headers=headers, timeout=60).status_code == 401


@pytest.mark.parametrize("path", ["", "library.json", "requests.json", "faults", "options"])
def test_looking_is_no_request_to_google(emulator: Emulator, path: str) -> None:
    requests.get(emulator.url + "/emulator/" + path, timeout=60)
    assert emulator.requests.count() == 0
