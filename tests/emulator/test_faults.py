from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests

from photosync.emulator.faults import KINDS, Fault, FaultPlan
from tests.emulator.conftest import picture

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client, Hang

STATUS = "X-Goog-Upload-Status"


def fault(emulator: Emulator, name: str, **more: Any) -> None:
    emulator.faults.add({"fault": name, **more})


@pytest.mark.parametrize(
    ("name", "expected", "message"),
    [
        ("quota-day", (429, "RESOURCE_EXHAUSTED"), "All requests per day"),
        ("quota-minute", (429, "RESOURCE_EXHAUSTED"), "Write requests per minute per user"),
        ("concurrent", (429, "RESOURCE_EXHAUSTED"), "'concurrent write request'"),
        ("500", (500, "INTERNAL"), "Internal error encountered."),
        ("503", (503, "UNAVAILABLE"), "The service is currently unavailable."),
        ("503-with-retry-after", (503, "UNAVAILABLE"), "The service is currently unavailable."),
        ("storage-full", (400, "INVALID_ARGUMENT"), "The remaining storage in the user's account"),
        ("401", (401, "UNAUTHENTICATED"), "Request had invalid authentication credentials."),
        ("scope-missing", (403, "PERMISSION_DENIED"), "insufficient authentication scopes."),
        ("api-not-enabled", (403, "PERMISSION_DENIED"), "has not been used in project 0 before"),
    ],
)
def test_refusals_of_batch_create(
    emulator: Emulator, client: Client, name: str, expected: tuple[int, str], message: str
) -> None:
    token = client.upload(picture())
    fault(emulator, name)
    answer = client.create(token)
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == expected
    assert answer.status_code == expected[0]
    assert message in error["message"]
    assert emulator.library.items() == []
    assert emulator.faults.remaining() == []
    assert client.create(token).status_code == 200


def test_api_not_enabled_is_the_captured_body(emulator: Emulator, client: Client) -> None:
    fault(emulator, "api-not-enabled")
    (error,) = client.get("/v1/albums").json()["error"]["errors"]
    assert (error["domain"], error["reason"]) == ("usageLimits", "accessNotConfigured")
    assert error["extendedHelp"] == "https://console.developers.google.com"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        *(("quota-day", 429, 8), ("concurrent", 429, 8), ("500", 500, 13), ("503", 503, 14)),
        *(("uploads-quota", 400, 3), ("401", 401, 16), ("scope-missing", 401, 16)),
        *(("wrong-hash", 400, 3), ("api-not-enabled", 403, 7)),
    ],
)
def test_refusals_of_uploads_have_no_envelope(
    emulator: Emulator, client: Client, name: str, status: int, code: int
) -> None:
    fault(emulator, name, on="upload.raw")
    answer = client.raw(b"x")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == {"code", "message"}


def test_502_is_a_page(emulator: Emulator, client: Client) -> None:
    fault(emulator, "502")
    answer = client.get("/v1/albums")
    assert (answer.status_code, answer.headers["content-type"]) == (502, "text/html; charset=UTF-8")


def test_503_with_retry_after(emulator: Emulator, client: Client) -> None:
    fault(emulator, "503-with-retry-after", seconds=7)
    fault(emulator, "503-with-retry-after")
    assert client.get("/v1/albums").headers["retry-after"] == "7"
    assert client.get("/v1/albums").headers["retry-after"] == "2"


def test_invalid_grant(emulator: Emulator) -> None:
    held = emulator.grant()
    fault(emulator, "invalid-grant")
    fields = {name: held[name] for name in ("client_id", "client_secret", "refresh_token")}
    fields["grant_type"] = "refresh_token"
    dead = requests.post(held["token_uri"], data=fields, timeout=60)
    assert dead.json() == {
        "error": "invalid_grant",
        "error_description": "Token has been expired or revoked.",
    }
    assert requests.post(held["token_uri"], data=fields, timeout=60).status_code == 200


def test_html_instead_of_data(emulator: Emulator, client: Client) -> None:
    fault(emulator, "html")
    fault(emulator, "html", code=403, body="<p>No")
    answer = client.get("/v1/albums")
    assert (answer.status_code, "Wi-Fi" in answer.text) == (200, True)
    answer = client.get("/v1/albums")
    assert (answer.status_code, answer.text) == (403, "<p>No")


@pytest.mark.parametrize(
    ("name", "effect", "reset"),
    [
        ("reset-before", 0, None),  # if it meets the sending, the reading just sees the end
        ("reset-middle", 0, None),
        ("reset-after", 1, True),
        ("lost-answer", 1, False),
    ],
)
def test_connections_that_end(
    emulator: Emulator, client: Client, name: str, effect: int, reset: bool | None
) -> None:
    token = client.upload(picture())
    fault(emulator, name, on="batchCreate", after_bytes=20)
    with pytest.raises(requests.ConnectionError) as caught:
        client.create(token)
    if reset is not None:
        assert ("ConnectionResetError" in repr(caught.value)) == reset
    assert len(emulator.library.items()) == effect
    assert emulator.requests.all()[-1].status == 0
    assert client.create(token).status_code == 200
    assert len(emulator.library.items()) == 1
    assert emulator.requests.overlapping_writes() == 0


def test_a_reset_after_a_body_shorter_than_the_limit(emulator: Emulator, client: Client) -> None:
    fault(emulator, "reset-middle", on="upload.raw", after_bytes=1000)
    with pytest.raises(requests.ConnectionError):
        client.raw(b"short")


@pytest.mark.parametrize(("keep", "kept"), [("arbitrary", 700), ("aligned", 512), ("none", 0)])
def test_a_reset_in_the_middle_of_a_chunk(
    emulator: Emulator, client: Client, keep: str, kept: int
) -> None:
    emulator.options.granularity_bytes = 256
    emulator.options.keep_prefix = keep
    fault(emulator, "reset-middle", on="upload.chunk", after_bytes=700)
    session = client.session(1000)
    with pytest.raises(requests.ConnectionError, match="Connection reset"):
        client.send(session, b"x" * 1000)
    query = client.command(session, "query")
    assert query.headers["X-Goog-Upload-Size-Received"] == str(kept)
    assert emulator.requests.all()[-2].bytes == 700


def test_the_lost_finalize_answer(emulator: Emulator, client: Client) -> None:
    fault(emulator, "lost-answer", on="upload.chunk")
    session = client.session(10)
    with pytest.raises(requests.ConnectionError):
        client.send(session, b"x" * 10)
    assert client.command(session, "query").headers[STATUS] == "final"


def test_a_hung_write_goes_on_when_the_client_has_gone(
    emulator: Emulator,
    client: Client,
    hang: Hang,
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    token = client.upload(picture())
    fault(emulator, "hang", on="batchCreate")
    body = json.dumps({"newMediaItems": [{"simpleMediaItem": {"uploadToken": token}}]})
    at = urlsplit(client.url)
    head = (
        f"POST /v1/mediaItems:batchCreate HTTP/1.1\r\nHost: {at.netloc}\r\n"
        f"Authorization: Bearer {client.token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((at.hostname or "", at.port or 0), 60) as connection:
        connection.sendall((head + body).encode())
        assert hang.began.wait(60)
    assert client.create(token).status_code == 429
    assert emulator.library.items() == []
    hang.goes_on.set()
    eventually(lambda: bool(emulator.library.items()))


@pytest.mark.parametrize(("code", "status"), [(None, 410), (404, 404)])
def test_an_expired_session(
    emulator: Emulator, client: Client, code: int | None, status: int
) -> None:
    session = client.session(10)
    fault(emulator, "expired-session", **({"code": code} if code else {}))
    assert client.send(session, b"x" * 10).status_code == status
    assert client.command(session, "query").status_code == status


def test_a_missing_status_header(emulator: Emulator, client: Client) -> None:
    fault(emulator, "missing-status-header", on="upload.query")
    session = client.session(10)
    assert STATUS not in client.command(session, "query").headers
    assert STATUS in client.command(session, "query").headers


def test_a_wrong_hash_spoils_the_session(emulator: Emulator, client: Client) -> None:
    emulator.options.granularity_bytes = 5
    fault(emulator, "wrong-hash", on="upload.chunk")
    session = client.session(10)
    assert client.send(session, b"x" * 5, last=False).status_code == 200
    last = client.send(session, b"x" * 5, 5)
    assert (last.status_code, last.headers[STATUS]) == (400, "final")
    assert "checksum" in last.text


def test_truncated_json(emulator: Emulator, client: Client) -> None:
    fault(emulator, "truncated-json", on="albums.create")
    answer = client.post("/v1/albums", {"album": {"title": "x"}})
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert [album.title for album in emulator.library.albums()] == ["x"]


def test_item_codes(emulator: Emulator, client: Client) -> None:
    tokens = [client.upload(picture(number)) for number in range(3)]

    def codes() -> list[int]:
        results = client.create(*tokens).json()["newMediaItemResults"]
        return [each["status"].get("code", 0) for each in results]

    fault(emulator, "item-code")
    fault(emulator, "item-code", item=1, code=14)
    fault(emulator, "item-code", item="[12].jpg", code=3)
    assert codes() == [13, 0, 0]
    assert codes() == [0, 14, 0]
    assert codes() == [0, 3, 3]
    assert codes() == [0, 0, 0]


def test_results_missing_and_reordered(emulator: Emulator, client: Client) -> None:
    tokens = [client.upload(picture(number)) for number in range(3)]

    def answered() -> list[str]:
        results = client.create(*tokens).json()["newMediaItemResults"]
        return [each["uploadToken"] for each in results]

    fault(emulator, "missing-result")
    fault(emulator, "missing-result", item="0.jpg")
    fault(emulator, "reordered-results")
    assert answered() == tokens[:2]
    assert answered() == tokens[1:]
    assert answered() == tokens[::-1]
    assert len(emulator.library.items()) == 3


def test_skip_and_times(emulator: Emulator, client: Client) -> None:
    fault(emulator, "500", on="albums.*", skip=1, times=2)
    statuses = [client.get("/v1/albums").status_code for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    assert client.get("/v1/mediaItems").status_code == 200


def test_clear_and_remaining(emulator: Emulator, client: Client) -> None:
    emulator.faults.add(Fault("503", on="token"))
    assert emulator.faults.remaining() == [Fault("503", on="token")]
    emulator.faults.clear()
    assert not emulator.faults.remaining()
    assert client.get("/v1/albums").status_code == 200


def test_a_fault_waits_for_a_request_it_can_happen_to() -> None:
    plan = FaultPlan([{"fault": "item-code"}])
    assert plan.take("upload.raw") is None
    assert plan.take("batchCreate") == Fault("item-code")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"fault": "quota"}, "There is no fault 'quota'. Known: quota-day"),
        ({}, "There is no fault None"),
        ({"fault": "500", "when": 1}, "A fault has no 'when'"),
        ({"fault": "500", "times": 0}, "times is a number from 1 up"),
        ({"fault": "500", "times": True}, "times is int, not True"),
        ({"fault": "500", "skip": -1}, "skip is a number from 0 up"),
        ({"fault": "hang", "seconds": float("nan")}, "seconds is a number"),
        ({"fault": "500", "on": 5}, "on is str"),
        ("500", "A fault is an object"),
    ],
)
def test_malformed_faults(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        FaultPlan([values])


def test_one_bad_fault_keeps_out_the_good_ones() -> None:
    plan = FaultPlan()
    with pytest.raises(ValueError, match="no fault"):
        plan.add_all([Fault("500"), {"fault": "?"}])
    assert plan.remaining() == []


def test_the_brief_list_of_faults_is_complete() -> None:
    assert len(KINDS) == 26


def test_a_bug_is_a_500_and_is_logged(
    emulator: Emulator, client: Client, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    token = client.upload(picture())
    for file in (tmp_path / "google" / "blobs").iterdir():
        file.unlink()
    answer = client.create(token)
    assert (answer.status_code, answer.json()["error"]["status"]) == (500, "INTERNAL")
    assert "emulator.bug kind=batchCreate" in caplog.text
