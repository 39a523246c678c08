"""What pages of elsewhere, strangers and hostile names try."""

from __future__ import annotations

import re
import socket
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.domain.states import State
from photosync.web import guard
from photosync.web.guard import Names
from tests.journeys.conftest import jpeg
from tests.web.conftest import House, house_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = "<img src=x onerror=alert(1)>\"'&.jpg"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """For what changes nothing."""
    with house_in(tmp_path_factory.mktemp("house")) as made:
        made.put(EVIL, jpeg(1))
        made.put("DCIM/a.jpg", jpeg(2))
        yield made


PAGES = ("/", "/photos", "/photos/1", "/folders", "/settings", "/photos/days", "/thumbnails/1")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", "8.8.8.8", ""]
)
def test_a_name_that_was_bent_to_us_is_not_answered(shared: House, path: str, host: str) -> None:
    answer = shared.ask(path, host=host)
    assert answer.status in (400, 403)
    assert b"onerror" not in answer.content


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_nothing_of_ours_is_shown_within_another_page(shared: House, path: str, site: str) -> None:
    for dest in ("image", "iframe", "script", "empty"):
        mode = "navigate" if dest == "iframe" else "no-cors"
        answer = shared.ask(path, sec_fetch_site=site, sec_fetch_mode=mode, sec_fetch_dest=dest)
        assert answer.status == 403
    link: dict[str, Any] = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert shared.ask(path, sec_fetch_site=site, **link).status == 200


CHANGES = (
    "/actions/skip",
    "/actions/choose",
    "/actions/retry",
    "/actions/hurry",
    "/control/pause",
    "/control/resume",
    "/folders/take",
    "/folders/mode",
    "/signin",
    "/signin/answer",
    "/restore",
    "/restore/where",
    "/restore/hurry",
    "/restore/drop",
)


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize(
    "lacking",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"origin": "", "sec_fetch_site": "cross-site"},
    ],
)
def test_nobody_changes_anything_from_another_page(
    shared: House, path: str, lacking: dict[str, str]
) -> None:
    before = rows(shared)
    sent = {name: value for name, value in lacking.items() if value}
    fields = {"item": "1", "source": "1", "folder": ".", "mode": "manual", "to": "home"}
    if "origin" in sent:
        answer = shared.send(path, fields, **sent)
    else:
        body = f"token={shared.token()}&item=1".encode()
        answer = shared.ask(path, method="POST", body=body, content_type=FORM, **sent)
    assert answer.status == 403
    assert rows(shared) == before


@pytest.mark.parametrize("path", CHANGES)
@pytest.mark.parametrize("token", ["", "0" * 64, "é" * 10, "\0", "a" * 10_000])
def test_nothing_changes_without_the_token_of_our_own_pages(
    shared: House, path: str, token: str
) -> None:
    before = rows(shared)
    answer = shared.send(path, {"token": token, "item": "1", "source": "1", "to": "home"})
    assert answer.status == 403
    assert rows(shared) == before


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_looking_never_changes_anything(shared: House, method: str) -> None:
    before = rows(shared)
    origin = f"http://127.0.0.1:{shared.web.port}"
    for path in CHANGES:
        answer = shared.ask(f"{path}?item=1&token={shared.token()}", method=method, origin=origin)
        is_page = path == "/signin" and method in ("GET", "HEAD")
        assert answer.status in ((200,) if is_page else (404, 405))
    assert rows(shared) == before


def rows(house: House) -> list[tuple[Any, ...]]:
    """All that a click can change."""
    found = []
    for table in ("media_items", "flags", "source_choices", "phone_folders", "restore_requests"):
        found += [tuple(row) for row in house.state.database.rows(f"SELECT * FROM {table}")]  # noqa: S608 - names of our own
    return found


def test_a_name_is_just_a_name_wherever_it_is_shown(shared: House) -> None:
    for path in ("/", "/photos", "/photos/1", "/folders", "/photos/tiles?of=" + first_day(shared)):
        text = shared.page(path)
        assert "<img src=x" not in text
        if path.startswith("/photos"):
            assert "&lt;img src=x onerror=alert(1)&gt;" in text


def first_day(house: House) -> str:
    """That of its photos; not today, which may have come after them."""
    sql = "SELECT date(shown_at, 'unixepoch', 'localtime') AS day FROM media_items WHERE id = 1"
    return str(house.state.database.rows(sql)[0]["day"])


def test_no_page_runs_or_loads_anything_that_is_not_ours(shared: House) -> None:
    for path in ("/", "/photos", "/photos/1", "/folders", "/settings", "/nowhere"):
        answer = shared.ask(path, accept="text/html")
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        tags = Tags()
        tags.feed(answer.text)
        assert tags.seen
        for tag, name, value in tags.seen:
            assert not name.startswith("on"), (tag, name)
            assert name != "style"
            assert tag not in ("style", "iframe", "object", "embed", "base")
            if name in ("src", "href", "action", "formaction", "poster"):
                assert value.startswith(("/", "#")), (tag, name, value)
        assert tags.written.strip() == ""


class Tags(HTMLParser):
    """Every attribute of every tag of a page, and what stands within scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str, str]] = []
        self.written = ""
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        self.seen += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self._tag == "script":
            self.written += data


@pytest.mark.parametrize("path", [*PAGES, "/originals/2", "/large/2", "/static/page.css", "/x"])
def test_every_answer_keeps_to_itself(shared: House, path: str) -> None:
    headers = shared.ask(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] in ("no-referrer", "same-origin")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "access-control-allow-origin" not in headers
    assert headers["cache-control"]


def test_what_tells_of_photos_is_kept_by_nobody(shared: House) -> None:
    for path in ("/", "/photos", "/photos/1", "/folders", "/settings", "/photos/days"):
        assert shared.ask(path).headers["cache-control"] == "no-store"
    assert shared.ask("/thumbnails/2").headers["cache-control"].startswith("private")


TRICKS = [
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/etc/passwd",
    "....//....//etc/passwd",
    "%00",
    "1%00.jpg",
    "/etc/passwd",
    "-1",
    "0",
    "1e3",
    "\uff11",
    "9" * 30,
    "1/../2",
    "\\..\\..",
    "file:" + "///etc/passwd",
]


@pytest.mark.parametrize("trick", TRICKS)
@pytest.mark.parametrize("where", ["thumbnails", "large", "originals", "photos", "static"])
def test_only_numbers_of_items_lead_anywhere(shared: House, where: str, trick: str) -> None:
    from urllib.parse import quote

    answer = shared.ask(f"/{where}/{quote(trick, safe='%/')}")
    assert answer.status in (400, 404), (where, trick)
    assert b"root:" not in answer.content


@pytest.mark.parametrize(
    "query",
    [
        "state=nonsense",
        "source=x",
        "source=-1",
        "folder=Li4vLi4v",
        "source=1&folder=!!",
        "source=1&folder=" + "A" * 20_000,
        "type=audio",
        "day=2026-13-01",
        "day=0001-01-01",
        "day=9999-12-31",
        "after=1",
        "after=x.1",
        "after=1.x",
    ],
)
def test_a_filter_that_no_page_makes_is_refused(shared: House, query: str) -> None:
    for path in ("/photos", "/photos/days", "/photos/1"):
        if path == "/photos" or not query.startswith("after"):
            assert shared.ask(f"{path}?{query}").status in (200, 400)
    assert shared.ask(f"/photos?{query}").status == (200 if query == "day=9999-12-30" else 400)


def test_no_secret_and_no_path_besides_the_sources_is_shown(tmp_path: Path) -> None:
    toml = '[notify]\nurls = ["tgram://hush-token/hush-chat"]\nping = "https://hc.example/hush-check"\n'
    with house_in(tmp_path / "home", toml=toml) as house:
        house.put("a.jpg", jpeg(1))
        house.state.database.run(
            "INSERT INTO upload_sessions VALUES (1, 'https://hush-upload', 1, 'x', 1)"
        )
        for path in (*PAGES, "/metrics", "/healthz"):
            assert b"hush" not in house.ask(path).content, path
        assert "tgram://***" in house.page("/settings")


def test_a_form_is_small_and_a_form(shared: House) -> None:
    origin = f"http://127.0.0.1:{shared.web.port}"
    big = b"token=x&item=" + b"1," * guard.MOST_BODY_BYTES
    answer = shared.ask("/actions/skip", method="POST", body=big, origin=origin, content_type=FORM)
    assert answer.status == 413
    answer = shared.send("/actions/skip", content_type="application/json")
    assert answer.status == 400
    answer = shared.send("/actions/skip", {"item": ",".join(map(str, range(1, 20_000)))})
    assert answer.status == 400
    answer = shared.send("/actions/skip", {f"f{number}": "1" for number in range(25_000)})
    assert answer.status in (400, 413)


def test_a_form_without_an_end_is_cut_off(shared: House) -> None:
    with socket.create_connection(("127.0.0.1", shared.web.port), 60) as connection:
        host = f"127.0.0.1:{shared.web.port}"
        connection.sendall(
            f"POST /actions/skip HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n"
            f"Content-Type: {FORM}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        block = b"8000\r\n" + b"a" * 0x8000 + b"\r\n"
        answer = b""
        try:
            for _ in range(200):
                connection.sendall(block)
            answer = connection.recv(100)
        except OSError:  # it was hung up on while it said more
            pass
    assert not answer or answer.startswith(b"HTTP/1.1 400")
    assert shared.ask("/").status == 200


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "a\r\nb: c",
    ],
)
def test_after_a_form_one_never_lands_elsewhere(house: House, back: str) -> None:
    answer = house.send("/control/pause", {"back": back}, accept="text/html")
    assert answer.status == 303
    assert answer.headers["location"].startswith("/?said=")
    assert "b" not in answer.headers


WORDS = st.text(max_size=40) | st.sampled_from(
    ["1", "0", ".", "held", "home", "folder", "2026-11-30", "..", "%", "\0"]
)


@given(
    path=st.sampled_from(
        [*PAGES, "/photos/tiles", "/originals/1", "/large/1", "/login", "/static/x"]
    ),
    query=st.dictionaries(
        st.sampled_from(
            ["state", "source", "folder", "type", "day", "after", "of", "skip", "said", "v"]
        ),
        WORDS,
        max_size=5,
    ),
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_is_asked_for_is_answered_sensibly(
    shared: House, path: str, query: dict[str, str]
) -> None:
    from urllib.parse import urlencode

    answer = shared.ask(f"{path}?{urlencode(query, errors='replace')}")
    assert answer.status in (200, 303, 304, 400, 404, 405)
    assert b"Traceback" not in answer.content


@given(
    path=st.sampled_from(CHANGES),
    fields=st.dictionaries(
        st.sampled_from(
            [
                "item",
                "all",
                "sure",
                "state",
                "source",
                "folder",
                "take",
                "mode",
                "back",
                "day",
                "to",
            ]
        ),
        WORDS,
        max_size=6,
    ),
)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_a_form_brings_is_answered_sensibly(
    shared: House, path: str, fields: dict[str, str]
) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in fields.items()}
    answer = shared.send(path, clean)
    assert answer.status in (200, 400, 404)
    assert b"Traceback" not in answer.content
    assert {item.state for item in shared.state.overview.items()} <= set(State)


# By which name


@pytest.mark.parametrize(
    "host", ["photos.example", "PHOTOS.example:443", "192.0.2.7", "192.0.2.7:1"]
)
def test_a_page_for_others_goes_by_its_names_and_its_own_address(host: str) -> None:
    names = Names(is_local=False, more=["photos.example"])
    assert names.know(host, asked_at="192.0.2.7")
    assert names.know(socket.gethostname())
    assert not names.know("192.0.2.8", asked_at="192.0.2.7")
    assert not names.know("evil.example", asked_at="192.0.2.7")
    assert not Names().know("192.0.2.7", asked_at="192.0.2.7")
    assert not Names().know(f"{socket.gethostname()}x")


@given(host=st.text(max_size=60))
def test_no_text_at_all_is_a_name_of_ours_by_accident(host: str) -> None:
    if Names().know(host):
        name = (
            host.rpartition(":")[0] if re.search(r":\d*$", host) and "]" not in host[-1:] else host
        )
        assert re.fullmatch(
            r"(?i)\[?(localhost\.?|127\.[\d.]+|::1|[0:]*:0*1|::ffff:127[\d.]+|[0-9a-f:]+)\]?\.?",
            name,
        )
