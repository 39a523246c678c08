"""Who is let in where a password is asked for."""

from __future__ import annotations

import base64
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from photosync.errors import PasswordUnusable
from photosync.web import door as module
from photosync.web.door import Door, write_password
from tests.files.conftest import Clock
from tests.journeys.conftest import jpeg
from tests.web.conftest import Answer, House, house_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct horse battery"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def locked(tmp_path: Path, secret: Path) -> Iterator[House]:
    with house_in(tmp_path / "home", password_file=secret) as house:
        house.put("a.jpg", jpeg(1))
        yield house


def sign_in(house: House, password: str = PASSWORD) -> Answer:
    page = house.ask("/login", accept="text/html").text
    token = re.search(r'name="token" value="([0-9a-f]+)"', page)
    assert token is not None
    body = urlencode({"token": token[1], "password": password}).encode()
    return house.ask(
        "/login",
        method="POST",
        body=body,
        accept="text/html",
        origin=f"http://127.0.0.1:{house.web.port}",
        content_type="application/x-www-form-urlencoded",
    )


def cookie_of(answer: Answer) -> str:
    assert answer.status == 303, answer
    told = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict"} <= {one.strip() for one in told.split(";")}
    return told.partition(";")[0]


SHUT = (
    "/",
    "/photos",
    "/photos/1",
    "/folders",
    "/settings",
    "/events",
    "/thumbnails/1",
    "/originals/1",
    "/large/1",
    "/photos/days",
    "/photos/tiles",
    "/metrics",
    "/healthz",
)


@pytest.mark.parametrize("path", SHUT)
def test_nothing_is_shown_before_the_password(locked: House, path: str) -> None:
    assert locked.ask(path).status == 401
    page = locked.ask(path, accept="text/html")
    assert page.status in (303, 401)
    assert page.headers.get("location", "/login") == "/login"


def test_with_the_password_everything_is_there_until_one_signs_out(locked: House) -> None:
    cookie = cookie_of(sign_in(locked))
    text = locked.page("/photos/1", cookie=cookie)
    assert "a.jpg" in text
    assert "Sign out" in text
    assert locked.ask("/logout", method="POST", cookie=cookie).status == 403
    body = urlencode({"token": locked.token(cookie=cookie)}).encode()
    origin = f"http://127.0.0.1:{locked.web.port}"
    kind = "application/x-www-form-urlencoded"
    out = locked.ask(
        "/logout", method="POST", body=body, cookie=cookie, origin=origin, content_type=kind
    )
    assert out.status == 303
    assert locked.ask("/photos", cookie=cookie).status == 401


def test_the_token_of_one_session_is_none_of_another(locked: House) -> None:
    first, second = cookie_of(sign_in(locked)), cookie_of(sign_in(locked))
    assert locked.token(cookie=first) != locked.token(cookie=second)


@pytest.mark.parametrize(
    "cookie", ["photosync=", "photosync=x", "photosync=\0", "=;;=", "a=b; " * 50]
)
def test_no_other_cookie_opens(locked: House, cookie: str) -> None:
    assert locked.ask("/photos", cookie=cookie.replace("\0", "%00")).status == 401


def basic(password: str, name: str = "prometheus") -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_a_scraper_says_the_password_each_time(locked: House) -> None:
    assert locked.ask("/metrics", authorization=basic(PASSWORD)).status == 200
    assert locked.ask("/healthz", authorization=basic(PASSWORD)).status in (200, 503)
    refused = locked.ask("/metrics", authorization=basic("wrong password"))
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Basic")
    for nonsense in ("Basic", "Basic !!", "Bearer x", basic(PASSWORD)[:-4], "Basic " + "A" * 9000):
        assert locked.ask("/metrics", authorization=nonsense).status == 401
    assert locked.ask("/photos", authorization=basic(PASSWORD)).status == 401


def test_after_some_wrong_ones_nobody_may_try_for_a_while(locked: House) -> None:
    for _ in range(module.TRIES):
        assert sign_in(locked, "not the password").status == 401
    answer = sign_in(locked)
    assert answer.status == 429
    assert b"Wait" in answer.content


def test_the_wait_passes(secret: Path) -> None:
    clock = Clock(1000.0)
    door = Door(secret, monotonic=clock)
    for _ in range(module.TRIES):
        assert door.sign_in("not the password") is None
    assert door.wait_seconds() > 50
    assert door.sign_in(PASSWORD) is None
    clock.pass_by(module.TRIES_SECONDS)
    assert door.wait_seconds() == 0
    assert door.sign_in(PASSWORD)


def test_a_session_ends_by_itself_and_the_oldest_of_many_goes(secret: Path) -> None:
    clock = Clock(1000.0)
    door = Door(secret, monotonic=clock)
    sessions = [door.sign_in(PASSWORD) for _ in range(module.MOST_SESSIONS + 1)]

    def opens(number: int) -> bool:
        return door.session({"cookie": [f"photosync={sessions[number]}"]}) is not None

    assert (opens(0), opens(1), opens(-1)) == (False, True, True)
    clock.pass_by(module.SESSION_SECONDS + 1)
    assert not opens(-1)


def test_what_is_written_tells_nobody_the_password_and_opens(tmp_path: Path) -> None:
    file = tmp_path / "password"
    write_password(file, PASSWORD)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text().startswith("$argon2id$")
    assert PASSWORD not in file.read_text()
    door = Door(file)
    assert door.sign_in(PASSWORD)
    assert door.sign_in("not the password") is None
    file.write_text("$argon2id$broken")
    assert Door(file).sign_in(PASSWORD) is None


@pytest.mark.parametrize("password", ["", "short", "x" * 2000])
def test_a_password_is_neither_short_nor_endless(tmp_path: Path, password: str) -> None:
    with pytest.raises(PasswordUnusable, match="characters"):
        write_password(tmp_path / "password", password)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(PasswordUnusable, match="cannot be written"):
        write_password(tmp_path / "nowhere" / "password", PASSWORD)


def test_a_file_that_is_no_secret_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "password"
    with pytest.raises(PasswordUnusable, match="cannot be read"):
        Door(file)
    file.write_text(PASSWORD)
    file.chmod(0o644)
    with pytest.raises(PasswordUnusable, match="Others than its owner"):
        Door(file)
    file.chmod(0o600)
    file.write_text("\n")
    with pytest.raises(PasswordUnusable, match="fewer than"):
        Door(file)
    file.write_bytes(b"\xff\xfe\xff\xff\xff\xff\xff\xff\xff")
    with pytest.raises(PasswordUnusable, match="no text"):
        Door(file)


def test_where_no_password_is_asked_for_login_leads_to_the_page(house: House) -> None:
    answer = house.ask("/login", accept="text/html")
    assert (answer.status, answer.headers["location"]) == (303, "/")


def test_who_knows_the_password_may_choose_the_account(
    locked: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photosync.web.caller.user_at", lambda *_: os.geteuid() + 4242)
    page = locked.ask("/signin", cookie=cookie_of(sign_in(locked)), accept="text/html").text
    assert "you are not the user" not in page
    assert "an OAuth client of your own" in page  # how it goes on
