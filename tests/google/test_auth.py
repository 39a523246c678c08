"""The sign-in: one refresh at a time, no question about a dead token, no word of a secret."""

from __future__ import annotations

import json
import logging
import os
import stat
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.errors import (
    BlockedError,
    ClientInvalid,
    PhotosyncError,
    RateLimited,
    ScopeMissing,
    ServerTrouble,
    SignInRequired,
    Stopping,
)
from photosync.google.auth import (
    LONGEST_LIFE,
    Authorization,
    credentials_of,
    is_safe_uri,
    read_token,
    refresh,
    write_token,
)
from photosync.google.http import Api, Call, Wire
from photosync.google.scopes import APPEND, READ_OWN
from tests.google.conftest import Dead, Google, Halt, http, nothing, stranger, write_json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from photosync.google.ports import UploadFile

EXPIRED = "2020-01-01T00:00:00Z"


def at_once(jobs: int, what: Callable[[], Any]) -> list[Any]:
    """The results of ``what``, run by so many threads; an error is a result, too."""

    def run(_: int) -> Any:
        try:
            return what()
        except PhotosyncError as error:
            return error

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(run, range(jobs)))


def test_a_good_token_costs_no_request(google: Google) -> None:
    granted = google.sign_in()
    authorization = google.authorization()
    assert authorization.signed_in()
    assert authorization.header() == f"Bearer {granted['token']}"
    assert google.emulator.requests.count() == 0


def test_an_expired_token_is_refreshed_once_whoever_asks(google: Google) -> None:
    google.sign_in(expiry=EXPIRED)
    authorization = google.authorization()
    headers = at_once(8, authorization.header)
    assert len(set(headers)) == 1
    assert google.emulator.requests.count("token") == 1


def test_a_refused_token_is_refreshed_once_whoever_asks(google: Google) -> None:
    google.sign_in(token="ya29.refused-by-google")
    authorization = google.authorization()
    refused = authorization.header()
    at_once(8, lambda: authorization.renew(refused))
    assert google.emulator.requests.count("token") == 1
    assert authorization.header() != refused


@pytest.mark.parametrize("expiry", [None, "", "soon", 7, "9999-99-99", "0001-01-01T00:00:00+14:00"])
def test_a_token_of_unknown_age_is_refreshed(google: Google, expiry: object) -> None:
    google.sign_in(expiry=expiry)
    google.authorization().header()
    assert google.emulator.requests.count("token") == 1


@pytest.mark.parametrize("token", [None, "", 7, "two words", "line\nbreak", "ümlaut", "\ud800"])
def test_a_token_that_no_header_can_carry_is_refreshed(google: Google, token: object) -> None:
    google.sign_in(token=token)
    assert google.authorization().header().isascii()
    assert google.emulator.requests.count("token") == 1


def test_the_fresh_token_is_kept_for_the_next_start(google: Google) -> None:
    google.sign_in(expiry=EXPIRED)
    header = google.authorization().header()
    assert google.authorization().header() == header
    assert google.emulator.requests.count("token") == 1
    assert stat.S_IMODE(google.token_file.stat().st_mode) == 0o600
    kept = json.loads(google.token_file.read_text())
    assert kept["token_uri"] == f"{google.emulator.url}/token"
    assert kept["account"] == "you@example.com"


def test_a_folder_that_cannot_be_written_is_no_hindrance(
    google: Google, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    google.sign_in(expiry=EXPIRED)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    authorization = google.authorization()
    assert authorization.header() == authorization.header()
    assert google.emulator.requests.count("token") == 1
    assert "token.unwritten reason=Permission denied" in caplog.text


def test_a_full_disk_is_no_hindrance_either_and_leaves_nothing_behind(
    google: Google, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    google.sign_in(expiry=EXPIRED)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    before = google.token_file.read_bytes()
    google.authorization().header()
    assert "token.unwritten" in caplog.text
    assert google.token_file.read_bytes() == before
    assert not list(google.token_file.parent.glob(".token-*"))


def test_a_revoked_sign_in_is_asked_about_once(google: Google) -> None:
    google.sign_in(expiry=EXPIRED)
    google.emulator.revoke_all()
    authorization = google.authorization()
    for error in at_once(8, authorization.header):
        assert isinstance(error, SignInRequired)
    assert google.emulator.requests.count("token") == 1
    assert not authorization.signed_in()
    assert not google.authorization().signed_in()  # nor after a restart
    with pytest.raises(SignInRequired):
        google.authorization().header()
    assert google.emulator.requests.count("token") == 1


def test_signing_out_is_noticed_by_itself(google: Google) -> None:
    authorization = google.authorization()
    authorization.header()
    google.token_file.unlink()
    assert not authorization.signed_in()
    with pytest.raises(SignInRequired):
        authorization.header()


def test_sign_ins_are_told_apart_without_telling_them(google: Google) -> None:
    authorization = google.authorization()
    first = authorization.who()
    assert first == google.authorization().who()
    assert json.loads(google.token_file.read_text())["refresh_token"] not in first
    google.sign_in()
    assert authorization.who() not in ("", first)
    google.token_file.unlink()
    assert authorization.who() == ""


def test_a_new_sign_in_is_noticed_by_itself(google: Google) -> None:
    google.sign_in(expiry=EXPIRED)
    google.emulator.revoke_all()
    authorization = google.authorization()
    with pytest.raises(SignInRequired):
        authorization.header()
    granted = google.sign_in()
    assert authorization.signed_in()
    assert authorization.header() == f"Bearer {granted['token']}"


def test_a_sign_in_during_the_refresh_is_not_overwritten(google: Google) -> None:
    google.sign_in(expiry=EXPIRED)
    fresh: dict[str, Any] = {}

    class Slow(Wire):
        def send(self, call: Call, *, authorization: str | None = None) -> Any:
            answer = super().send(call, authorization=authorization)
            fresh.update(google.sign_in())
            return answer

    with Slow(halt=Halt()) as wire:
        authorization = Authorization(google.token_file, wire=wire, dead_tokens=Dead())
        authorization.header()
        assert authorization.header() == f"Bearer {fresh['token']}"
    assert json.loads(google.token_file.read_text())["token"] == fresh["token"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [("503", ServerTrouble), ("html", ServerTrouble), ("truncated-json", ServerTrouble)],
)
def test_trouble_at_the_token_endpoint_buries_nothing(
    google: Google, fault: str, error: type[PhotosyncError]
) -> None:
    google.sign_in(expiry=EXPIRED)
    google.emulator.faults.add({"fault": fault, "on": "token"})
    authorization = google.authorization()
    with pytest.raises(error):
        authorization.header()
    assert google.emulator.requests.count("token") == 1  # google-auth would ask three times
    assert authorization.signed_in()
    assert authorization.header()


def test_a_stop_during_the_refresh_is_a_stop(google: Google) -> None:
    google.sign_in(expiry=EXPIRED)
    google.halt.event.set()
    with pytest.raises(Stopping):
        google.authorization().header()


def test_401_is_refreshed_once_and_the_request_repeated(
    google: Google, make_file: Callable[..., UploadFile]
) -> None:
    google.sign_in(token="ya29.refused-by-google")
    google.connect().library.upload(make_file(b"\xff\xd8\xffphoto"), nothing)
    assert google.kinds() == ["upload.raw", "token", "upload.raw"]
    assert google.ledger.spent == ["upload", "upload"]


def test_401_twice_is_for_the_user(google: Google) -> None:
    google.emulator.faults.add({"fault": "401", "on": "*lbum*", "times": 2})
    with pytest.raises(SignInRequired):
        google.connect().library.create_album("Holiday")
    assert google.emulator.requests.count("token") == 1


def test_a_sign_in_without_the_permission_is_told_apart(
    google: Google, make_file: Callable[..., UploadFile]
) -> None:
    granted = google.emulator.grant([READ_OWN])
    write_json(google.token_file, granted | {"scopes": None})
    with pytest.raises(ScopeMissing):
        google.connect().library.upload(make_file(b"\xff\xd8\xffphoto"), nothing)
    assert google.kinds() == ["upload.raw", "token", "upload.raw"]


def test_a_changed_client_is_told_apart(google: Google) -> None:
    google.sign_in(expiry=EXPIRED, client_secret="GOCSPX-other")
    with pytest.raises(ClientInvalid):
        google.authorization().header()


# The file


def test_no_file_is_not_signed_in(google: Google) -> None:
    google.token_file.unlink()
    authorization = google.authorization()
    assert not authorization.signed_in()
    with pytest.raises(SignInRequired, match="is not signed in"):
        authorization.header()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 60_000,
        b'{"refresh_token":' * 3000,
        b" " * 70_000 + b"{}",
        b"9" * 5000,
        b"{}",
    ],
)
def test_a_damaged_file_is_not_signed_in(google: Google, content: bytes) -> None:
    google.token_file.write_bytes(content)
    google.token_file.chmod(0o600)
    authorization = google.authorization()
    assert not authorization.signed_in()
    with pytest.raises(SignInRequired) as raised:
        authorization.header()
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("key", ["refresh_token", "token_uri", "client_id", "client_secret"])
@pytest.mark.parametrize("value", [None, "", 7, ["x"], "\ud800", "a\nb"])
def test_an_incomplete_file_is_not_signed_in(google: Google, key: str, value: object) -> None:
    google.sign_in(**{key: value})
    with pytest.raises(SignInRequired, match="not complete"):
        google.authorization().header()


def test_a_folder_in_its_place_is_not_signed_in(google: Google) -> None:
    google.token_file.unlink()
    google.token_file.mkdir()
    google.token_file.chmod(0o700)
    with pytest.raises(SignInRequired, match="cannot be read: Is a directory"):
        google.authorization().header()


def test_a_file_without_the_permission_to_add(google: Google) -> None:
    google.sign_in(scopes=[READ_OWN])
    with pytest.raises(ScopeMissing):
        google.authorization().header()
    assert not google.authorization().signed_in()


@pytest.mark.parametrize("scopes", ["a b", 7, [], [1, None], {"x": 1}])
def test_a_file_with_odd_scopes_is_tried(google: Google, scopes: object) -> None:
    google.sign_in(scopes=scopes, expiry=EXPIRED)
    assert google.authorization().header()


@pytest.mark.parametrize(
    "uri",
    [
        "http://evil.example/token",
        "http://evil.example\\@127.0.0.1/token",
        "http://127.0.0.1@evil.example/token",
        "https://user:pass@oauth2.googleapis.com/token",
        "https:///token",
        "https://",
        "ftp://127.0.0.1/token",
        "gopher://127.0.0.1/token",
        "https://[::1/token",
        "https://oauth2.googleapis.com/token\n",
        "token",
    ],
)
def test_no_secret_goes_to_an_unsafe_address(google: Google, uri: str) -> None:
    assert not is_safe_uri(uri)
    google.sign_in(token_uri=uri, expiry=EXPIRED)
    with pytest.raises(SignInRequired, match=r"not safe|not complete"):
        google.authorization().header()


@pytest.mark.parametrize(
    "uri",
    [
        "https://oauth2.googleapis.com/token",
        "http://127.0.0.1:8000/token",
        "http://localhost/token?x=y",
        "http://[::1]:8000/token",
    ],
)
def test_google_and_this_machine_are_safe(uri: str) -> None:
    assert is_safe_uri(uri)


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "http://127.0.0.1"]))
def test_any_address_is_judged(text: str, before: str) -> None:
    from urllib3.util import parse_url

    uri = before + text
    if is_safe_uri(uri):
        found = parse_url(uri)
        assert (
            found.scheme == "https"
            or found.host in ("127.0.0.1", "localhost", "[::1]")
            or ((found.host or "").startswith("127."))
        )


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_is_open_to_others_is_refused_until_it_is_closed(
    google: Google, mode: int
) -> None:
    authorization = google.authorization()
    google.token_file.chmod(mode)
    with pytest.raises(SignInRequired, match=f"mode {mode:o}") as raised:
        authorization.header()
    assert f"chmod 600 {google.token_file}" in raised.value.hint
    assert not authorization.signed_in()
    google.token_file.chmod(0o600)
    assert authorization.signed_in()
    assert authorization.header()


def test_the_files_own_token_address_is_used(google: Google) -> None:
    with stranger(http("200 OK", b'{"access_token":"ya29.fresh","expires_in":"3600"}')) as one:
        google.sign_in(token_uri=f"{one.url}/x/token", expiry=EXPIRED)
        assert google.authorization().header() == "Bearer ya29.fresh"
    assert one.heard[0].startswith(b"POST /x/token ")
    assert b"grant_type=refresh_token" in one.heard[0]
    assert b"authorization:" not in one.heard[0].lower()
    assert google.emulator.requests.count() == 0


def test_another_refresh_token_takes_the_place_of_the_old(google: Google) -> None:
    reply = b'{"access_token":"ya29.a","expires_in":1,"refresh_token":"1//second"}'
    dead = b'{"error":"invalid_grant"}'
    with stranger(http("200 OK", reply), http("400 Bad Request", dead)) as one:
        google.sign_in(token_uri=f"{one.url}/token", expiry=EXPIRED)
        authorization = google.authorization()
        authorization.header()
        assert json.loads(google.token_file.read_text())["refresh_token"] == "1//second"
        with pytest.raises(SignInRequired):
            authorization.header()
        assert b"1%2F%2Fsecond" in one.heard[1]
        assert not google.authorization().signed_in()


ODD = [
    b"",
    b"[]",
    b'{"access_token":"ya29.x","expires_in":"soon"}',
    b'{"access_token":"ya29.x","expires_in":1e999}',
    b'{"access_token":"ya29.x","expires_in":-7}',
    b'{"access_token":"ya29.x","expires_in":[]}',
    b'{"access_token":"ya29.x","expires_in":99999999999999999999}',
    b'{"access_token":"ya29.x","expires_in":3600,"scope":7}',
    b'{"access_token":"ya29.x","expires_in":3600,"refresh_token":{}}',
    b'{"refresh_token":"1//0secretsecret","id_token":"secretsecret"}',
    b'{"access_token":{},"refresh_token":"1//0secretsecret"}',
    b'{"error":"secretsecret","refresh_token":"1//0secretsecret"}',
]


@pytest.mark.parametrize("body", ODD)
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Oh"])
def test_an_odd_answer_to_a_refresh_is_trouble_and_tells_nothing(
    google: Google, body: bytes, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with stranger(http(status, body)) as one:
        google.sign_in(token_uri=f"{one.url}/token", expiry=EXPIRED)
        try:
            header = google.authorization().header()
        except ServerTrouble as error:
            told = "".join(traceback.format_exception(error))
            assert "ya29" not in told
            assert "1//0" not in told
        else:
            assert header == "Bearer ya29.x"
            assert google.dead.buried == set()
    assert len(one.heard) == 1
    assert "secretsecret" not in caplog.text
    assert "1//0" not in caplog.text


def test_no_token_lives_for_ever(google: Google) -> None:
    with (
        stranger(http("200 OK", b'{"access_token":"ya29.x","expires_in":1e12}')) as one,
        Wire(halt=Halt()) as wire,
    ):
        found = google.sign_in(token_uri=f"{one.url}/token")
        credentials = credentials_of(found)
        refresh(credentials, wire, clock=lambda: 0.0)
    from datetime import UTC, datetime, timedelta

    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=LONGEST_LIFE)
    assert credentials.expiry is not None
    assert credentials.expiry <= latest


def test_the_token_endpoint_may_ask_for_rest(google: Google) -> None:
    with stranger(http("429 Slow", b"{}", Retry_After="77")) as one:
        google.sign_in(token_uri=f"{one.url}/token", expiry=EXPIRED)
        with pytest.raises(RateLimited) as raised:
            google.authorization().header()
    assert raised.value.retry_after == 77.0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.dictionaries(
        st.sampled_from(
            ("token", "refresh_token", "token_uri", "client_id", "scopes", "expiry", "account")
        ),
        JSON,
    ),
    content=st.none() | st.binary(max_size=300),
)
def test_any_token_file_is_read_or_refused(
    tmp_path: Path, changes: dict[str, Any], content: bytes | None
) -> None:
    file = tmp_path / "token.json"
    good = {
        "token": "ya29.x",
        "refresh_token": "1//x",
        "token_uri": "https://oauth2.googleapis.com/token",
        "client_id": "c",
        "client_secret": "s",
        "scopes": [APPEND],
    }
    write_json(file, good | changes)
    if content is not None:
        file.write_bytes(content)
    try:
        credentials = credentials_of(read_token(file))
    except BlockedError:
        return
    assert credentials.expiry is not None
    write_token(file, credentials)
    assert read_token(file)["refresh_token"] == credentials.refresh_token


def test_what_is_asked_for_is_counted_before_it_is_sent(google: Google) -> None:
    seen: list[int] = []
    wire = google.wire()
    api = Api(
        wire,
        Authorization(google.token_file, wire=wire, dead_tokens=google.dead),
        lambda _: seen.append(google.emulator.requests.count()),
    )
    api.send(Call("GET", f"{google.emulator.url}/v1/albums"), "albums")
    assert seen == [0]


def test_the_token_is_written_for_its_owner_alone(google: Google, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_token(tmp_path / "new.json", credentials_of(google.sign_in()))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.json").stat().st_mode) == 0o600
