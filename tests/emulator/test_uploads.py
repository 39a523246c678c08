from __future__ import annotations

import base64
import hashlib
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from photosync.emulator.people import READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client, Clock

G = 256  # the granularity these tests use
DAY = 86_400
STATUS = "X-Goog-Upload-Status"


@pytest.fixture(autouse=True)
def small_granularity(emulator: Emulator) -> None:
    emulator.options.granularity_bytes = G


def sha1(content: bytes) -> str:
    return (
        "sha1=" + base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    )


def received(client: Client, session: str) -> int:
    answer = client.command(session, "query")
    assert (answer.status_code, answer.headers[STATUS]) == (200, "active")
    return int(answer.headers["X-Goog-Upload-Size-Received"])


def announce(session: str, client: Client, size: int) -> socket.socket:
    """A connection on which a chunk of ``size`` bytes is promised, none of them sent yet."""
    parts = urlsplit(session)
    head = (
        f"POST {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {client.token}\r\nContent-Length: {size}\r\n"
        "X-Goog-Upload-Command: upload, finalize\r\nX-Goog-Upload-Offset: 0\r\n\r\n"
    )
    connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=60)
    connection.sendall(head.encode())
    return connection


def test_raw(emulator: Emulator, client: Client) -> None:
    answer = client.raw(b"bytes", X_Goog_Upload_File_Name="a b.jpg")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 100 <= len(answer.text) <= 250
    assert answer.text == answer.text.strip()
    (record,) = emulator.requests.all()
    assert (record.kind, record.bytes, record.status) == ("upload.raw", 5, 200)
    assert record.summary["file_name"] == "a b.jpg"


def test_the_endpoint_does_not_judge_the_media(client: Client) -> None:
    assert client.raw(b"no picture at all").status_code == 200


def test_an_empty_payload(client: Client) -> None:
    answer = client.raw(b"")
    assert (answer.status_code, answer.text) == (
        400,
        '{"code":3,"message":"Payload must not be empty"}',
    )
    assert client.start(0).text == '{"code":3,"message":"Payload must not be empty"}'


def test_more_than_twenty_gigabytes(emulator: Emulator, client: Client) -> None:
    assert emulator.options.max_video_bytes == 20 * 1024**3
    emulator.options.max_video_bytes = 100
    body = '{"code":3,"message":"The request exceeded the max file size limit of 20 GB."}'
    for answer in (client.raw(b"x" * 101), client.start(101)):
        assert (answer.status_code, answer.text) == (413, body)
    assert client.raw(b"x" * 100).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_type": "image/jpeg"},
        {"X_Goog_Upload_Protocol": "multipart"},
        {"X_Goog_Upload_Protocol": ""},
        {"X_Goog_Upload_Protocol": "resumable"},
    ],
)
def test_raw_wants_its_headers(client: Client, headers: dict[str, str]) -> None:
    answer = client.raw(b"x", **headers)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_headers_as_parameters_and_a_trailing_slash(client: Client) -> None:
    query = "?X-Goog-Upload-Protocol=raw&Content-type=application/octet-stream"
    url = client.url + "/v1/uploads/" + query
    assert client.http.post(url, data=b"x", headers=client.auth, timeout=60).status_code == 200


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer nonsense", "Basic x"])
def test_uploads_without_a_good_token(client: Client, token: str) -> None:
    answer = client.raw(b"x", Authorization=token)
    assert (answer.status_code, answer.text) == (
        401,
        '{"code":16,"message":"Authentication session is not defined."}',
    )


def test_uploads_without_the_scope(emulator: Emulator, client: Client) -> None:
    client.token = emulator.grant([READ])["token"]
    assert client.raw(b"x").status_code == 401


@pytest.mark.parametrize(("content", "status"), [(b"right", 200), (b"wrong", 400)])
def test_the_hash_is_checked(client: Client, content: bytes, status: int) -> None:
    answer = client.raw(content, X_Goog_Hash="crc32c=AAAAAA==," + sha1(b"right"))
    assert answer.status_code == status
    session = client.session(5)
    last = client.send(session, content, X_Goog_Hash=sha1(b"right"))
    assert last.status_code == status
    begun = client.session(5, X_Goog_Hash=sha1(b"right"))
    assert client.send(begun, content).status_code == status
    if status == 400:
        message = "User-provided checksum does not match received payload content."
        assert answer.json() == {"code": 3, "message": message}
        assert last.headers[STATUS] == "final"
        assert client.send(session, b"right").status_code == 400


def test_a_hash_that_is_no_base64(client: Client) -> None:
    assert client.raw(b"x", X_Goog_Hash="sha1=?").status_code == 400


def test_starting_a_session(client: Client) -> None:
    answer = client.start(1000)
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers[STATUS] == "active"
    assert answer.headers["X-Goog-Upload-Chunk-Granularity"] == str(G)
    url = answer.headers["X-Goog-Upload-URL"]
    assert url.startswith(client.url + "/v1/uploads?upload_id=")
    assert answer.headers["X-Goog-Upload-Control-URL"] == url
    assert answer.headers["X-GUploader-UploadID"] in url
    assert url.endswith("&upload_protocol=resumable")


@pytest.mark.parametrize("size", ["", "x", "-1", "1.5", "0x10"])
def test_a_start_announces_a_size(client: Client, size: str) -> None:
    assert client.start(size).status_code == 400


def test_a_start_has_no_body(client: Client) -> None:
    headers = {
        "X-Goog-Upload-Command": "start",
        "X-Goog-Upload-Protocol": "resumable",
        "X-Goog-Upload-Raw-Size": "5",
    }
    url = client.url + "/v1/uploads"

    def chunks() -> Iterator[bytes]:
        yield b"x"

    for body in (b"x", chunks()):
        answer = client.http.post(url, data=body, headers=client.auth | headers, timeout=60)
        assert answer.status_code == 400


@pytest.mark.parametrize("command", ["upload, finalize", "upload,finalize", " UPLOAD ,Finalize"])
def test_in_one_request(emulator: Emulator, client: Client, command: str) -> None:
    content = b"c" * 1000
    session = client.session(1000)
    answer = client.command(session, command.strip(), content, X_Goog_Upload_Offset="0")
    assert (answer.status_code, answer.headers[STATUS]) == (200, "final")
    assert len(answer.text) > 100
    assert [record.kind for record in emulator.requests.all()] == ["upload.start", "upload.chunk"]


def test_in_chunks(client: Client) -> None:
    content = bytes(range(256)) * 4
    session = client.session(1000)
    for offset in (0, G, 2 * G):
        answer = client.send(session, content[offset : offset + G], offset, last=False)
        assert (answer.status_code, answer.text, answer.headers[STATUS]) == (200, "", "active")
    assert received(client, session) == 3 * G
    last = client.send(session, content[3 * G : 1000], 3 * G, X_Goog_Hash=sha1(content[:1000]))
    assert (last.status_code, last.headers[STATUS]) == (200, "final")


def test_finalize_alone(client: Client) -> None:
    session = client.session(G)
    client.send(session, b"x" * G, last=False)
    assert client.command(session, "finalize").headers[STATUS] == "final"


def test_no_chunk_but_the_last_is_uneven(client: Client) -> None:
    session = client.session(1000)
    answer = client.send(session, b"x" * (G + 1), last=False)
    assert (answer.status_code, answer.headers[STATUS]) == (400, "active")
    assert received(client, session) == 0


@pytest.mark.parametrize("status", [409, 400, 412, 416])
def test_a_wrong_offset(emulator: Emulator, client: Client, status: int) -> None:
    emulator.options.wrong_offset_status = status
    session = client.session(1000)
    answer = client.send(session, b"x" * G, 5, last=False)
    assert (answer.status_code, answer.headers[STATUS]) == (status, "active")
    assert answer.text == "Invalid offset: expected 0, got 5"


@pytest.mark.parametrize("offset", ["", "x", "-1"])
def test_no_offset(client: Client, offset: str) -> None:
    session = client.session(10)
    answer = client.command(session, "upload, finalize", b"x", X_Goog_Upload_Offset=offset)
    assert (answer.status_code, answer.headers[STATUS]) == (400, "active")


@pytest.mark.parametrize("size", [9, 11, 300])
def test_the_total_is_the_announced_one(client: Client, size: int) -> None:
    session = client.session(10)
    answer = client.send(session, b"x" * size)
    assert (answer.status_code, answer.headers[STATUS]) == (400, "active")
    assert received(client, session) == 0
    assert client.send(session, b"x" * 10).status_code == 200


def test_nothing_after_the_end(client: Client) -> None:
    session = client.session(10)
    assert client.send(session, b"x" * 10).status_code == 200
    for command in ("upload, finalize", "cancel", "finalize"):
        answer = client.command(session, command, X_Goog_Upload_Offset="10")
        assert (answer.status_code, answer.headers[STATUS]) == (400, "final")


@pytest.mark.parametrize("repeats", [True, False])
def test_a_query_at_the_end(emulator: Emulator, client: Client, repeats: bool) -> None:
    emulator.options.final_query_token = repeats
    session = client.session(10)
    token = client.send(session, b"x" * 10).text
    answer = client.command(session, "query")
    assert (answer.status_code, answer.headers[STATUS]) == (200, "final")
    assert answer.headers["X-Goog-Upload-Size-Received"] == "10"
    assert answer.text == (token if repeats else "")


def test_cancelling(client: Client) -> None:
    session = client.session(10)
    answer = client.command(session, "cancel")
    assert (answer.status_code, answer.headers[STATUS]) == (200, "cancelled")
    query = client.command(session, "query")
    assert (query.status_code, query.headers[STATUS]) == (410, "cancelled")
    late = client.send(session, b"x" * 10)
    assert (late.status_code, late.headers[STATUS]) == (400, "cancelled")


def test_unknown_and_foreign_sessions_and_commands(emulator: Emulator, client: Client) -> None:
    url = client.url + "/v1/uploads?upload_id=nope&upload_protocol=resumable"
    assert client.command(url, "query").status_code == 404
    assert STATUS not in client.command(url, "query").headers
    assert client.command(client.url + "/v1/uploads", "query").status_code == 404
    session = client.session(10)
    assert client.command(session, "upload, query").status_code == 400
    client.token = emulator.people.grant(
        "other@example.com", ["https://www.googleapis.com/auth/photoslibrary.appendonly"]
    )["access_token"]
    assert client.command(session, "query").status_code == 404


def test_a_session_expires(emulator: Emulator, client: Client, clock: Clock) -> None:
    emulator.options.access_token_seconds = 100 * DAY
    client.token = emulator.grant()["token"]
    session = client.session(10)
    clock.pass_(7 * DAY - 1)
    assert received(client, session) == 0
    clock.pass_(1)
    assert client.command(session, "query").status_code == 410
    assert client.send(session, b"x" * 10).status_code == 410


def test_session_calls_without_authorization_pass_but_a_bad_one_does_not(client: Client) -> None:
    session = client.session(10)
    headers = {"X-Goog-Upload-Command": "query"}
    assert requests.post(session, headers=headers, timeout=60).status_code == 200
    bad = headers | {"Authorization": "Bearer expired"}
    assert requests.post(session, headers=bad, timeout=60).status_code == 401


@pytest.mark.parametrize(("keep", "kept"), [("arbitrary", 700), ("aligned", 512), ("none", 0)])
def test_a_client_that_hangs_up_in_a_chunk(
    emulator: Emulator,
    client: Client,
    keep: str,
    kept: int,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    emulator.options.keep_prefix = keep
    content = bytes(range(250)) * 4
    session = client.session(1000)
    with announce(session, client, 1000) as connection:
        connection.sendall(content[:700])
        eventually(lambda: emulator.requests.all()[-1].bytes == 700)
    record = emulator.requests.all()[-1]
    eventually(lambda: record.ended_at is not None)
    assert (record.kind, record.status) == ("upload.chunk", 0)
    assert received(client, session) == kept
    rest = client.send(session, content[kept:], kept, X_Goog_Hash=sha1(content))
    assert rest.status_code == 200


def test_a_raw_upload_that_breaks_off_leaves_nothing(
    emulator: Emulator, client: Client, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    emulator.faults.add({"fault": "reset-middle", "on": "upload.raw", "after_bytes": 10})
    with pytest.raises(requests.ConnectionError):
        client.raw(b"x" * 1000)
    folder = emulator.library.blob("x").parent.parent / "uploading"
    eventually(lambda: not list(folder.iterdir()))


def test_a_query_takes_the_session_from_a_hung_connection(
    emulator: Emulator, client: Client, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    session = client.session(1000)
    with announce(session, client, 1000) as hung:
        hung.sendall(b"a" * 300)
        eventually(lambda: emulator.requests.all()[-1].bytes == 300)
        assert received(client, session) == 300
        client.send(session, b"b" * 700, 300)
        hung.sendall(b"a" * 100)
        with pytest.raises(ConnectionResetError):
            assert hung.recv(1) != b""
    assert client.command(session, "query").headers[STATUS] == "final"


def test_bandwidth(emulator: Emulator, client: Client) -> None:
    emulator.options.bandwidth_bytes_per_second = 1_000_000
    emulator.options.latency_seconds = 0.05
    answer = client.raw(b"x" * 100_000)
    assert answer.elapsed.total_seconds() >= 0.15


def test_uploads_have_a_minute_quota_of_their_own(
    emulator: Emulator, client: Client, clock: Clock
) -> None:
    emulator.options.uploads_per_minute = 2
    for _ in range(2):
        assert client.raw(b"x").status_code == 200
    answer = client.raw(b"x")
    assert answer.status_code == 400
    assert answer.text == (
        '{"code":3,"message":"Insufficient tokens for quota '
        "'photoslibrary.googleapis.com/upload_requests' and limit 'UploadsPerMinute' of service "
        "'photoslibrary.googleapis.com' for consumer 'project_number:844831818923'.\"}"
    )
    clock.pass_(60)
    assert client.raw(b"x").status_code == 200


def test_the_default_granularity() -> None:
    from photosync.emulator.options import Options

    assert Options().granularity_bytes == 262_144


def test_a_granularity_of_eight_mebibytes(emulator: Emulator, client: Client) -> None:
    emulator.options.granularity_bytes = 8_388_608
    session = client.session(8_388_608 + 5)
    assert client.send(session, b"x" * 262_144, last=False).status_code == 400
    assert client.send(session, b"x" * 8_388_608, last=False).status_code == 200
    assert client.send(session, b"x" * 5, 8_388_608).status_code == 200


@pytest.mark.parametrize(("lenient", "status"), [(False, 400), (True, 200)])
def test_a_raw_upload_without_a_content_type(
    emulator: Emulator, client: Client, lenient: bool, status: int
) -> None:
    emulator.options.lenient_content_type = lenient
    headers = client.auth | {"X-Goog-Upload-Protocol": "raw"}
    answer = client.http.post(client.url + "/v1/uploads", data=b"x", headers=headers, timeout=60)
    assert answer.status_code == status
    assert client.raw(b"x", Content_type="image/jpeg").status_code == 400
