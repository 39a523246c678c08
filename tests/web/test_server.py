from __future__ import annotations

import http.client
import json
import select
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.errors import DatabaseDamaged, PortTaken
from photosync.web import patience, server
from photosync.web.server import Web
from photosync.web.site import Threads
from tests.web.test_metrics import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator


class Host:
    """A web server, and what its status answers."""

    def __init__(self) -> None:
        self.status: dict[str, Any] | Exception = STATUS
        self.web = Web(host="127.0.0.1", port=0, status=self._say, silent=lambda: {"pull": 1.0})

    def _say(self) -> dict[str, Any]:
        if isinstance(self.status, Exception):
            raise self.status
        return self.status

    def ask(
        self, path: str, *, method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web.port, timeout=60)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read().decode()
        connection.close()
        return answer.status, told, text


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    with made.web:
        yield made


def test_a_server_that_has_ended_can_be_told_to_end() -> None:
    """A tick may see the order before the loop is woken."""
    made = Host()
    with made.web:
        made.web._server.should_exit = True
        made.web._thread.join(60)
        assert not made.web._thread.is_alive()


def test_metrics_are_prometheus_own_text(host: Host) -> None:
    status, headers, text = host.ask("/metrics")
    assert status == 200
    assert headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'photosync_items{state="done"} 7.0' in text
    assert 'photosync_worker_silent_seconds{worker="pull"} 1.0' in text


def test_health_is_whether_somebody_is_needed(host: Host) -> None:
    status, _, text = host.ask("/healthz")
    assert (status, json.loads(text)["problems"]) == (503, ["source_missing", "source_missing"])
    host.status = {**STATUS, "problems": [{"code": "offline", "needs_user": False}]}
    status, _, text = host.ask("/healthz")
    assert (status, json.loads(text)) == (200, {"status": "pass", "problems": []})


@pytest.mark.parametrize("path", ["/metrics", "/healthz"])
def test_a_database_that_cannot_be_read_is_told(host: Host, path: str) -> None:
    host.status = DatabaseDamaged("The database is damaged.", hint="Restore it.")
    status, _, text = host.ask(path)
    assert (status, text) == (503, "The database is damaged. Restore it.\n")


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/no-such", "/../etc/passwd"])
def test_every_answer_is_guarded(host: Host, path: str) -> None:
    _, headers, _ = host.ask(path)
    assert (
        headers.items()
        >= {
            "cache-control": "no-store",
            "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }.items()
    )
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_what_is_there_is_listed_and_nothing_else(host: Host) -> None:
    assert "/metrics" in host.ask("/")[2]
    assert host.ask("/no-such")[0] == 404
    assert host.ask("/metrics", method="POST", Origin="http://127.0.0.1:1")[0] == 403


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:8642", 200),
        ("localhost", 200),
        ("LOCALHOST.:1", 200),
        ("[::1]", 200),
        ("[::1]:8642", 200),
        ("127.9.9.9", 200),
        ("evil.example", 403),
        ("evil.example:8642", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("127.0.0.1:x", 403),
        ("2130706433", 403),
        ("", 403),
        ("[::1", 403),
        ("\xe9vil", 403),
    ],
)
def test_only_this_machines_own_name_is_answered(host: Host, name: str, status: int) -> None:
    assert host.ask("/metrics", Host=name)[0] == status


@pytest.mark.parametrize(
    "head", [b"GET /metrics HTTP/1.0\r\n\r\n", b"\x16\x03\x01 not HTTP\r\n\r\n"]
)
def test_a_request_without_a_name_is_refused(host: Host, head: bytes) -> None:
    with socket.create_connection(("127.0.0.1", host.web.port), 60) as connection:
        connection.sendall(head)
        assert b"photosync_" not in connection.recv(4096)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=f"127.0.0.1 port {port} is taken"):
            Web(host="127.0.0.1", port=port, status=dict, silent=dict)


def test_an_address_that_cannot_be_had_is_refused() -> None:
    with pytest.raises(PortTaken, match="is refused"):
        Web(host="192.0.2.1", port=0, status=dict, silent=dict)


def test_it_ends_at_once_whoever_is_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 3600.0)  # else it would end by that
    host = Host()
    with socket.create_connection(("127.0.0.1", host.web.port), 60) as idle:
        idle.sendall(b"GET /metrics HTTP/1.1\r\nHost: local")
        with host.web:
            assert host.ask("/")[0] == 200
        idle.settimeout(60)
        assert idle.recv(1) == b""
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", host.web.port), 60)


def test_a_name_that_leads_nowhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(PortTaken, match="localhost port 0 is refused"):
        Web(host="localhost", port=0, status=dict, silent=dict)


def test_a_server_that_does_not_start_is_off_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "START_SECONDS", 0.01)
    monkeypatch.setattr(server._Server, "run", lambda *_: None)
    with pytest.raises(PortTaken, match="did not start"):
        Host()


@given(
    st.one_of(
        st.binary(max_size=400),
        st.builds(
            lambda path, name, value: (
                b"GET /%b HTTP/1.1\r\nHost: localhost\r\n%b: %b\r\n\r\n" % (path, name, value)
            ),
            st.binary(max_size=60),
            st.binary(min_size=1, max_size=30),
            st.binary(max_size=60),
        ),
    )
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_it_is_sent_it_goes_on(host: Host, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", host.web.port), 60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65_536)
    assert not answer or answer.startswith(b"HTTP/1.1 ")
    assert host.ask("/")[0] == 200


def half(host: Host, sent: bytes = b"GET /metrics HTTP/1.1\r\nHost: loc") -> socket.socket:
    """A connection with a request that is not whole."""
    opened = socket.create_connection(("127.0.0.1", host.web.port), 60)
    opened.sendall(sent)
    return opened


def test_who_sends_nothing_more_makes_room_for_who_does(host: Host) -> None:
    """However many hold a connection open, and as long as they do."""
    with ExitStack() as stack:
        for _ in range(patience.MOST_AT_ONCE + 10):
            stack.enter_context(half(host))
        for _ in range(5):
            assert host.ask("/")[0] == 200
        latest = stack.enter_context(half(host, b"GET / HTTP/1.1\r\n"))
        latest.sendall(b"Host: localhost\r\n\r\n")
        assert latest.recv(100).startswith(b"HTTP/1.1 200")


def _is_unread(connection: object) -> bool:
    assert isinstance(connection, patience.PatientProtocol)
    return connection.flow is not None and connection.flow.write_paused


def test_who_does_not_read_the_answer_makes_room_too(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "MOST_AT_ONCE", 2)
    many = {f"worker-{number}": 1.0 for number in range(20_000)}  # more than is sent ahead
    monkeypatch.setattr(host.web, "_silent", lambda: many)
    connections = host.web._server.server_state.connections
    with socket.socket() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        opened.settimeout(60)
        opened.connect(("127.0.0.1", host.web.port))
        opened.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        ends = time.monotonic() + 60
        while not any(_is_unread(one) for one in [*connections]):
            assert time.monotonic() < ends
            time.sleep(0.01)
        (silent,) = connections
        assert host.ask("/")[0] == 200
        assert silent not in connections


POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n"


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET /metr", GET + b"X: ", POST + b"1", GET + b"\r\nGET /", GET + b"\r\n" + POST],
)
def test_a_request_that_drips_in_is_given_up(
    host: Host, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    """Each byte keeps it from being idle, and it is never whole."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 0.5)
    with half(host, begun) as opened:
        opened.settimeout(0.05)
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            try:
                opened.sendall(b"1" if begun else b"")
                if not opened.recv(65_536):
                    return
            except TimeoutError:
                continue
            except OSError:
                return
    pytest.fail("it was waited for")


class Loop:
    """The clock of a server's event loop, as the test wants it."""

    def __init__(self, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = host.web._server._loop
        assert loop is not None
        self._loop, real = loop, loop.time
        self._ahead = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self._ahead)

    def pass_by(self, seconds: float) -> None:
        """So much later, and whatever was due by then is done."""
        self._ahead += seconds
        for _ in range(3):  # a timer, what it calls for, and what that calls for
            turned = threading.Event()
            self._loop.call_soon_threadsafe(turned.set)
            assert turned.wait(60)


def test_a_page_that_loads_slowly_and_one_that_is_silent_are_not_given_up(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is whole is answered, however long that takes; a browser keeps its connection."""
    monkeypatch.setattr(patience, "REQUEST_SECONDS", 10.0)
    loop = Loop(host, monkeypatch)

    def slow() -> dict[str, Any]:
        loop.pass_by(20.0)
        return STATUS

    monkeypatch.setattr(host.web, "_status", slow)
    connection = http.client.HTTPConnection("127.0.0.1", host.web.port, timeout=60)
    for _ in range(2):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        loop.pass_by(20.0)
        assert select.select([connection.sock], [], [], 0) == ([], [], [])  # nobody hung up
    connection.close()


def test_what_pages_need_is_not_loaded_before_one_is_asked_for() -> None:
    script = (
        "import sys, photosync.web.server, photosync.app.building;"
        "print([one for one in ('jinja2', 'PIL', 'pillow_heif', 'argon2') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_nothing_looks_at_the_database_once_the_pages_are_closed() -> None:
    threads = Threads()
    looking, release, closed = (threading.Event() for _ in range(3))

    def look() -> bool:
        looking.set()
        return release.wait(60)

    def close() -> None:
        threads.close()
        closed.set()

    looked = threads.reading.submit(look)
    assert looking.wait(60)
    closer = threading.Thread(target=close)
    closer.start()
    assert not closed.wait(0.3)
    release.set()
    assert closed.wait(60)
    assert looked.done()
    closer.join(60)
