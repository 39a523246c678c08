"""One request on the wire: bounded, never sent elsewhere, broken off at once."""

from __future__ import annotations

import io
import logging
import os
import socket
import ssl
import subprocess
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import requests
from urllib3.util.ssl_ import create_urllib3_context

from photosync.errors import ConnectionLost, FileReplaced, FileUnreadable, Offline, Stopping
from photosync.google import http as http_module
from photosync.google import sockets
from photosync.google.http import (
    CONNECT_SECONDS,
    LONGEST_BODY,
    READ_SECONDS,
    Api,
    Call,
    Slice,
    Wire,
)
from photosync.google.sockets import SEND_BLOCK_BYTES, Sockets
from tests.google.conftest import Halt, content_of, http, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from photosync.errors import PhotosyncError

SECRET_URL = "/v1/uploads?upload_id=AEnVerySecret&upload_protocol=resumable"
BEARER = "Bearer ya29.verysecret"


@pytest.fixture
def halt() -> Halt:
    return Halt()


@pytest.fixture
def wire(halt: Halt) -> Iterator[Wire]:
    with Wire(halt=halt) as made:
        yield made


def get(wire: Wire, url: str, **more: Any) -> Any:
    return wire.send(Call("GET", url + SECRET_URL, **more), authorization=BEARER)


@pytest.fixture
def refused_port() -> Iterator[int]:
    """Nobody listens there, and nobody else can."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def test_an_answer_comes_back_as_it_is(wire: Wire) -> None:
    with stranger(http("418 Teapot", b"tea", X_Odd="Yes")) as one:
        answer = get(wire, one.url)
    assert (answer.status, answer.body, answer.headers["x-odd"]) == (418, b"tea", "Yes")
    assert answer.is_whole
    head = one.heard[0].decode()
    assert f"Authorization: {BEARER}" in head
    assert "Accept-Encoding: identity" in head
    assert "User-Agent: photosync/" in head


def test_a_post_without_a_body_says_so(wire: Wire) -> None:
    with stranger(http("200 OK")) as one:
        wire.send(Call("POST", one.url))
    assert b"Content-Length: 0" in one.heard[0]
    assert b"chunked" not in one.heard[0].lower()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(wire: Wire, status: int) -> None:
    with stranger(http("200 OK")) as other:
        moved = http(f"{status} Moved", Location=f"{other.url}/elsewhere")
        with stranger(moved) as one:
            assert get(wire, one.url).status == status
        assert other.heard == []


def test_a_password_in_netrc_stays_there(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login me password pass\ndefault login me password pass\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    with stranger(http("200 OK")) as one:
        get(wire, one.url)
        wire.send(Call("POST", one.url + "/token"))
    assert f"Authorization: {BEARER}".encode() in one.heard[0]
    assert b"authorization" not in one.heard[1].lower()


def test_a_long_body_is_cut_off(wire: Wire) -> None:
    with stranger(http("200 OK", b"x" * (LONGEST_BODY + 100_000))) as one:
        answer = get(wire, one.url)
    assert len(answer.body) == LONGEST_BODY
    assert not answer.is_whole
    assert answer.json() is None


def test_an_endless_body_is_cut_off(wire: Wire) -> None:
    head = b"HTTP/1.1 200 OK\r\n\r\n"
    with stranger(head + b"x" * (LONGEST_BODY + 1), keep_open=True) as one:
        assert not get(wire, one.url).is_whole


def test_a_body_that_drips_is_cut_off(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "BODY_SECONDS", 0.2)
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            with suppress(OSError):  # hung up
                while not over.wait(0.02):
                    connection.sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        began = time.monotonic()
        answer = get(wire, f"http://127.0.0.1:{listener.getsockname()[1]}")
        assert time.monotonic() - began < READ_SECONDS / 4
        assert not answer.is_whole
        assert set(answer.body) == set(b"x")
    finally:
        over.set()
        thread.join()
        listener.close()


def test_an_unasked_for_compression_is_understood(wire: Wire) -> None:
    import gzip

    with stranger(http("200 OK", gzip.compress(b"{}"), Content_Encoding="gzip")) as one:
        assert get(wire, one.url).json() == {}


# What went wrong


def failure(wire: Wire, url: str, **more: Any) -> PhotosyncError:
    with pytest.raises((Offline, ConnectionLost, Stopping)) as raised:
        get(wire, url, **more)
    told = "".join(traceback.format_exception(raised.value))
    assert "verysecret" not in told.lower()
    return raised.value


def test_nobody_listens(wire: Wire, refused_port: int) -> None:
    found = failure(wire, f"http://127.0.0.1:{refused_port}")
    assert isinstance(found, Offline)
    assert "cannot be reached" in found.message


def test_a_name_that_nobody_knows(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    found = failure(wire, "https://photoslibrary.googleapis.com")
    assert isinstance(found, Offline)
    assert "name cannot be resolved" in found.message


def test_a_name_without_addresses(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [])
    assert isinstance(failure(wire, "https://photoslibrary.googleapis.com"), Offline)


def test_the_second_address_is_tried(
    wire: Wire, refused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    with stranger(http("200 OK")) as one:
        found = real("127.0.0.1", one.port, type=socket.SOCK_STREAM)
        bad = real("127.0.0.1", refused_port, type=socket.SOCK_STREAM)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [*bad, *found])
        assert get(wire, one.url).status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 100,
        b"HTTP/1.1 ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Y: z\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
def test_a_broken_answer_leaves_the_fate_open(wire: Wire, answer: bytes) -> None:
    with stranger(answer) as one:
        assert isinstance(failure(wire, one.url), ConnectionLost)


def test_no_answer_in_time_leaves_the_fate_open(wire: Wire) -> None:
    with stranger(None) as one:
        found = failure(wire, one.url, read_seconds=0.05)
    assert isinstance(found, ConnectionLost)
    assert "in time" in found.message


def test_broken_headers_are_not_logged_with_the_address(
    wire: Wire, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with stranger(b"HTTP/1.1 200 OK\r\n : bad\r\nno colon\r\nContent-Length: 0\r\n\r\n") as one:
        get(wire, one.url)
    assert "AEnVerySecret" not in caplog.text
    assert "ya29" not in caplog.text


def test_an_authorization_that_no_header_can_carry_is_not_told(wire: Wire) -> None:
    secret = "verysecret"
    with pytest.raises(ConnectionLost) as raised:
        wire.send(Call("GET", "http://127.0.0.1:1/"), authorization=f"Bearer {secret}\nX: y")
    assert secret not in "".join(traceback.format_exception(raised.value))


def test_a_proxy_that_is_not_there(
    wire: Wire, refused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", f"http://127.0.0.1:{refused_port}")
        assert isinstance(failure(wire, f"{scheme}://photoslibrary.googleapis.com"), Offline)


def test_a_proxy_that_refuses_the_tunnel(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    with stranger(http("407 Proxy Authentication Required")) as one:
        monkeypatch.setenv("https_proxy", one.url)
        assert isinstance(failure(wire, "https://photoslibrary.googleapis.com"), Offline)
    assert b"ya29" not in one.heard[0]


def test_a_proxy_with_a_nonsense_address(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http:///")
    assert isinstance(failure(wire, "https://photoslibrary.googleapis.com"), Offline)


def test_the_environment_is_asked_about_a_host_once(
    wire: Wire, refused_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stranger(http("200 OK")) as one:
        assert get(wire, one.url).status == 200
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{refused_port}")
        assert get(wire, one.url).status == 200


def test_cookies_are_not_sent_back(wire: Wire) -> None:
    with stranger(http("200 OK", Set_Cookie="NID=secret")) as one:
        get(wire, one.url)
        get(wire, one.url)
    assert b"cookie" not in one.heard[1].lower()


@contextmanager
def silent_network() -> Iterator[str]:
    """A listener whose queue is full lets nobody in, as a network does that swallows packets."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            caller = stack.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_network_that_swallows_packets(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_module, "CONNECT_SECONDS", 0.05)
    with silent_network() as url:
        found = failure(wire, url)
    assert isinstance(found, Offline)
    assert "does not answer" in found.message


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "both.pem")


def make_certificate(file: Path) -> Path:
    """One for 127.0.0.1, and its key, in one file."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(file), "-out", f"{file}.crt"),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + file.with_name(f"{file.name}.crt").read_text())
    return file


@contextmanager
def tls_server(certificate: Path, answer: bytes | None) -> Iterator[str]:
    """Speaks TLS; None cuts the connection with rubbish instead of an answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        raw, _ = listener.accept()
        raw.settimeout(60)
        try:
            with context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(65_536)
                if answer is None:
                    os.write(connection.fileno(), b"\x17\x03\x03\x00\x05rubbi" * 3)
                else:
                    connection.sendall(answer)
        except OSError:
            raw.close()

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    thread.join()
    listener.close()


def test_a_certificate_that_nobody_vouches_for(wire: Wire, certificate: Path) -> None:
    with tls_server(certificate, http("200 OK")) as url:
        found = failure(wire, url)
    assert isinstance(found, Offline)
    assert "encryption cannot be agreed on" in found.message


def test_encrypted_requests(wire: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with tls_server(certificate, http("200 OK", b"fine")) as url:
        assert get(wire, url).body == b"fine"


def test_whom_to_trust_is_read_once_for_all_threads_and_again_once_it_has_changed(
    wire: Wire, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.SSLContext] = []

    def reading() -> ssl.SSLContext:
        read.append(create_urllib3_context())
        return read[-1]

    monkeypatch.setattr(sockets, "create_urllib3_context", reading)
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    bundle.write_bytes(certificate.read_bytes())
    for _ in range(3):
        with tls_server(certificate, http("200 OK", b"fine")) as url, ThreadPoolExecutor() as pool:
            assert pool.submit(get, wire, url).result().body == b"fine"
    assert len(read) == 1

    stranger = tmp_path / "stranger.pem"
    make_certificate(stranger)
    bundle.write_bytes(stranger.read_bytes())
    os.utime(bundle, (1, 1))
    with tls_server(certificate, http("200 OK")) as url:
        assert isinstance(failure(wire, url), Offline)
    assert len(read) == 2


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file"), ("", "it holds none"), ("no", "it holds none")]
)
def test_certificates_that_cannot_be_read_are_named_and_nothing_was_sent(
    wire: Wire, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, why: str
) -> None:
    """It costs no request of the day's, and leaves nothing unknown."""
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    found = failure(wire, "https://127.0.0.1:1")
    assert isinstance(found, Offline)
    assert f"{bundle}: {why}" in found.message
    assert "REQUESTS_CA_BUNDLE" in found.hint


def test_a_certificate_for_another_name(
    wire: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever vouches for it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with tls_server(certificate, http("200 OK")) as url:
        found = failure(wire, url.replace("127.0.0.1", "localhost"))
    assert isinstance(found, Offline)
    assert "encryption cannot be agreed on" in found.message


def test_encryption_that_breaks_later_leaves_the_fate_open(
    wire: Wire, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with tls_server(certificate, None) as url:
        assert isinstance(failure(wire, url), ConnectionLost)


def test_no_tls_at_all(wire: Wire) -> None:
    with stranger(b"HTTP/1.1 400 Bad Request\r\n\r\n") as one:
        assert isinstance(failure(wire, one.url.replace("http:", "https:")), Offline)


# Stopping


AT_ONCE = CONNECT_SECONDS / 2
"""Sooner than any timeout, on however busy a machine."""


def cut_while(wire: Wire, halt: Halt, url: str, ready: threading.Event | None, **more: Any) -> None:
    """The request under way ends as Stopping, at once."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(get, wire, url, **more)
        if ready is not None:
            assert ready.wait(60)
        halt.event.set()
        wire.close()
        assert isinstance(running.exception(timeout=AT_ONCE), Stopping)


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "answer",
    [None, HEAD, HEAD + b"Content-Length: 9\r\n\r\nhalf", HEAD + b"Connection: close\r\n\r\nhalf"],
)
def test_a_hanging_answer_is_cut(wire: Wire, halt: Halt, answer: bytes | None) -> None:
    with stranger(answer, keep_open=True) as one:
        cut_while(wire, halt, one.url, one.asked)


def test_a_hanging_handshake_is_cut(wire: Wire, halt: Halt) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    greeted = threading.Event()
    held: list[socket.socket] = []

    def greet() -> None:
        held.append(listener.accept()[0])
        held[0].recv(1)
        greeted.set()

    thread = threading.Thread(target=greet)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    cut_while(wire, halt, url, greeted)
    thread.join()
    listener.close()
    held[0].close()


def test_a_hanging_connect_is_cut(wire: Wire, halt: Halt, monkeypatch: pytest.MonkeyPatch) -> None:
    watching = threading.Event()
    real = Sockets.watch

    def watch(self: Sockets, one: socket.socket) -> None:
        real(self, one)
        watching.set()

    monkeypatch.setattr(Sockets, "watch", watch)
    with silent_network() as url:
        cut_while(wire, halt, url, watching)


def test_a_hanging_send_is_cut(wire: Wire, halt: Halt, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(bytes(64 << 20))
    half = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener, path.open("rb") as file:
        body = Slice(file, 0, 64 << 20, lambda _: half.set())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        cut_while(wire, halt, url, half, body=lambda: body)


def test_nothing_is_sent_after_the_end(wire: Wire, halt: Halt) -> None:
    with stranger(http("200 OK")) as one:
        halt.event.set()
        with pytest.raises(Stopping):
            get(wire, one.url)
        assert one.heard == []


def test_nothing_is_sent_after_closing(wire: Wire) -> None:
    with stranger(http("200 OK")) as one:
        wire.close()
        wire.close()
        with pytest.raises(Stopping):
            get(wire, one.url)
        assert one.heard == []


def test_a_connection_opened_during_the_end_is_cut(wire: Wire, halt: Halt) -> None:
    """The stop comes after the last look at the flag, before there is a connection to cut."""

    def body() -> bytes:
        wire.close()
        return b""

    with stranger(None) as one:
        began = time.monotonic()
        assert isinstance(failure(wire, one.url, body=body), Stopping)
        assert time.monotonic() - began < AT_ONCE


# Bodies


def test_a_slice_is_read_in_large_blocks(wire: Wire, tmp_path: Path) -> None:
    path = tmp_path / "film"
    content = content_of(3 * SEND_BLOCK_BYTES + 77)
    path.write_bytes(b"before" + content + b"after")
    told: list[int] = []
    sizes: list[int] = []

    class Watched(Slice):
        def read(self, size: int = -1) -> bytes:
            sizes.append(size)
            return super().read(size)

    with path.open("rb") as file, stranger(http("200 OK")) as one:
        wire.send(Call("POST", one.url, body=lambda: Watched(file, 6, len(content), told.append)))
    assert set(sizes) == {SEND_BLOCK_BYTES}
    assert one.heard[0].partition(b"\r\n\r\n")[2] == content
    assert f"Content-Length: {len(content)}".encode() in one.heard[0]
    assert told == sorted(told)
    assert told[-1] == 6 + len(content)


def test_a_slice_may_be_read_at_once() -> None:
    assert Slice(io.BytesIO(b"abcdef"), 2, 3, lambda _: None).read() == b"cde"


def test_a_file_that_became_shorter_is_another_file(wire: Wire) -> None:
    body = Slice(io.BytesIO(b"abc"), 0, 4, lambda _: None)
    with stranger(http("200 OK")) as one, pytest.raises(FileReplaced):
        wire.send(Call("POST", one.url, body=lambda: body))


def test_a_failing_disk_is_no_failing_network(wire: Wire) -> None:
    class Failing(io.BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    body = Slice(Failing(), 0, 4, lambda _: None)
    with stranger(http("200 OK")) as one, pytest.raises(FileUnreadable, match="Input/output"):
        wire.send(Call("POST", one.url, body=lambda: body))


def test_a_request_after_a_broken_one_works(wire: Wire) -> None:
    with stranger(b"", http("200 OK", b"fine")) as one:
        failure(wire, one.url)
        assert get(wire, one.url).body == b"fine"


def test_connections_are_kept_per_thread(wire: Wire) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with stranger(answer) as one:
        assert get(wire, one.url).status == 200
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(get, wire, one.url).result().status == 200
    assert len(one.heard) == 2


class Renewed:
    """Credentials that Google accepts at the second try, or never."""

    def __init__(self) -> None:
        self.renewals = 0
        self.is_refused = False

    def header(self) -> str:
        return f"Bearer {self.renewals}"

    def who(self) -> str:
        return "me"

    def renew(self, refused: str) -> None:
        assert refused == self.header()
        self.renewals += 1

    def refused(self) -> None:
        self.is_refused = True


def test_a_second_401_comes_back(wire: Wire) -> None:
    spent: list[str] = []
    credentials = Renewed()
    with stranger(http("401 No")) as one:
        answer = Api(wire, credentials, spent.append).send(Call("GET", one.url), "albums")
    assert answer.status == requests.codes.unauthorized
    assert (credentials.renewals, spent) == (1, ["albums", "albums"])


def test_what_never_left_is_not_counted(wire: Wire) -> None:
    spent: list[str] = []
    api = Api(wire, Renewed(), spent.append, spent.remove)
    with pytest.raises(Offline):
        api.send(Call("GET", "http://127.0.0.1:9/"), "albums")
    assert spent == []
