"""The way back from the browser, whoever else knocks on that port."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from threading import Thread
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photosync.google import loopback
from photosync.google.loopback import MOST_AT_ONCE, UNKNOWN, receive

WORDS = (
    *(b"GET ", b"POST ", b"/", b"?", b"code=", b"error=", b" HTTP/1.1\r\n", b"\r\n", b"\0"),
    *(b"://[", b"Host: evil.example\r\n", b"Content-Length: 99999999999\r\n", b"%00%ff"),
    b"A" * 70_000,
)
PARTS = st.one_of(st.binary(max_size=60), st.sampled_from(WORDS))


@given(requests=st.lists(st.lists(PARTS, max_size=8).map(b"".join), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_request_leaves_the_way_free_for_the_answer(requests: list[bytes]) -> None:
    hostile = [one for one in requests if b"code=" not in one and b"error=" not in one]
    with receive("127.0.0.1", 0) as way:
        port = urlsplit(way.address).port
        knocks = [*hostile, b"GET /?code=good&state=s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"]
        said: list[bytes] = []
        thread = Thread(target=_knock, args=(port, knocks, said))
        thread.start()
        came = way.wait(60)
        way.tell("Signed in.")
        thread.join(60)
    assert came == f"{way.address}?code=good&state=s"
    assert b"Signed in." in said[-1]
    assert all(b"Traceback" not in one for one in said)


@pytest.fixture
def nobody_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: a connection on which nothing comes stays open."""
    monkeypatch.setattr(loopback._Handler, "timeout", 3600)


@pytest.mark.usefixtures("nobody_is_given_up")
def test_connections_on_which_nothing_comes_do_not_keep_the_answer_waiting() -> None:
    """Browsers open some ahead of time; a program of somebody else's might for worse."""
    with receive("127.0.0.1", 0) as way, ExitStack() as stack:
        port = urlsplit(way.address).port
        for _ in range(5):
            idle = stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            idle.sendall(b"GET /?co")
        knocks = [b"GET /?code=good HTTP/1.1\r\n\r\n"]
        thread = Thread(target=_knock, args=(port, knocks, []))
        thread.start()
        assert way.wait(60) == f"{way.address}?code=good"
        way.tell("Signed in.")
        thread.join(60)


@pytest.mark.usefixtures("nobody_is_given_up")
def test_more_connections_than_a_browser_opens_are_hung_up_on() -> None:
    with receive("127.0.0.1", 0) as way, ExitStack() as stack:
        port = urlsplit(way.address).port
        said: list[str] = []
        waiting = Thread(target=lambda: said.append(way.wait(60)), daemon=True)
        waiting.start()
        opened = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            for _ in range(MOST_AT_ONCE + 1)
        ]
        assert opened[-1].recv(1) == b""
        opened[0].sendall(b"GET /?code=good HTTP/1.1\r\n\r\n")
        waiting.join(60)
        way.tell("Signed in.")
        assert opened[0].recv(100).startswith(b"HTTP/1.0 200")
    assert said == [f"{way.address}?code=good"]


def test_nothing_of_a_request_is_said_back(capfd: pytest.CaptureFixture[str]) -> None:
    with receive("127.0.0.1", 0) as way:
        said: list[bytes] = []
        knocks = [
            b"GET /<script>alert(1)</script> HTTP/1.1\r\n\r\n",
            b"GET /?code=good HTTP/1.1\r\n\r\n",
        ]
        thread = Thread(target=_knock, args=(urlsplit(way.address).port, knocks, said))
        thread.start()
        way.wait(60)
        way.tell("Signed in.")
        thread.join(60)
    assert said[0]
    assert b"<script>" not in said[0]
    assert capfd.readouterr().err == ""


def test_the_browser_hears_what_came_of_its_answer_before_who_waited_goes_on() -> None:
    with receive("127.0.0.1", 0, back="http://127.0.0.1:1/") as way:
        said: list[bytes] = []
        knocks = [b"GET /?code=good HTTP/1.1\r\n\r\n"]
        thread = Thread(target=_knock, args=(urlsplit(way.address).port, knocks, said))
        thread.start()
        way.wait(60)
        assert said == []
        way.tell("It is <no> good.")
        way.tell("It is fine.")
        thread.join(60)
    assert b"It is &lt;no&gt; good." in said[0]
    assert b"fine" not in said[0]
    assert b'href="http://127.0.0.1:1/"' in said[0]


def test_the_browser_is_not_left_waiting_by_who_breaks_off() -> None:
    said: list[bytes] = []
    knocks = [b"GET /?code=good HTTP/1.1\r\n\r\n"]
    with receive("127.0.0.1", 0) as way:
        thread = Thread(target=_knock, args=(urlsplit(way.address).port, knocks, said))
        thread.start()
        way.wait(60)
    thread.join(60)
    assert UNKNOWN.encode() in said[0]


def _knock(port: int, knocks: list[bytes], said: list[bytes]) -> None:
    for one in knocks:
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            answer = b""
            try:
                connection.sendall(one)
                connection.shutdown(socket.SHUT_WR)
                while block := connection.recv(65536):
                    answer += block
            except OSError:
                pass  # it had heard enough
            said.append(answer)
