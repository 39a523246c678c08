"""Signing in from the page: who may, how it goes, and what is never told."""

from __future__ import annotations

import json
import logging
import os
import re
import threading
import time
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from photosync.app.not_signed_in import not_signed_in
from photosync.app.standing import ending
from photosync.daemon import lock
from photosync.emulator.server import Emulator
from photosync.errors import ClientInvalid, ScopeMissing, SignInRequired
from photosync.store.control import Problem
from photosync.web import words
from tests.journeys.browser import answer
from tests.web.conftest import House, house_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from photosync.errors import BlockedError


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "google") as emulator:
        yield emulator


@pytest.fixture
def house(tmp_path: Path, google: Emulator) -> Iterator[House]:
    """One whose sign-in was never given, or has ended."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "client_secret.json").write_text(json.dumps(google.client_secret()))
    toml = f'[google]\napi_url = "{google.url}"\n'
    with house_in(home, toml=toml, names=["photos.example"]) as made:
        lost(made)
        yield made


def problem(
    message: str, code: str = "auth_required", hint: str = "Sign in: photosync auth"
) -> Problem:
    return Problem(
        code=code,
        subject="",
        message=message,
        hint=hint,
        gate="library",
        needs_user=True,
        since=1,
        until=None,
    )


def lost(house: House, code: str = "auth_required", hint: str = "Sign in: photosync auth") -> None:
    message = "Google says that the sign-in is over."
    house.state.control.raise_problem(problem(message, code, hint))


def begun(house: House) -> str:
    """Google's page, by the link on ours."""
    sent = house.send("/signin", accept="text/html")
    assert (sent.status, sent.headers["location"]) == (303, "/signin")
    found = re.search(r'href="([^"]+)" rel="noreferrer"', house.page("/signin"))
    assert found is not None
    return unescape(found[1])


def until(holds: Callable[[], object]) -> None:
    ends = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def until_told(house: House, words: str) -> None:
    until(lambda: words in house.page("/signin"))


def until_signed_in(house: House) -> None:
    until_told(house, "photosync is signed in.")


def sign_ins() -> set[threading.Thread]:
    """Attempts under way; those of tests before, too, that wait for an answer still."""
    return {one for one in threading.enumerate() if one.name == "sign-in"}


def test_a_click_leads_to_google_and_back(house: House, google: Emulator) -> None:
    assert 'class="button main" href="/signin">Sign in</a>' in house.page("/")
    url = begun(house)
    asked = parse_qs(urlsplit(url).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) > 20
    rung = house.state.control.rung()
    page = requests.get(answer(url, "allow"), timeout=60)
    assert f'href="http://127.0.0.1:{house.web.port}/"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    until_signed_in(house)
    file = house.settings.google.token_file
    assert json.loads(file.read_text())["refresh_token"]
    assert file.stat().st_mode & 0o077 == 0
    assert house.state.control.problems() == []
    until(lambda: house.state.control.rung() != rung)
    assert (house.settings.state_dir / "client_secret.json").exists()


def test_the_address_can_be_brought_where_the_browser_cannot_come_back(house: House) -> None:
    back = answer(begun(house), "allow")
    forged = re.sub(r"state=[^&]+", "state=forged", back)
    for wrong, said in (
        ("http://127.0.0.1/", "holds no answer"),
        (forged, "belongs to another attempt"),
        ("x" * 100_000, "holds no answer"),
    ):
        house.send("/signin/answer", {"answer": wrong}, accept="text/html")
        until_told(house, said)
    assert "No address was pasted." in house.send("/signin/answer", {"answer": " "}).text
    assert not house.settings.google.token_file.exists()
    house.send("/signin/answer", {"answer": back}, accept="text/html")
    until_signed_in(house)
    assert house.settings.google.token_file.exists()


def test_what_is_not_consented_to_is_explained_and_can_be_tried_again(house: House) -> None:
    requests.get(answer(begun(house), "deny"), timeout=60)
    until_told(house, "The consent was not given")
    requests.get(answer(begun(house), "allow"), timeout=60)
    until_signed_in(house)


def test_after_a_refusal_one_may_try_again_before_its_thread_has_ended(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have a moment to go, but waits for no answer any more."""
    ends = threading.Event()
    monkeypatch.setattr("photosync.app.signing_in.log.warning", lambda *_, **__: ends.wait(60))
    try:
        requests.get(answer(begun(house), "deny"), timeout=60)
        until_told(house, "The consent was not given")
        assert "Continue at Google" not in house.page("/signin")
        requests.get(answer(begun(house), "allow"), timeout=60)
        until_signed_in(house)
    finally:
        ends.set()


def test_two_clicks_are_one_attempt(house: House) -> None:
    assert begun(house) == begun(house)


def test_the_answer_to_another_attempt_is_not_taken_and_this_one_goes_on(house: House) -> None:
    """Somebody leads the browser to the way back with a code of an account of his own."""
    url = begun(house)
    right = answer(url, "allow")
    for forged in (
        re.sub(r"state=[^&]+", "state=forged", right),
        re.sub(r"state=[^&]+&?", "", right),
        re.sub(r"code=[^&]+", "error=access_denied", re.sub(r"state=[^&]+", "state=x", right)),
    ):
        assert requests.get(forged, timeout=60).status_code == 400
    assert not house.settings.google.token_file.exists()
    assert begun(house) == url
    assert requests.get(right, timeout=60).status_code == 200
    until_signed_in(house)


def test_two_browsers_sign_in_once_and_an_old_answer_opens_nothing(house: House) -> None:
    others = sign_ins()
    urls = [begun(house) for _ in range(2)]
    answers = [answer(url, "allow") for url in urls]
    assert requests.get(answers[0], timeout=60).status_code == 200
    until_signed_in(house)
    file = house.settings.google.token_file
    kept = file.read_text()
    with pytest.raises(requests.ConnectionError):  # nobody listens there any more
        requests.get(answers[1], timeout=60)
    house.send("/signin/answer", {"answer": answers[1]}, accept="text/html")
    assert "signed in already" in house.send("/signin").text
    until(lambda: sign_ins() <= others)
    lost(house)
    begun(house)
    for old in answers:
        house.send("/signin/answer", {"answer": old}, accept="text/html")
        until_told(house, "belongs to another attempt")
    assert file.read_text() == kept


def test_without_a_client_the_page_says_what_is_missing(house: House) -> None:
    (house.home / "client_secret.json").unlink()
    assert "There is no OAuth client at" in house.send("/signin").text
    assert "Continue at Google" not in house.page("/signin")


def test_without_a_client_the_page_tells_how_to_get_one(house: House) -> None:
    file = house.home / "client_secret.json"
    kept = file.read_text()
    for content, wrong in ((None, "There is no OAuth client at"), ("{}", "is not the JSON of")):
        file.unlink(missing_ok=True)
        if content is not None:
            file.write_text(content)
        page = house.page("/signin")
        assert wrong in page
        assert "https://console.cloud.google.com/auth/clients" in page
        assert f"<code>{file}</code>" in page
        assert ">Sign in</button>" not in page
        assert "photosync auth --client-secret FILE" in house.page("/")
    file.write_text(kept)
    requests.get(answer(begun(house), "allow"), timeout=60)
    until_signed_in(house)


def test_nobody_has_signed_in_and_beside_the_button_no_command_is_named(house: House) -> None:
    with lock.held(house.settings.state_dir, now=1):
        hint = not_signed_in(house.settings, house.state).hint
        page = house.page("/")

    assert hint == f"Sign in at http://127.0.0.1:{house.web.port}/signin, or: photosync auth"
    assert "photosync is not signed in to Google Photos: photos are found and copied" in page
    assert 'href="/signin">Sign in</a>' in page
    assert "photosync auth" not in page


def test_nobody_changes_the_account_while_all_is_well(house: House, google: Emulator) -> None:
    house.state.control.clear_problem("auth_required")
    assert "Sign in" in house.page("/signin")  # for there is no token
    house.settings.google.token_file.write_text(json.dumps(google.grant()))
    house.settings.google.token_file.chmod(0o600)
    assert "signed in already" in house.send("/signin").text
    assert "photosync is signed in." in house.page("/signin")
    house.state.control.raise_problem(problem("photosync is not signed in to Google Photos: x."))
    assert "signed in already" in house.send("/signin").text  # that was before the token came
    house.state.control.sign_in_ends(house.state.now() + 9999, now=house.state.now())
    assert "accounts" not in house.page("/signin")
    begun(house)


def test_what_was_begun_before_somebody_signed_in_changes_no_account(
    house: House, google: Emulator
) -> None:
    """Ten minutes may pass between the click and the consent, of somebody else with luck."""
    house.state.control.clear_problem("auth_required")
    others = sign_ins()
    back = answer(begun(house), "allow")
    file = house.settings.google.token_file
    file.write_text(json.dumps(google.grant()))  # photosync auth, in a terminal
    file.chmod(0o600)
    kept = file.read_text()
    came = requests.get(back, timeout=60)
    assert came.status_code == 400
    assert "signed in." not in came.text
    house.send("/signin/answer", {"answer": back}, accept="text/html")
    until_signed_in(house)
    until(lambda: sign_ins() <= others)
    assert file.read_text() == kept


def test_from_another_machine_the_command_is_shown_and_nothing_begins(house: House) -> None:
    begun(house)
    away: dict[str, Any] = {"host": "photos.example"}
    page = house.page("/signin", **away)
    assert "photosync auth --no-browser" in page
    assert "state=" not in page
    for path, fields in (("/signin", {}), ("/signin/answer", {"answer": "x"})):
        answered = house.send(path, fields, **away, origin="http://photos.example")
        assert "only at the machine on which photosync runs" in answered.text


def test_no_secret_is_shown_or_logged(
    house: House, google: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = begun(house)
    back = answer(url, "allow")
    house.send("/signin/answer", {"answer": back.replace("state=", "state=x")}, accept="text/html")
    shown = house.page("/signin") + house.page("/") + house.page("/settings")
    requests.get(back, timeout=60)
    until_signed_in(house)
    shown += house.page("/signin") + house.page("/") + house.page("/settings")
    token = json.loads(house.settings.google.token_file.read_text())
    came = parse_qs(urlsplit(back).query)
    secrets = [token["refresh_token"], token["token"], came["code"][0]]
    secrets.append(google.client_secret()["installed"]["client_secret"])
    until(lambda: "sign_in.done" in caplog.messages)
    ours = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("photosync"))
    for secret in secrets:
        assert secret not in shown
        assert secret not in ours
    assert came["state"][0] not in ours


def test_an_answer_that_never_comes_ends_the_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from photosync.google import sign_in

    monkeypatch.setattr(sign_in, "PATIENCE_SECONDS", 0.2)
    house.send("/signin", accept="text/html")
    until_told(house, "No answer came from the browser in time.")


@pytest.mark.parametrize("error", [SignInRequired, ScopeMissing])
def test_beside_a_button_no_command_is_named(house: House, error: type[BlockedError]) -> None:
    """The button does what the hint of a terminal names a command for."""
    house.settings.google.token_file.write_text("{}")
    house.state.control.clear_problem("auth_required")
    lost(house, error.code, error.default_hint)

    page = house.page("/")

    assert "Google says that the sign-in is over." in page
    assert 'href="/signin">Sign in</a>' in page
    assert "photosync auth" not in page
    assert ("leave every box ticked" in page) == (error is ScopeMissing)


def test_what_no_click_can_mend_has_its_command_and_no_button(house: House) -> None:
    """No page takes the file of another client."""
    house.state.control.clear_problem("auth_required")
    house.settings.google.token_file.write_text("{}")
    lost(house, ClientInvalid.code, ClientInvalid.default_hint)

    page = house.page("/")

    assert "photosync auth --client-secret FILE" in page
    assert 'href="/signin">Sign in</a>' not in page


def test_a_sign_in_that_ends_is_given_anew_by_the_button(house: House) -> None:
    hint = ending(2_000_000_000, now=1_900_000_000).hint

    assert words.by_button(hint) == hint.replace(": photosync auth", " sign in.")


def test_another_user_of_this_machine_chooses_no_account(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    back = answer(begun(house), "allow")  # by us
    monkeypatch.setattr("photosync.web.caller.user_at", lambda *_: os.geteuid() + 4242)
    page = house.page("/signin")
    assert "you are not the user that photosync runs as" in page
    assert "photosync web --password" in page
    assert "state=" not in page
    assert 'action="/signin' not in page
    for path, sent in (("/signin", {}), ("/signin/answer", {"answer": back})):
        assert "may not choose the account" in house.send(path, sent).text
    assert not house.settings.google.token_file.exists()
    monkeypatch.undo()
    house.send("/signin/answer", {"answer": back}, accept="text/html")
    until_signed_in(house)


def test_nobody_can_say_who_asks(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("photosync.web.caller.user_at", lambda *_: None)
    assert "may not choose the account" in house.send("/signin").text
