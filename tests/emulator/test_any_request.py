"""Whatever a client sends, it gets an answer of the API's, and the next one is served."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client

UNHURRIED = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = (
    *("newMediaItems", "simpleMediaItem", "uploadToken", "fileName", "albumId", "album"),
    *("title", "albumPosition", "position", "pageSize", "filters", "mediaItemIds", "description"),
)
WORDS = st.one_of(st.text(max_size=20), st.sampled_from(NAMES))
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        WORDS,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)
PATHS = (
    *("/v1/mediaItems:batchCreate", "/v1/mediaItems:search", "/v1/albums", "/v1/uploads"),
    *("/v1/mediaItems:batchGet", "/v1/mediaItems", "/v1/albums/x:batchAddMediaItems"),
)


@given(path=st.sampled_from(PATHS), body=JSON)
@UNHURRIED
def test_any_json(client: Client, path: str, body: Any) -> None:
    answer = client.post(path, body)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and path != "/v1/uploads":
        assert answer.json()["error"]["message"]


@given(method=st.sampled_from(["GET", "POST", "PATCH"]), path=st.text(max_size=40))
@UNHURRIED
def test_any_path(client: Client, method: str, path: str) -> None:
    url = f"{client.url}/v1/{quote(path, safe='/:?&=%')}"
    answer = client.http.request(method, url, headers=client.auth, timeout=60)
    assert answer.status_code < 500, answer.text


OF_UPLOADS = (
    *("X-Goog-Upload-Command", "X-Goog-Upload-Offset", "X-Goog-Upload-Protocol"),
    *("X-Goog-Upload-Raw-Size", "X-Goog-Hash", "Content-Type", "X-Goog-Upload-Content-Type"),
)
VALUES = st.one_of(
    st.text("abc019 ,=/-.\t", max_size=20),
    st.sampled_from(["start", "upload, finalize", "query", "raw", "resumable", "-1", "9" * 30]),
).map(str.strip)
HEADERS = st.dictionaries(st.sampled_from(OF_UPLOADS), VALUES, max_size=5)


@given(headers=HEADERS, body=st.binary(max_size=50))
@UNHURRIED
def test_any_upload(client: Client, headers: dict[str, str], body: bytes) -> None:
    answer = client.http.post(
        f"{client.url}/v1/uploads", data=body, headers={**client.auth, **headers}, timeout=60
    )
    assert answer.status_code < 500, answer.text


@given(raw=st.binary(max_size=200))
@UNHURRIED
def test_any_bytes(emulator: Emulator, client: Client, raw: bytes) -> None:
    port = urlsplit(emulator.url).port
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert client.get("/v1/albums").status_code == 200
