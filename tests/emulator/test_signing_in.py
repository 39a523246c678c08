from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from photosync.emulator.people import APPEND, EDIT, PREFIX, READ

if TYPE_CHECKING:
    from photosync.emulator.server import Emulator
    from tests.emulator.conftest import Client, Clock

REDIRECT = "http://127.0.0.1:45678/"
VERIFIER = "v" * 50
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
DAY = 86_400


def question(emulator: Emulator, **changes: str | None) -> dict[str, str]:
    asked: dict[str, str | None] = {
        "client_id": emulator.client_secret()["installed"]["client_id"],
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": f"{APPEND} {READ}",
        "state": "s<tate",
        "access_type": "offline",
        "prompt": "consent",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return {name: value for name, value in asked.items() if value is not None}


def consent(
    emulator: Emulator,
    *,
    decision: str = "allow",
    ticked: tuple[str, ...] = (APPEND, READ),
    **changes: str | None,
) -> dict[str, str]:
    asked = question(emulator, **changes)
    page = requests.get(emulator.url + "/o/oauth2/v2/auth", params=asked, timeout=60)
    assert page.status_code == 200, page.text
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
    hidden = {name: value.replace("&lt;", "<") for name, value in hidden.items()}
    answer = requests.post(
        emulator.url + "/o/oauth2/v2/auth",
        data=[
            *hidden.items(),
            *(("ticked", scope) for scope in ticked),
            ("user", "you@example.com"),
            ("decision", decision),
        ],
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 302, answer.text
    location = answer.headers["location"]
    assert location.startswith(REDIRECT)
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def ask_token(emulator: Emulator, **fields: str) -> requests.Response:
    installed = emulator.client_secret()["installed"]
    known = {"client_id": installed["client_id"], "client_secret": installed["client_secret"]}
    return requests.post(installed["token_uri"], data=known | fields, timeout=60)


def redeem(emulator: Emulator, code: str, **changes: str) -> requests.Response:
    fields = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    return ask_token(emulator, **(fields | changes))


def refresh(emulator: Emulator, token: str) -> requests.Response:
    return ask_token(emulator, grant_type="refresh_token", refresh_token=token)


def test_consent_code_token_and_a_call(emulator: Emulator) -> None:
    back = consent(emulator)
    assert back["state"] == "s<tate"
    assert back["scope"].split() == [APPEND, READ]

    reply = redeem(emulator, back["code"]).json()

    assert set(reply) == {"access_token", "expires_in", "refresh_token", "scope", "token_type"}
    assert (reply["token_type"], reply["expires_in"]) == ("Bearer", 3599)
    headers = {"Authorization": "Bearer " + reply["access_token"]}
    listed = requests.get(emulator.url + "/v1/mediaItems", headers=headers, timeout=60)
    assert (listed.status_code, listed.json()) == (200, {})


def test_the_token_also_travels_as_a_parameter(emulator: Emulator, client: Client) -> None:
    url = f"{emulator.url}/v1/albums?access_token={client.token}"
    assert requests.get(url, timeout=60).status_code == 200


def test_a_scope_left_unticked_is_not_granted(emulator: Emulator) -> None:
    back = consent(emulator, ticked=(APPEND,))
    reply = redeem(emulator, back["code"]).json()
    assert reply["scope"] == APPEND
    headers = {"Authorization": "Bearer " + reply["access_token"]}
    refused = requests.get(emulator.url + "/v1/mediaItems", headers=headers, timeout=60)
    assert refused.json() == {
        "error": {
            "code": 403,
            "message": "Request had insufficient authentication scopes.",
            "status": "PERMISSION_DENIED",
        }
    }


@pytest.mark.parametrize(("decision", "ticked"), [("deny", (APPEND,)), ("allow", ())])
def test_cancel_and_nothing_ticked_are_access_denied(
    emulator: Emulator, decision: str, ticked: tuple[str, ...]
) -> None:
    back = consent(emulator, decision=decision, ticked=ticked)
    assert back == {"error": "access_denied", "state": "s<tate"}


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, 400, "invalid_request"),
        ({"redirect_uri": "urn:ietf:wg:oauth:2.0:oob"}, 400, "The out-of-band (OOB) flow has been"),
        ({"redirect_uri": "https://example.com/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1.example.com/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://127.0.0.1:x/"}, 400, "redirect_uri_mismatch"),
        ({"redirect_uri": None}, 400, "redirect_uri_mismatch"),
        ({"client_id": "another"}, 401, "invalid_client"),
        ({"response_type": "token"}, 400, "invalid_request"),
        ({"scope": " "}, 400, "Missing required parameter: scope"),
        ({"scope": PREFIX + "photoslibrary.unknown"}, 400, "invalid_scope"),
        ({"scope": f"{APPEND} {PREFIX}drive"}, 400, "scopes that cannot be requested together"),
        ({"code_challenge_method": "S512"}, 400, "invalid_request"),
        ({"code_challenge": "short"}, 400, "invalid_request"),
    ],
)
def test_the_page_refuses(
    emulator: Emulator, changes: dict[str, str | None], status: int, text: str
) -> None:
    asked = question(emulator, **changes)
    for send in ("get", "post"):
        options: dict[str, Any] = {"params": asked} if send == "get" else {"data": asked}
        answer = requests.request(send, emulator.url + "/o/oauth2/v2/auth", timeout=60, **options)
        assert answer.status_code == status
        assert text in answer.text


@pytest.mark.parametrize("host", ["127.0.0.1:1", "[::1]:8080", "localhost:80", "localhost"])
def test_any_loopback_address_will_do(emulator: Emulator, host: str) -> None:
    asked = question(emulator, redirect_uri=f"http://{host}/any/path")
    page = requests.get(emulator.url + "/o/oauth2/v2/auth", params=asked, timeout=60)
    assert page.status_code == 200
    assert "form-action 'self' http://" in page.headers["content-security-policy"]


def test_the_page_escapes_what_it_is_given(emulator: Emulator) -> None:
    asked = question(emulator, state='"><script>alert(1)</script>', login_hint="<b>x</b>")
    page = requests.get(emulator.url + "/o/oauth2/v2/auth", params=asked, timeout=60)
    assert "<script" not in page.text
    assert "<b>x" not in page.text


def test_a_code_works_once(emulator: Emulator) -> None:
    code = consent(emulator)["code"]
    assert redeem(emulator, code).status_code == 200
    again = redeem(emulator, code)
    assert again.status_code == 400
    assert again.json() == {
        "error": "invalid_grant",
        "error_description": "Malformed auth code.",
    }


def test_a_code_dies_after_ten_minutes(emulator: Emulator, clock: Clock) -> None:
    code = consent(emulator)["code"]
    clock.pass_(600)
    assert redeem(emulator, code).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("verifier", "description"),
    [("", "Missing code verifier."), ("w" * 50, "Invalid code verifier.")],
)
def test_pkce(emulator: Emulator, verifier: str, description: str) -> None:
    refused = redeem(emulator, consent(emulator)["code"], code_verifier=verifier)
    assert refused.status_code == 400
    assert refused.json() == {"error": "invalid_grant", "error_description": description}


def test_pkce_plain_and_none(emulator: Emulator) -> None:
    code = consent(emulator, code_challenge=VERIFIER, code_challenge_method="plain")["code"]
    assert redeem(emulator, code).status_code == 200
    code = consent(emulator, code_challenge=None, code_challenge_method=None)["code"]
    assert redeem(emulator, code).status_code == 200


def test_pkce_wants_a_verifier_of_43_characters(emulator: Emulator) -> None:
    short = "v" * 42
    digest = hashlib.sha256(short.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    refused = redeem(
        emulator, consent(emulator, code_challenge=challenge)["code"], code_verifier=short
    )
    assert refused.json()["error_description"] == "Invalid code verifier."


def test_another_redirect_at_the_token_call(emulator: Emulator) -> None:
    refused = redeem(emulator, consent(emulator)["code"], redirect_uri=REDIRECT + "x")
    assert (refused.status_code, refused.json()) == (
        400,
        {"error": "redirect_uri_mismatch", "error_description": "Bad Request"},
    )


def test_a_second_consent_without_prompt_yields_no_refresh_token(emulator: Emulator) -> None:
    assert "refresh_token" in redeem(emulator, consent(emulator, prompt=None)["code"]).json()
    assert "refresh_token" not in redeem(emulator, consent(emulator, prompt=None)["code"]).json()
    assert "refresh_token" in redeem(emulator, consent(emulator)["code"]).json()


def test_online_access_yields_no_refresh_token(emulator: Emulator) -> None:
    assert (
        "refresh_token" not in redeem(emulator, consent(emulator, access_type=None)["code"]).json()
    )


def test_the_option_that_withholds_the_refresh_token(emulator: Emulator) -> None:
    emulator.options.no_refresh_token = True
    assert "refresh_token" not in redeem(emulator, consent(emulator)["code"]).json()
    assert "refresh_token" not in emulator.grant()


def test_refreshing(emulator: Emulator, clock: Clock) -> None:
    held = emulator.grant()
    clock.pass_(3600)
    old = {"Authorization": "Bearer " + held["token"]}
    expired = requests.get(emulator.url + "/v1/albums", headers=old, timeout=60)
    assert expired.status_code == 401
    assert expired.json() == {
        "error": {
            "code": 401,
            "message": "Request had invalid authentication credentials. Expected OAuth 2 access "
            "token, login cookie or other valid authentication credential. See "
            "https://developers.google.com/identity/sign-in/web/devconsole-project.",
            "status": "UNAUTHENTICATED",
        }
    }
    reply = refresh(emulator, held["refresh_token"]).json()
    assert set(reply) == {"access_token", "expires_in", "scope", "token_type"}
    new = {"Authorization": "Bearer " + reply["access_token"]}
    assert requests.get(emulator.url + "/v1/albums", headers=new, timeout=60).status_code == 200


def test_what_the_token_endpoint_refuses(emulator: Emulator) -> None:
    garbled = refresh(emulator, "1//0garbled")
    assert (garbled.status_code, garbled.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "Bad Request"},
    )
    assert refresh(emulator, "").json()["error"] == "invalid_request"
    assert ask_token(emulator, grant_type="password").json()["error"] == "unsupported_grant_type"
    unknown = ask_token(emulator, client_id="x", grant_type="refresh_token")
    assert (unknown.status_code, unknown.json()) == (
        401,
        {"error": "invalid_client", "error_description": "The OAuth client was not found."},
    )
    wrong = ask_token(emulator, client_secret="x", grant_type="refresh_token")
    assert (wrong.status_code, wrong.json()) == (
        401,
        {"error": "invalid_client", "error_description": "Unauthorized"},
    )
    binary = requests.post(emulator.url + "/token", data=b"\xff", timeout=60)
    assert binary.json()["error"] == "invalid_request"


def test_the_client_may_sign_in_by_header(emulator: Emulator) -> None:
    installed = emulator.client_secret()["installed"]
    token = emulator.grant()["refresh_token"]
    fields = {"grant_type": "refresh_token", "refresh_token": token}
    url = installed["token_uri"]
    good = (installed["client_id"], installed["client_secret"])
    assert requests.post(url, data=fields, auth=good, timeout=60).status_code == 200
    bad = {"Authorization": "Basic !"}
    assert requests.post(url, data=fields, headers=bad, timeout=60).status_code == 401


def test_revoked_by_the_user(emulator: Emulator) -> None:
    held = emulator.grant()
    emulator.revoke_all()
    dead = refresh(emulator, held["refresh_token"])
    assert (dead.status_code, dead.json()) == (
        400,
        {"error": "invalid_grant", "error_description": "Token has been expired or revoked."},
    )
    headers = {"Authorization": "Bearer " + held["token"]}
    assert requests.get(emulator.url + "/v1/albums", headers=headers, timeout=60).status_code == 401


def test_revoked_by_the_program(emulator: Emulator) -> None:
    held = emulator.grant()
    url = emulator.url + "/revoke"
    assert requests.post(url, params={"token": held["token"]}, timeout=60).status_code == 200
    assert refresh(emulator, held["refresh_token"]).json()["error"] == "invalid_grant"
    again = requests.post(url, data={"token": held["refresh_token"]}, timeout=60)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_token")


def test_testing_mode_ends_after_seven_days(emulator: Emulator, clock: Clock) -> None:
    emulator.options.testing_mode = True
    reply = redeem(emulator, consent(emulator)["code"]).json()
    assert reply["refresh_token_expires_in"] == 604_799
    clock.pass_(7 * DAY - 1)
    assert refresh(emulator, reply["refresh_token"]).json()["refresh_token_expires_in"] == 1
    clock.pass_(1)
    assert refresh(emulator, reply["refresh_token"]).json()["error"] == "invalid_grant"


def test_a_refresh_token_unused_for_half_a_year_dies(emulator: Emulator, clock: Clock) -> None:
    token = emulator.grant()["refresh_token"]
    clock.pass_(179 * DAY)
    assert refresh(emulator, token).status_code == 200
    clock.pass_(180 * DAY)
    assert refresh(emulator, token).json()["error"] == "invalid_grant"


def test_the_oldest_of_101_refresh_tokens_dies(emulator: Emulator) -> None:
    first, *_, last = [emulator.grant()["refresh_token"] for _ in range(101)]
    assert refresh(emulator, first).json()["error"] == "invalid_grant"
    assert refresh(emulator, last).status_code == 200


def test_the_device_flow_takes_no_photos_scope(emulator: Emulator) -> None:
    url = emulator.url + "/device/code"
    refused = requests.post(url, data={"scope": f"openid {APPEND}"}, timeout=60)
    assert refused.status_code == 400
    assert refused.json() == {
        "error": "invalid_scope",
        "error_description": f"Invalid device flow scope: {APPEND}",
    }
    assert (
        requests.post(url, data={"scope": "email"}, timeout=60).json()["error"] == "invalid_client"
    )


def test_grant_is_what_google_auth_saves(emulator: Emulator, clock: Clock) -> None:
    from google.oauth2.credentials import Credentials

    held = emulator.grant()
    credentials = Credentials.from_authorized_user_info(held, held["scopes"])  # type: ignore[no-untyped-call]
    assert credentials.token == held["token"]
    assert set(held) == {
        *("token", "refresh_token", "token_uri", "client_id", "client_secret", "scopes"),
        *("expiry", "universe_domain", "account"),
    }
    assert held["scopes"] == [APPEND, READ, EDIT]
    assert held["expiry"] == "2025-06-15T16:06:40Z"


@pytest.mark.parametrize(
    "scope", ["photoslibrary", "photoslibrary.readonly", "photoslibrary.sharing"]
)
def test_the_removed_scopes_are_worth_nothing(emulator: Emulator, scope: str) -> None:
    token = emulator.grant([PREFIX + scope])["token"]
    headers = {"Authorization": "Bearer " + token}
    listed = requests.get(emulator.url + "/v1/albums", headers=headers, timeout=60)
    assert (listed.status_code, listed.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    headers |= {"X-Goog-Upload-Protocol": "raw", "Content-Type": "application/octet-stream"}
    sent = requests.post(emulator.url + "/v1/uploads", data=b"x", headers=headers, timeout=60)
    assert (sent.status_code, sent.text) == (
        401,
        '{"code":16,"message":"Authentication session is not defined."}',
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/v1/mediaItems:batchCreate", {APPEND}),
        ("POST", "/v1/albums", {APPEND}),
        ("POST", "/v1/albums/x:addEnrichment", {APPEND, EDIT}),
        ("POST", "/v1/albums/x:batchAddMediaItems", {APPEND, EDIT}),
        ("POST", "/v1/albums/x:batchRemoveMediaItems", {EDIT}),
        ("PATCH", "/v1/albums/x?updateMask=title", {EDIT}),
        ("PATCH", "/v1/mediaItems/x?updateMask=description", {EDIT}),
        ("GET", "/v1/albums", {READ}),
        ("GET", "/v1/albums/x", {READ}),
        ("GET", "/v1/mediaItems", {READ}),
        ("GET", "/v1/mediaItems/x", {READ}),
        ("GET", "/v1/mediaItems:batchGet?mediaItemIds=x", {READ}),
        ("POST", "/v1/mediaItems:search", {READ}),
        ("POST", "/v1/albums/x:share", set()),
        ("POST", "/v1/sharedAlbums:join", set()),
        ("GET", "/v1/sharedAlbums", set()),
        ("GET", "/v1/sharedAlbums/x", set()),
    ],
)
def test_the_scope_matrix(emulator: Emulator, method: str, path: str, allowed: set[str]) -> None:
    for scope in (APPEND, READ, EDIT):
        headers = {"Authorization": "Bearer " + emulator.grant([scope])["token"]}
        answer = requests.request(method, emulator.url + path, headers=headers, json={}, timeout=60)
        assert (answer.status_code != 403) == (scope in allowed), answer.text
    unsigned = requests.request(method, emulator.url + path, json={}, timeout=60)
    assert unsigned.status_code == 401
