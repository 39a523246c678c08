"""Consent, from the address that is shown to the file that is kept."""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import socket
import stat
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from photosync.errors import (
    ClientInvalid,
    ClockWrong,
    DiskFull,
    Offline,
    PhotosyncError,
    ScopeMissing,
    ServerTrouble,
    SettingsError,
    SignInRequired,
)
from photosync.google import sign_in as sign_in_module
from photosync.google.auth import ends_at, read_token
from photosync.google.loopback import receive
from photosync.google.refusals import WORDS, refusal_in
from photosync.google.scopes import APPEND, READ_OWN, WANTED
from photosync.google.sign_in import REVOKE_URL, _revoke_url, answer_in, check, read_client, revoke
from tests.google.conftest import http, nothing, stranger, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from photosync.google.ports import UploadFile
    from photosync.google.sign_in import SignedIn
    from tests.google.conftest import Google

HIDDEN = re.compile(r'type="hidden" name="([^"]+)" value="([^"]*)"')


class Browser:
    """Gives the consent that a user would give, in a thread of its own, as browsers do.

    ``ticked`` are the permissions left ticked. ``bend`` may change the address to go back to.
    """

    def __init__(
        self,
        *,
        ticked: tuple[str, ...] = WANTED,
        decision: str = "allow",
        bend: Callable[[str], str] = str,
    ) -> None:
        self.ticked = ticked
        self.decision = decision
        self.bend = bend
        self.asked: dict[str, list[str]] = {}
        self.threads: list[threading.Thread] = []
        self.pages: list[requests.Response] = []

    def consent(self, url: str) -> str:
        """The address that the consent page leads back to."""
        import html

        self.asked = parse_qs(urlsplit(url).query)
        page = requests.get(url, timeout=60)
        assert page.ok, page.text
        fields = [(name, html.unescape(value)) for name, value in HIDDEN.findall(page.text)]
        fields += [("ticked", scope) for scope in self.ticked]
        fields += [("user", "you@example.com"), ("decision", self.decision)]
        answer = requests.post(
            url.partition("?")[0], data=fields, timeout=60, allow_redirects=False
        )
        return self.bend(answer.headers["location"])

    def open(self, url: str) -> bool:
        thread = threading.Thread(target=self._visit, args=(url,))
        self.threads.append(thread)
        thread.start()
        return True

    def _visit(self, url: str) -> None:
        back = self.consent(url)
        icon = urlsplit(back)._replace(path="/favicon.ico", query="").geturl()
        assert requests.get(icon, timeout=60).status_code == 404
        with socket.create_connection(("127.0.0.1", urlsplit(back).port or 0)) as odd:
            odd.sendall(b"GET http://[ HTTP/1.1\r\n\r\n")
            odd.recv(100)
        self.pages.append(requests.get(back, timeout=60))


@pytest.fixture
def client_file(google: Google, tmp_path: Path) -> Path:
    file = tmp_path / "client.json"
    write_json(file, google.emulator.client_secret())
    google.token_file.unlink()
    return file


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    def now() -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if "PYTEST" not in name}

    before = now()
    yield before
    assert now() == before


def run(google: Google, client_file: Path, browser: Browser, **changes: Any) -> list[str]:
    """Sign in; what the user was told."""
    said: list[str] = []
    options: dict[str, Any] = {
        "client_secret_file": client_file,
        "token_file": google.token_file,
        "open_browser": browser.open,
        "say": said.append,
        "pasted": None,
    }
    try:
        sign_in_module.sign_in(**(options | changes))
    finally:
        for thread in browser.threads:
            thread.join(5)
    return said


def paste(google: Google, client_file: Path, browser: Browser, **changes: Any) -> list[str]:
    """Sign in by copying addresses by hand."""
    said: list[str] = []

    def ask() -> str:
        url = re.search(r"http://\S+", said[0])
        assert url is not None
        return f"  {browser.consent(url.group())}\n"

    options: dict[str, Any] = {
        "client_secret_file": client_file,
        "token_file": google.token_file,
        "open_browser": None,
        "say": said.append,
        "pasted": ask,
        "by_hand": True,
    }
    sign_in_module.sign_in(**(options | changes))
    return said


def test_signing_in_by_browser(
    google: Google,
    client_file: Path,
    make_file: Callable[..., UploadFile],
    environment: dict[str, str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = Browser()
    said = run(google, client_file, browser)
    asked = browser.asked
    assert asked["access_type"] == ["offline"]
    assert asked["prompt"] == ["consent"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) == 43
    assert asked["scope"][0].split() == list(WANTED)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", asked["redirect_uri"][0])
    assert len(asked["state"][0]) >= 20
    assert "photosync is signed in" in browser.pages[0].text
    assert len(said) == 1
    assert stat.S_IMODE(google.token_file.stat().st_mode) == 0o600
    kept = read_token(google.token_file)
    assert sorted(kept["scopes"]) == sorted(WANTED)
    assert kept["token_uri"] == f"{google.emulator.url}/token"
    google.connect().library.upload(make_file(b"\xff\xd8\xffphoto"), nothing)
    ours = " ".join(
        one.getMessage() for one in caplog.records if not one.name.startswith("photosync.emulator")
    )
    client = google.emulator.client_secret()["installed"]["client_secret"]
    for secret in (kept["refresh_token"], kept["token"], client):
        assert secret not in ours
        assert secret not in said[0]


def test_signing_in_by_hand(google: Google, client_file: Path, environment: dict[str, str]) -> None:
    browser = Browser()
    paste(google, client_file, browser, port=8099)
    assert browser.asked["redirect_uri"] == ["http://127.0.0.1:8099/"]
    assert browser.asked["code_challenge_method"] == ["S256"]
    assert read_token(google.token_file)["refresh_token"]


def test_signing_in_without_a_browser_to_open(google: Google, client_file: Path) -> None:
    browser = Browser()

    def say(text: str) -> None:
        found = re.search(r"http://\S+", text)
        assert found is not None
        browser.open(found.group())

    run(google, client_file, browser, open_browser=None, say=say)
    assert google.token_file.exists()


def test_the_environment_is_put_back(
    google: Google, client_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "before")
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    with pytest.raises(SignInRequired):
        paste(google, client_file, Browser(decision="deny"))
    assert os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] == "before"
    assert "OAUTHLIB_INSECURE_TRANSPORT" not in os.environ


@pytest.mark.parametrize("way", [run, paste])
def test_a_declined_consent(
    google: Google, client_file: Path, way: Callable[..., list[str]]
) -> None:
    with pytest.raises(SignInRequired, match="The consent was not given"):
        way(google, client_file, Browser(decision="deny"))
    assert not google.token_file.exists()
    assert google.emulator.requests.count("token") == 0


def test_an_answer_to_another_attempt(google: Google, client_file: Path) -> None:
    browser = Browser(bend=lambda back: re.sub(r"state=[^&]+", "state=forged", back))
    with pytest.raises(SignInRequired, match="another attempt"):
        paste(google, client_file, browser)
    assert google.emulator.requests.count("token") == 0
    assert not google.token_file.exists()


def test_whoever_else_knocks_does_not_end_the_attempt(google: Google, client_file: Path) -> None:
    pages: list[requests.Response] = []

    def knock_first(back: str) -> str:
        queries = ("error=access_denied", "code=stolen", "code=stolen&state=forged")
        pages.extend(requests.get(f"{back.partition('?')[0]}?{one}", timeout=60) for one in queries)
        return back

    run(google, client_file, Browser(bend=knock_first))
    assert [page.status_code for page in pages] == [400] * 3
    assert google.emulator.requests.count("token") == 1
    assert google.token_file.exists()


def test_the_permission_to_add_is_needed(google: Google, client_file: Path) -> None:
    with pytest.raises(ScopeMissing):
        run(google, client_file, Browser(ticked=(READ_OWN,)))
    assert not google.token_file.exists()


def test_the_permission_to_read_is_not(google: Google, client_file: Path) -> None:
    run(google, client_file, Browser(ticked=(APPEND,)))
    assert read_token(google.token_file)["scopes"] == [APPEND]


@pytest.mark.parametrize("text", ["", "x", "http://127.0.0.1/?x=1", "http://[", "code=", "\x00"])
def test_a_pasted_text_that_is_no_answer(google: Google, client_file: Path, text: str) -> None:
    texts = iter([text, text, text])
    words = "no answer of Google's" if text else "No address was pasted"
    with pytest.raises(SignInRequired, match=words):
        paste(google, client_file, Browser(), pasted=lambda: next(texts))


@given(st.text(max_size=100), st.sampled_from(["", "http://127.0.0.1/?", "//[", "?code="]))
def test_any_pasted_text_is_read(text: str, before: str) -> None:
    assert isinstance(answer_in(before + text), dict)


BACK = "http://127.0.0.1:8085/?state=abc&code=4/0Axyz_-12345678&scope=https://x"
CODE = "4/0Axyz_-12345678"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BACK, {"state": "abc", "code": CODE}),
        (f"  <{BACK}>\n", {"state": "abc", "code": CODE}),
        (f'"{BACK}"', {"state": "abc", "code": CODE}),
        (
            "\n".join(BACK[at : at + 7] for at in range(0, len(BACK), 7)),
            {"state": "abc", "code": CODE},
        ),
        (f"\x1b[200~{BACK}\x1b[201~", {"state": "abc", "code": CODE}),
        (BACK.partition("//")[2], {"state": "abc", "code": CODE}),
        (BACK.partition("?")[2], {"state": "abc", "code": CODE}),
        (BACK.partition("&scope")[0], {"state": "abc", "code": CODE}),
        (BACK.partition("&")[2], {"code": CODE}),
        (CODE, {"code": CODE}),
        (CODE.replace("/", "%2F"), {"code": CODE}),
        (f"{BACK}#fragment", {"state": "abc", "code": CODE}),
        ("http://127.0.0.1/?error=access_denied", {"error": "access_denied"}),
        ("http://[?", {}),
        ("", {}),
    ],
)
def test_an_answer_is_found_however_it_was_copied(text: str, found: dict[str, str]) -> None:
    assert answer_in(text) == found


def test_the_code_alone_will_do(google: Google, client_file: Path) -> None:
    browser = Browser(bend=lambda back: parse_qs(urlsplit(back).query)["code"][0])
    paste(google, client_file, browser)
    assert read_token(google.token_file)["refresh_token"]


def test_what_is_wrong_with_a_pasted_address_is_said_and_it_may_be_pasted_again(
    google: Google, client_file: Path
) -> None:
    said: list[str] = []
    texts: list[Callable[[str], str]] = [lambda _: "what?", lambda back: back[:80], str]

    def bend(back: str) -> str:
        return texts.pop(0)(back)

    browser = Browser(bend=bend)
    paste(google, client_file, browser, say=said.append, pasted=_once(browser, said))
    assert "holds no answer" in said[2]
    assert "incomplete" in said[4]
    assert read_token(google.token_file)["refresh_token"]


def _once(browser: Browser, said: list[str]) -> Callable[[], str]:
    """What a user pastes who has given consent once."""
    given: list[str] = []

    def pasted() -> str:
        bend, browser.bend = browser.bend, str
        if not given:
            found = re.search(r"http://\S+", said[0])
            assert found is not None
            given.append(browser.consent(found.group()))
        browser.bend = bend
        return bend(given[0])

    return pasted


@pytest.mark.parametrize("word", sorted(WORDS))
def test_each_word_of_google_is_explained_with_a_cure(word: str) -> None:
    hidden = base64.urlsafe_b64encode(f"\n\x15{word}\x12 Blah. \xf0".encode("latin-1")).decode()
    page = f"https://accounts.google.com/signin/oauth/error/v2?authError={hidden.rstrip('=')}&x=1"
    for text in (word, f"Error 403: {word}", page):
        error = refusal_in(text)
        assert error is not None, text
        assert (error.message, error.hint) == WORDS[word][1:]
        assert error.message.endswith(".")
        assert error.hint
    assert refusal_in("nothing of the kind") is None


@given(st.text(max_size=100))
def test_any_text_is_looked_through_for_refusals(text: str) -> None:
    refusal_in(text)
    refusal_in(f"https://accounts.google.com/?authError={text}")


def test_a_wrong_clock_is_named(
    google: Google, client_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later:
        def __init__(self) -> None:
            self.monotonic = time.monotonic

        @staticmethod
        def time() -> float:
            return time.time() + 3 * 3600

    monkeypatch.setattr(sign_in_module, "time", Later())
    browser = Browser(bend=lambda back: re.sub(r"code=[^&]+", "code=4/0Aforged", back))
    with pytest.raises(ClockWrong, match="clock is 3 hours ahead"):
        paste(google, client_file, browser)


def test_when_google_ends_a_sign_in(google: Google, client_file: Path) -> None:
    google.emulator.options.testing_mode = True
    before = time.time()
    found = paste_and_tell(google, client_file)
    assert found.ends_at is not None
    assert 0 <= found.ends_at - before - 7 * 86400 + 2 < 60
    checked = check(google.token_file)
    assert checked.ends_at is not None
    assert abs(checked.ends_at - found.ends_at) < 60
    google.emulator.options.testing_mode = False
    assert paste_and_tell(google, client_file).ends_at is None


def paste_and_tell(google: Google, client_file: Path) -> SignedIn:
    browser, said = Browser(), list[str]()
    return sign_in_module.sign_in(
        client_secret_file=client_file,
        token_file=google.token_file,
        open_browser=None,
        say=said.append,
        pasted=_once(browser, said),
        by_hand=True,
    )


@pytest.mark.parametrize("told", [None, True, "604799", -1, 0, float("nan"), 1e30, []])
def test_nonsense_about_the_end_is_none(told: object) -> None:
    assert ends_at(told, now=5.0) is None
    assert ends_at(100.7, now=5.0) == 105


def test_a_code_that_google_does_not_know(google: Google, client_file: Path) -> None:
    browser = Browser(bend=lambda back: re.sub(r"code=[^&]+", "code=4/0Aforged", back))
    with pytest.raises(SignInRequired, match="does not know that answer") as raised:
        paste(google, client_file, browser)
    assert "0Aforged" not in "".join(traceback.format_exception(raised.value))


def test_a_verifier_of_another_attempt(
    google: Google, client_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code: list[str] = []

    def keep(back: str) -> str:
        code.append(parse_qs(urlsplit(back).query)["code"][0])
        return "http://127.0.0.1/?error=aborted"

    with pytest.raises(SignInRequired):
        paste(google, client_file, Browser(bend=keep))

    def stolen(back: str) -> str:
        return re.sub(r"code=[^&]+", urlencode({"code": code[0]}), back)

    with pytest.raises(SignInRequired):
        paste(google, client_file, Browser(bend=stolen))
    assert not google.token_file.exists()


def test_no_lasting_sign_in(google: Google, client_file: Path) -> None:
    google.emulator.options.no_refresh_token = True
    browser = Browser()
    with pytest.raises(SignInRequired, match="no lasting sign-in"):
        run(google, client_file, browser)
    assert "photosync is not signed in. Google gave no lasting sign-in." in browser.pages[0].text


def test_a_client_that_google_does_not_know(google: Google, client_file: Path) -> None:
    secret = google.emulator.client_secret()
    secret["installed"]["client_secret"] = "GOCSPX-verysecret"
    write_json(client_file, secret)
    with pytest.raises(ClientInvalid) as raised:
        paste(google, client_file, Browser())
    assert "verysecret" not in "".join(traceback.format_exception(raised.value))


def test_the_browser_is_told_that_google_refuses_the_client(
    google: Google, client_file: Path
) -> None:
    """It has Google's answer by then, but that is no sign-in yet."""
    secret = google.emulator.client_secret()
    secret["installed"]["client_secret"] = "GOCSPX-verysecret"
    write_json(client_file, secret)
    browser = Browser()
    with pytest.raises(ClientInvalid) as raised:
        run(google, client_file, browser)
    (page,) = browser.pages
    assert f"photosync is not signed in. {raised.value}" in page.text
    assert "verysecret" not in page.text


def token_server(google: Google, client_file: Path, url: str) -> None:
    secret = google.emulator.client_secret()
    secret["installed"]["token_uri"] = f"{url}/token"
    write_json(client_file, secret)


GOOD_TOKEN = (
    b'"access_token":"ya29.verysecret","refresh_token":"1//verysecret","token_type":"Bearer"'
)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"7",
        b"\xff\xfe",
        b"<html>verysecret</html>",
        b'{"error":{"code":7}}',
        b'{"error":"verysecret1//0verysecret"}',
        b"{" + GOOD_TOKEN + b',"expires_in":"soon"}',
        b"{" + GOOD_TOKEN + b',"expires_in":1e300}',
        b"{" + GOOD_TOKEN + b',"expires_in":{}}',
        b"{" + GOOD_TOKEN + b',"expires_in":3600,"scope":7}',
        b"{" + GOOD_TOKEN + b"}",
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "503 Oh"])
def test_an_odd_answer_to_the_code_is_trouble(
    google: Google, client_file: Path, body: bytes, status: str
) -> None:
    with stranger(http(status, body)) as one:
        token_server(google, client_file, one.url)
        found = outcome(lambda: paste(google, client_file, Browser()))
    if found is None:
        assert read_token(google.token_file)["refresh_token"] == "1//verysecret"
    else:
        assert isinstance(found, (ServerTrouble, SignInRequired))
        assert "verysecret" not in "".join(traceback.format_exception(found))


def outcome(what: Callable[[], object]) -> PhotosyncError | None:
    try:
        what()
    except PhotosyncError as error:
        return error
    return None


def test_the_clients_secret_follows_no_redirect(google: Google, client_file: Path) -> None:
    with stranger(http("200 OK", b"{}")) as evil:
        with stranger(http("307 Moved", Location=f"{evil.url}/token")) as one:
            token_server(google, client_file, one.url)
            with pytest.raises(Offline):
                paste(google, client_file, Browser())
        assert evil.heard == []


def test_no_way_to_the_sign_in_server(google: Google, client_file: Path) -> None:
    token_server(google, client_file, "http://127.0.0.1:1")
    with pytest.raises(Offline) as raised:
        paste(google, client_file, Browser())
    assert raised.value.__suppress_context__


def test_a_taken_port(google: Google, client_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"port {port} cannot be used"):
            run(google, client_file, Browser(), port=port)


def test_nothing_comes_back_in_time(
    google: Google, client_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in_module, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(SignInRequired, match="in time"):
        run(google, client_file, Browser(), open_browser=lambda _: True)


def test_a_browser_that_hangs_up_early_is_no_news(capfd: pytest.CaptureFixture[str]) -> None:
    with receive("127.0.0.1", 0) as way:
        port = urlsplit(way.address).port
        assert port is not None

        def visit() -> None:
            for text in (b"", b"GET / HTTP/1.1\r\n", b"GET http://[?code=secret HTTP/1.1\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", port)) as early:
                    early.sendall(text)
                    early.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + bytes(7))
            requests.get(f"{way.address}?code=secret", timeout=60)

        thread = threading.Thread(target=visit)
        thread.start()
        assert way.wait(60).endswith("?code=secret")
        way.tell("fine")
        thread.join()
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_cannot_be_written(google: Google, client_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SignInRequired, match="cannot be kept"):
        paste(google, client_file, Browser(), token_file=tmp_path / "no" / "token.json")


def test_a_full_disk(google: Google, client_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(DiskFull):
            paste(google, client_file, Browser())
    assert not google.token_file.exists()


# The client's file


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 60_000, "no JSON"),
        (b"[]", "not the JSON of an OAuth client"),
        (b"7", "not the JSON of an OAuth client"),
        (b'{"installed":7}', "not the JSON of an OAuth client"),
        (b'{"installed":{"client_id":7}}', "not the JSON of an OAuth client"),
        (b'{"web":{"client_id":"x"}}', "Web application"),
        (b'{"type":"service_account"}', "service account"),
    ],
)
def test_a_wrong_client_file(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "client.json"
    file.write_bytes(content)
    with pytest.raises(ClientInvalid, match=words):
        read_client(file)


def test_a_missing_or_unreadable_client_file(tmp_path: Path) -> None:
    with pytest.raises(ClientInvalid, match="There is no OAuth client"):
        read_client(tmp_path / "none.json")
    with pytest.raises(ClientInvalid, match="Is a directory"):
        read_client(tmp_path)


@pytest.mark.parametrize("key", ["auth_uri", "token_uri"])
@pytest.mark.parametrize("uri", ["http://evil.example/", "javascript:alert(1)", ""])
def test_an_unsafe_client_file(google: Google, client_file: Path, key: str, uri: str) -> None:
    secret = google.emulator.client_secret()
    secret["installed"][key] = uri
    write_json(client_file, secret)
    with pytest.raises(ClientInvalid, match="not safe"):
        read_client(client_file)


# Checking and signing out


def test_checking(google: Google) -> None:
    assert sorted(check(google.token_file).scopes) == sorted(google.emulator.grant()["scopes"])
    google.emulator.revoke_all()
    with pytest.raises(SignInRequired):
        check(google.token_file)


def test_checking_what_was_granted_rather_than_what_the_file_says(google: Google) -> None:
    reply = json.dumps({"access_token": "ya29.x", "expires_in": 9, "scope": READ_OWN}).encode()
    with stranger(http("200 OK", reply)) as one:
        google.sign_in(token_uri=f"{one.url}/token")
        with pytest.raises(ScopeMissing):
            check(google.token_file)


def test_signing_out(google: Google) -> None:
    granted = json.loads(google.token_file.read_text())
    revoke(google.token_file)
    assert not google.token_file.exists()
    write_json(google.token_file, granted)
    with pytest.raises(SignInRequired):
        check(google.token_file)
    revoke(google.token_file)  # it is over already: the file goes all the same
    assert not google.token_file.exists()
    with pytest.raises(SignInRequired):
        revoke(google.token_file)


def test_a_token_is_encoded_when_it_is_taken_back(google: Google) -> None:
    with stranger(http("200 OK")) as one:
        google.sign_in(token_uri=f"{one.url}/token", refresh_token="1//a+b&c=d")
        revoke(google.token_file)
    assert one.heard[0].startswith(b"POST /revoke ")
    assert one.heard[0].endswith(b"token=1%2F%2Fa%2Bb%26c%3Dd")


@pytest.mark.parametrize(
    "answer",
    [
        http("503 Oh"),
        http("400 Bad Request", b"<html>a proxy</html>"),
        http("400 Bad Request", b'{"error":"invalid_grant"}'),
        http("302 Moved", Location="http://127.0.0.1:1/"),
    ],
)
def test_a_sign_out_that_did_not_arrive_keeps_the_token(google: Google, answer: bytes) -> None:
    with stranger(answer) as one:
        google.sign_in(token_uri=f"{one.url}/token")
        with pytest.raises(ServerTrouble):
            revoke(google.token_file)
    assert google.token_file.exists()


def test_a_sign_out_without_a_network_keeps_the_token(google: Google) -> None:
    google.sign_in(token_uri="http://127.0.0.1:1/token")
    with pytest.raises(Offline):
        revoke(google.token_file)
    assert google.token_file.exists()


def test_a_token_file_that_cannot_be_removed(
    google: Google, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(google.token_file), "unlink", refuse)
    with pytest.raises(SettingsError, match="cannot be removed: Permission denied"):
        revoke(google.token_file)


@pytest.mark.parametrize(
    ("token_uri", "url"),
    [
        ("https://oauth2.googleapis.com/token", REVOKE_URL),
        ("https://accounts.google.com/o/oauth2/token", REVOKE_URL),
        ("https://www.googleapis.com/oauth2/v4/token", REVOKE_URL),
        ("http://127.0.0.1:8000/token", "http://127.0.0.1:8000/revoke"),
    ],
)
def test_where_a_sign_in_is_taken_back(token_uri: str, url: str) -> None:
    assert _revoke_url(token_uri) == url
