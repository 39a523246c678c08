"""Every answer of google-photos-api.md, and any other that a network may bring."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from photosync.errors import (
    AlbumGone,
    ApiNotEnabled,
    ChecksumMismatch,
    ClientInvalid,
    ClockWrong,
    DailyQuotaSpent,
    EmptyFile,
    FileRefused,
    FileTooLarge,
    ItemTrouble,
    Offline,
    PhotosDisabled,
    PhotosyncError,
    RateLimited,
    RequestRefused,
    ScopeMissing,
    ServerTrouble,
    SignInRequired,
    StorageFull,
    TokenLost,
    WriteCollision,
)
from photosync.google.answers import ENABLE_URL, Kind, error_of, token_error_of
from photosync.google.faults import Answer, clean, fault_of, retry_after
from photosync.google.library import item_error

NOW = 1_800_000_000.0
FAILED = "Failed: There was an error while trying to create this media item."
STORAGE = "The remaining storage in the user's account is not enough to perform this operation."


def wrapped(code: int, message: str, status: str = "INVALID_ARGUMENT", **more: Any) -> bytes:
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, **more}}
    ).encode()


def bare(code: int, message: str) -> bytes:
    return json.dumps({"code": code, "message": message}).encode()


def quota(message: str, limit: str = "", reason: str = "RATE_LIMIT_EXCEEDED") -> bytes:
    details = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "metadata": {"quota_limit": limit} if limit else {},
        }
    ]
    errors = [{"message": message, "domain": "global", "reason": "rateLimitExceeded"}]
    return wrapped(429, message, "RESOURCE_EXHAUSTED", details=details, errors=errors)


SCOPES = wrapped(403, "Request had insufficient authentication scopes.", "PERMISSION_DENIED")
UNAUTHENTICATED = wrapped(
    401,
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie"
    " or other valid authentication credential.",
    "UNAUTHENTICATED",
)
NOT_ENABLED_TEXT = (
    "Google Photos API has not been used in project 0 before or it is disabled. Enable it by"
    " visiting https://console.developers.google.com/apis/library/photoslibrary.googleapis.com/"
    "overview?project=0 then retry. If you enabled this API recently, wait."
)
NOT_ENABLED = wrapped(
    403,
    NOT_ENABLED_TEXT,
    "PERMISSION_DENIED",
    errors=[{"message": "x", "domain": "usageLimits", "reason": "accessNotConfigured"}],
)
MINUTE_TEXT = (
    "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute per"
    " user' of service 'photoslibrary.googleapis.com' for consumer 'project_number:844831818923'."
)
DAY_TEXT = (
    "Quota exceeded for quota metric 'All requests' and limit 'All requests per day' of service"
    " 'photoslibrary.googleapis.com' for consumer 'project_number:844831818923'."
)
OLD_MINUTE_TEXT = (
    "Quota exceeded for quota metric 'photoslibrary.googleapis.com/write_requests' and limit"
    " 'WritesPerMinutePerUser' of service 'photoslibrary.googleapis.com'"
)
CONCURRENT_TEXT = (
    "Quota exceeded for quota 'concurrent write request' of service 'photoslibrary.googleapis.com'."
)
UPLOADS_QUOTA_TEXT = (
    "Insufficient tokens for quota 'photoslibrary.googleapis.com/upload_requests' and limit"
    " 'UploadsPerMinute' of service 'photoslibrary.googleapis.com' for consumer"
    " 'project_number:1'."
)
MINUTE_OF_DAY = quota(
    f"{MINUTE_TEXT} The project has 10,000 requests per day.", "WritesPerMinutePerUser"
)
PAGE = b"<!DOCTYPE html><html><title>Error</title><p>per day, not enough storage</html>"

ROWS: list[tuple[str, Kind, int, bytes, type[PhotosyncError]]] = [
    # §1.2
    ("scopes", Kind.CREATE, 403, SCOPES, ScopeMissing),
    ("scopes at albums", Kind.ALBUMS, 403, SCOPES, ScopeMissing),
    (
        "scopes with details",
        Kind.CREATE,
        403,
        wrapped(
            403, "x", "PERMISSION_DENIED", details=[{"reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]
        ),
        ScopeMissing,
    ),
    (
        "scopes at uploads",
        Kind.RAW,
        401,
        bare(16, "Authentication session is not defined."),
        ScopeMissing,
    ),
    ("the same as text", Kind.START, 401, b"Authentication session is not defined.", ScopeMissing),
    ("api off", Kind.CREATE, 403, NOT_ENABLED, ApiNotEnabled),
    (
        "api off by text",
        Kind.ALBUM,
        403,
        wrapped(403, NOT_ENABLED_TEXT, "PERMISSION_DENIED"),
        ApiNotEnabled,
    ),
    ("api off at uploads", Kind.RAW, 403, bare(7, NOT_ENABLED_TEXT), ApiNotEnabled),
    (
        "no permission",
        Kind.ALBUM,
        403,
        wrapped(403, "The caller does not have permission", "PERMISSION_DENIED"),
        PhotosDisabled,
    ),
    (
        "photos off",
        Kind.CREATE,
        403,
        wrapped(403, "Google Photos is disabled for the user", "PERMISSION_DENIED"),
        PhotosDisabled,
    ),
    ("unauthenticated", Kind.CREATE, 401, UNAUTHENTICATED, SignInRequired),
    # §2.2
    ("empty", Kind.RAW, 400, bare(3, "Payload must not be empty"), EmptyFile),
    (
        "too large",
        Kind.START,
        413,
        bare(3, "The request exceeded the max file size limit of 20 GB."),
        FileTooLarge,
    ),
    ("too large, no text", Kind.CHUNK, 413, b"", FileTooLarge),
    ("uploads quota", Kind.RAW, 400, bare(3, UPLOADS_QUOTA_TEXT), RateLimited),
    (
        "checksum",
        Kind.RAW,
        400,
        b"Checksum from header does not match received payload content.",
        ChecksumMismatch,
    ),
    (
        "checksum, newer",
        Kind.CHUNK,
        400,
        bare(3, "User-provided checksum does not match received payload content."),
        ChecksumMismatch,
    ),
    ("429 at uploads", Kind.RAW, 429, b"", RateLimited),
    ("409 at uploads", Kind.RAW, 409, b"", WriteCollision),
    ("412 at uploads", Kind.RAW, 412, bare(9, "no"), RequestRefused),
    ("500 at uploads", Kind.RAW, 500, bare(13, "Internal error"), ServerTrouble),
    ("503 at uploads", Kind.CHUNK, 503, b"", ServerTrouble),
    # §3.3
    (
        "bad token",
        Kind.CREATE,
        400,
        wrapped(400, "Request must contain a valid upload token."),
        TokenLost,
    ),
    (
        "too many",
        Kind.CREATE,
        400,
        wrapped(400, "Request must have less than 50 items."),
        RequestRefused,
    ),
    (
        "foreign album",
        Kind.CREATE,
        400,
        wrapped(400, "No permission to add media items to this album."),
        AlbumGone,
    ),
    (
        "deleted album",
        Kind.CREATE,
        400,
        wrapped(400, "The provided ID does not match any albums."),
        AlbumGone,
    ),
    ("album 404", Kind.CREATE, 404, wrapped(404, "Not found.", "NOT_FOUND"), AlbumGone),
    ("storage", Kind.CREATE, 400, wrapped(400, STORAGE), StorageFull),
    ("storage, bent", Kind.CREATE, 400, wrapped(400, STORAGE.replace("'", "\u2019")), StorageFull),
    ("storage at uploads", Kind.RAW, 400, bare(3, STORAGE), StorageFull),
    (
        "storage as 429",
        Kind.CREATE,
        429,
        wrapped(429, STORAGE, "RESOURCE_EXHAUSTED"),
        StorageFull,
    ),
    (
        "aborted",
        Kind.CREATE,
        409,
        wrapped(409, "The operation was aborted.", "ABORTED"),
        WriteCollision,
    ),
    *[
        (f"{status}", Kind.CREATE, status, wrapped(status, "x", "INTERNAL"), ServerTrouble)
        for status in (500, 502, 503, 504)
    ],
    (
        "unknown field",
        Kind.CREATE,
        400,
        wrapped(400, 'Invalid JSON payload received. Unknown name "x"'),
        RequestRefused,
    ),
    # §6.3
    ("minute", Kind.CREATE, 429, quota(MINUTE_TEXT, "WritesPerMinutePerUser"), RateLimited),
    ("minute, of 10,000 per day", Kind.CREATE, 429, MINUTE_OF_DAY, RateLimited),
    ("minute by text", Kind.CREATE, 429, quota(MINUTE_TEXT), RateLimited),
    ("minute, old", Kind.CREATE, 429, quota(OLD_MINUTE_TEXT), RateLimited),
    ("day", Kind.CREATE, 429, quota(DAY_TEXT, "ApiCallsPerProjectPerDay"), DailyQuotaSpent),
    ("day by text", Kind.ALBUMS, 429, quota(DAY_TEXT), DailyQuotaSpent),
    ("day at uploads", Kind.RAW, 429, bare(8, DAY_TEXT), DailyQuotaSpent),
    ("day, generic", Kind.RAW, 403, quota("x", "", "dailyLimitExceeded"), DailyQuotaSpent),
    (
        "concurrent",
        Kind.CREATE,
        429,
        wrapped(429, CONCURRENT_TEXT, "RESOURCE_EXHAUSTED"),
        RateLimited,
    ),
    # what is not Google at all
    ("redirect", Kind.RAW, 302, b"", ServerTrouble),
    ("timeout", Kind.RAW, 408, b"", ServerTrouble),
    ("proxy", Kind.RAW, 407, b"", Offline),
    ("captive", Kind.CREATE, 511, b"", Offline),
    *[
        (f"page {status}", kind, status, PAGE, error)
        for kind in (Kind.RAW, Kind.QUERY, Kind.CREATE)
        for status, error in (
            (400, ServerTrouble),
            (401, ServerTrouble),
            (403, ServerTrouble),
            (404, ServerTrouble),
            (429, RateLimited),
            (502, ServerTrouble),
        )
    ],
]


@pytest.mark.parametrize(
    ("kind", "status", "body", "error"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_an_answer_means(
    kind: Kind, status: int, body: bytes, error: type[PhotosyncError]
) -> None:
    found = error_of(kind, Answer(status, {}, body), now=NOW)
    assert type(found) is error


@pytest.mark.parametrize("status", [200, 201, 204, 207])
def test_success_is_no_error(status: int) -> None:
    assert error_of(Kind.CREATE, Answer(status, {}, PAGE), now=NOW) is None


def test_the_hint_leads_to_the_users_own_project() -> None:
    found = error_of(Kind.CREATE, Answer(403, {}, NOT_ENABLED), now=NOW)
    assert found is not None
    assert (
        "https://console.developers.google.com/apis/library/photoslibrary.googleapis.com/"
        "overview?project=0 and" in found.hint
    )


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://console.developers.google.com/apis/x?project=1",
        "https://console.developers.google.com.evil.example/apis/x?project=1",
        "https://console.developers.google.com/apis/x?project=ya29.a0AfH6SMBsecretsecret",
    ],
)
def test_no_other_address_gets_into_the_hint(address: str) -> None:
    body = wrapped(403, f"It is disabled. Visit {address} then retry", "PERMISSION_DENIED")
    found = error_of(Kind.CREATE, Answer(403, {}, body), now=NOW)
    assert isinstance(found, ApiNotEnabled)
    assert ENABLE_URL in found.hint
    assert "secretsecret" not in found.hint
    assert "evil" not in found.hint


TOKEN_ROWS: list[tuple[int, bytes, type[PhotosyncError] | None]] = [
    (200, b'{"access_token":"ya29.x","expires_in":3599,"token_type":"Bearer"}', None),
    (200, b'{"expires_in":3599}', ServerTrouble),
    (200, b'{"access_token":""}', ServerTrouble),
    (200, b'{"access_token":"a b"}', ServerTrouble),
    (200, b'{"access_token":"a\\nb"}', ServerTrouble),
    (200, '{"access_token":"añb"}'.encode(), ServerTrouble),
    (200, b'{"access_token":7}', ServerTrouble),
    (200, b"[]", ServerTrouble),
    (200, PAGE, ServerTrouble),
    (
        400,
        b'{"error":"invalid_grant","error_description":"Token has been expired or revoked."}',
        SignInRequired,
    ),
    (400, b'{"error":"invalid_grant","error_description":"Bad Request"}', SignInRequired),
    (400, b'{"error":"invalid_grant","error_description":"Malformed auth code."}', SignInRequired),
    (
        400,
        b'{"error":"invalid_grant","error_description":"Missing code verifier."}',
        SignInRequired,
    ),
    (
        401,
        b'{"error":"invalid_client","error_description":"The OAuth client was not found."}',
        ClientInvalid,
    ),
    (401, b'{"error":"invalid_client","error_description":"Unauthorized"}', ClientInvalid),
    (401, b'{"error":"deleted_client"}', ClientInvalid),
    (400, b'{"error":"redirect_uri_mismatch","error_description":"Bad Request"}', ClientInvalid),
    (400, b'{"error":"unsupported_grant_type"}', ClientInvalid),
    (400, b'{"error":"invalid_request"}', ServerTrouble),
    (400, b'{"error":"invalid_scope"}', ScopeMissing),
    (403, b'{"error":"org_internal"}', ClientInvalid),
    (403, b'{"error":"admin_policy_enforced"}', ClientInvalid),
    (403, b'{"error":"disabled_client"}', ClientInvalid),
    (403, b'{"error":"access_denied"}', SignInRequired),
    (500, b"", ServerTrouble),
    (503, PAGE, ServerTrouble),
    (404, PAGE, ServerTrouble),
    (302, b"", ServerTrouble),
    (429, b'{"error":"rate_limit_exceeded"}', RateLimited),
    (407, b"", Offline),
    (511, PAGE, Offline),
]


@pytest.mark.parametrize(
    ("ahead_seconds", "words"),
    [
        (3 * 3600, "3 hours ahead"),
        (-400, "7 minutes behind"),
        (-90 * 86400, "90 days behind"),
        (200, None),
    ],
)
def test_a_clock_that_is_wrong_is_told_instead_of_a_dead_sign_in(
    ahead_seconds: int, words: str | None
) -> None:
    date = {"date": format_datetime(datetime.fromtimestamp(NOW, UTC), usegmt=True)}
    answer = Answer(400, date, b'{"error":"invalid_grant","error_description":"Bad Request"}')
    found = token_error_of(answer, now=NOW + ahead_seconds)
    if words is None:
        assert isinstance(found, SignInRequired)
    else:
        assert isinstance(found, ClockWrong)
        assert words in found.message


@pytest.mark.parametrize(("status", "body", "error"), TOKEN_ROWS)
def test_what_the_token_endpoint_means(
    status: int, body: bytes, error: type[PhotosyncError] | None
) -> None:
    found = token_error_of(Answer(status, {}, body), now=NOW)
    assert (None if found is None else type(found)) is error


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        (3, FAILED, FileRefused),
        (3, "Invalid upload token.", TokenLost),
        (5, FAILED, TokenLost),
        (6, FAILED, ItemTrouble),
        (6, "EXISTS: There was an error while trying to create this media item.", ItemTrouble),
        (9, FAILED, TokenLost),
        (7, FAILED, FileRefused),
        (13, FAILED, ItemTrouble),
        (13, "Internal error", ItemTrouble),
        (14, None, ItemTrouble),
        (3, STORAGE, StorageFull),
        (8, STORAGE, StorageFull),
        *[(code, FAILED, ItemTrouble) for code in (0, 1, 2, 4, 8, 10, 12, 15)],
    ],
)
def test_what_an_items_code_means(
    code: int, message: str | None, error: type[PhotosyncError]
) -> None:
    assert type(item_error(code, message)) is error


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"retry-after": "7"}, b"", 7.0),
        ({"retry-after": " 7 "}, b"", 7.0),
        ({"retry-after": "-7"}, b"", 0.0),
        ({"retry-after": "99999999999"}, b"", 86_400.0),
        ({"retry-after": "nan"}, b"", None),
        ({"retry-after": "inf"}, b"", None),
        ({"retry-after": "soon"}, b"", None),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, b"", 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, b"", 0.0),
        ({"retry-after": "Fri, 15 Jan 99999 08:00:30 GMT"}, b"", None),
        ({}, wrapped(503, "x", "UNAVAILABLE", details=[{"retryDelay": "12.5s"}]), 12.5),
        ({}, wrapped(503, "x", "UNAVAILABLE", details=[{"retryDelay": "s"}]), None),
        ({"retry-after": "3"}, wrapped(503, "x", details=[{"retryDelay": "12s"}]), 3.0),
    ],
)
def test_how_long_the_server_wants_us_to_wait(
    headers: dict[str, str], body: bytes, seconds: float | None
) -> None:
    answer = Answer(503, headers, body)
    assert retry_after(answer, fault_of(answer), NOW) == seconds
    found = error_of(Kind.RAW, answer, now=NOW)
    assert isinstance(found, ServerTrouble)
    assert found.retry_after == seconds


SECRETS = [
    "ya29.a0AfH6SMBx-verysecret",
    "1//0gVerySecretRefresh",
    "GOCSPX-verysecretverysecretver",
    "4/0AVerySecretCode",
    "Bearer verysecret",
    "https://photoslibrary.googleapis.com/v1/uploads?upload_id=AEnverysecret&x=1",
    "A" * 30 + "verysecret" + "b" * 30,
]


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("kind", list(Kind))
def test_no_secret_is_echoed(secret: str, kind: Kind) -> None:
    for status in (400, 403, 404, 409, 412, 429, 500):
        for body in (
            wrapped(status, f"No: {secret}"),
            bare(3, f"No: {secret}"),
            f"No: {secret}".encode(),
            json.dumps({"error": secret, "error_description": secret}).encode(),
        ):
            answer = Answer(status, {}, body)
            for found in (error_of(kind, answer, now=NOW), token_error_of(answer, now=NOW)):
                assert "secret" not in str(found).lower()
    assert "secret" not in str(item_error(3, f"No: {secret}")).lower()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "code",
                    "message",
                    "status",
                    "details",
                    "errors",
                    "reason",
                    "metadata",
                    "quota_limit",
                    "retryDelay",
                    "error_description",
                    "access_token",
                    "id",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
TALK = st.text(alphabet=st.characters(), max_size=2000)
BODIES = st.one_of(
    st.binary(max_size=3000),
    JSON.map(lambda value: json.dumps(value).encode()),
    TALK.map(lambda text: json.dumps({"error": {"code": 3, "message": text}}).encode()),
    TALK.map(lambda text: json.dumps({"error": text, "error_description": text}).encode()),
    TALK.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"[" * 200_000, b'{"a":' * 100_000, b"9" * 5000, b'{"error":{"code":1e999}}']),
)
HEADERS = st.dictionaries(
    st.sampled_from(["retry-after", "content-type", "x-goog-upload-status"]),
    st.text(max_size=80) | st.sampled_from(["1e400", "Mon, 99 Foo 2020", "0" * 5000]),
)


def assert_presentable(error: PhotosyncError) -> None:
    assert len(error.message) <= 400
    assert error.message.isprintable()
    assert error.hint.isprintable()
    assert error.message


@given(
    kind=st.sampled_from(Kind),
    status=st.integers(100, 999),
    headers=HEADERS,
    body=BODIES,
    is_whole=st.booleans(),
)
@example(Kind.CREATE, 400, {}, b'{"error":{"message":["storage"]}}', True)
def test_any_answer_has_a_meaning(
    kind: Kind, status: int, headers: dict[str, str], body: bytes, is_whole: bool
) -> None:
    answer = Answer(status, headers, body, is_whole)
    found = error_of(kind, answer, now=NOW)
    assert (found is None) == (200 <= status < 300)
    if found is not None:
        assert_presentable(found)
    told = token_error_of(answer, now=NOW)
    if told is not None:
        assert_presentable(told)


@given(code=st.integers(), message=JSON | TALK)
def test_any_items_code_has_a_meaning(code: int, message: object) -> None:
    assert_presentable(item_error(code, message))


@given(TALK, st.integers(2, 300))
def test_cleaned_text_is_one_short_line(text: str, longest: int) -> None:
    found = clean(text, longest=longest)
    assert len(found) <= longest
    assert found.isprintable()
    assert clean(found, longest=longest) == found
