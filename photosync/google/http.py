"""One HTTP request: counted, signed in, bounded, and broken off at once when asked to stop.

A ``requests`` session per thread. The adapter never retries (house rule: two levels of retry,
never three) and never follows a redirect. Files are sent in blocks of 256 KiB: http.client's
16 KiB cost CPU, and a block that takes longer than the timeout counts as a dead connection, so
larger ones would shut out slow lines.
"""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self
from weakref import WeakSet

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from photosync import __version__
from photosync.errors import ConnectionLost, Offline, Stopping
from photosync.google.faults import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from photosync.google.ports import Halt

SEND_BLOCK_BYTES = 256 * 1024
CONNECT_SECONDS = 30.0  # also the longest that one block may take to leave
READ_SECONDS = 120.0  # google-photos-api.md §2.1
BODY_SECONDS = 60.0
LONGEST_BODY = 4 << 20
"""A batchCreate answer for 50 items is some 50 KB."""

USER_AGENT = f"photosync/{__version__}"


class Slice:
    """Part of a file as the body of a request: ``length`` bytes from ``start``.

    ``sent`` is told after each block how far the file has been read.
    """

    def __init__(
        self, file: BinaryIO, start: int, length: int, sent: Callable[[int], None]
    ) -> None:
        self._file = file
        self._start = start
        self._length = length
        self._sent = sent
        self._at = 0

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """The next block.

        Raises:
            OSError: The file cannot be read, or has become shorter.
        """
        left = self._length - self._at
        wanted = left if size < 0 else min(size, left)
        block = os.pread(self._file.fileno(), wanted, self._start + self._at) if wanted else b""
        if wanted and not block:
            raise OSError(errno.EIO, "the file has become shorter")
        self._at += len(block)
        if block:
            self._sent(self._start + self._at)
        return block


Body = Slice | bytes | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request. ``body`` makes the body anew each time it is sent."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Callable[[], Body] = lambda: None
    parameters: Mapping[str, str] = field(default_factory=dict)
    read_seconds: float = READ_SECONDS


class Credentials(Protocol):
    """Where the Authorization header comes from."""

    def header(self) -> str:
        """``Bearer …``, fresh."""

    def renew(self, refused: str) -> None:
        """Google refused that header: get another one."""


class Wire:
    """Sends requests; each thread has its own session. ``close`` breaks all of them off."""

    def __init__(self, *, halt: Halt) -> None:
        self._halt = halt
        self._local = threading.local()
        self._connections: WeakSet[HTTPConnection] = WeakSet()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, call: Call, *, authorization: str | None = None) -> Answer:
        """Send one request and read its answer.

        Raises:
            Offline: No connection could be opened; nothing was sent.
            ConnectionLost: It broke afterwards; what became of the request is unknown.
            Stopping: The program is ending.
        """
        if self._halt.is_set():
            raise Stopping
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity", **call.headers}
        if authorization is not None:
            headers["Authorization"] = authorization
        try:
            return self._exchange(call, headers)
        except requests.RequestException as error:
            raise self._explained(error) from None  # its text may hold a session URL
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self._explained(error) from None

    def close(self) -> None:
        """Break off every request under way, from any thread; later ones raise ``Stopping``."""
        with self._lock:
            connections, sessions = list(self._connections), list(self._sessions)
        for connection in connections:
            _shut_down(connection)
        if self._halt.is_set():
            for session in sessions:
                session.close()

    def _exchange(self, call: Call, headers: dict[str, str]) -> Answer:
        body = call.body()
        if body is None and call.method == "POST":
            headers["Content-Length"] = "0"
        response = self._session().request(
            call.method,
            call.url,
            params=dict(call.parameters) or None,
            data=body,
            headers=headers,
            timeout=(CONNECT_SECONDS, call.read_seconds),
            allow_redirects=False,
            stream=True,
        )
        with response:
            content, is_whole = _bounded(response)
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, content, is_whole)

    def _session(self) -> requests.Session:
        found: requests.Session | None = getattr(self._local, "session", None)
        if found is None:
            found = requests.Session()
            adapter = _Adapter(self._remember)
            found.mount("https://", adapter)
            found.mount("http://", adapter)
            found.auth = _no_netrc
            self._local.session = found
            with self._lock:
                self._sessions.append(found)
        return found

    def _remember(self, connection: HTTPConnection) -> None:
        with self._lock:
            self._connections.add(connection)

    def _explained(self, error: Exception) -> Exception:
        if self._halt.is_set():
            return Stopping()
        if _is_unopened(error):
            return Offline(f"There is no connection to Google ({_kind(error)}).")
        return ConnectionLost(f"The connection to Google broke ({_kind(error)}).")


class Api:
    """Requests to the Photos Library API: counted before, signed in, a 401 refreshed once."""

    def __init__(self, wire: Wire, credentials: Credentials, spend: Callable[[str], None]) -> None:
        self._wire = wire
        self._credentials = credentials
        self._spend = spend

    def send(self, call: Call, kind: str) -> Answer:
        """Send one request of ``kind`` (for the ledger); any answer but a first 401 comes back.

        Raises:
            DailyQuotaSpent: By our own count; nothing was sent.
            SignInRequired, ScopeMissing, ClientInvalid: There is no good token.
            Offline, ConnectionLost, Stopping: See ``Wire.send``.
        """
        authorization = self._credentials.header()
        self._spend(kind)
        answer = self._wire.send(call, authorization=authorization)
        if answer.status != requests.codes.unauthorized:
            return answer
        self._credentials.renew(authorization)
        authorization = self._credentials.header()
        self._spend(kind)
        return self._wire.send(call, authorization=authorization)


def _no_netrc(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps ``requests`` from putting a password of ~/.netrc over our Authorization."""
    return request


def _bounded(response: requests.Response) -> tuple[bytes, bool]:
    """The body up to a bound in size and time, and whether that was all."""
    ends = time.monotonic() + BODY_SECONDS
    content = bytearray()
    for block in _blocks(response):
        content += block
        if len(content) > LONGEST_BODY or time.monotonic() > ends:
            return bytes(content[:LONGEST_BODY]), False
    return bytes(content), True


def _blocks(response: requests.Response) -> Iterator[bytes]:
    blocks: Iterator[bytes] = response.raw.stream(65_536, decode_content=True)
    return blocks


def _is_unopened(error: Exception) -> bool:
    """Whether the request never left: no connection, no name, no agreement on TLS."""
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.SSLError)):
        return True
    if isinstance(error, (requests.exceptions.ProxyError, requests.exceptions.InvalidProxyURL)):
        return True
    reason: Any = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    return isinstance(reason, (urllib3.exceptions.NewConnectionError, ConnectionRefusedError))


def _kind(error: Exception) -> str:
    """A word for what happened, without anything that the error may quote."""
    inner: Any = error.args[0] if error.args else None
    inner = getattr(inner, "reason", inner)
    name = type(inner if isinstance(inner, Exception) else error).__name__
    return KINDS.get(name, name)


KINDS = {
    "NameResolutionError": "its name cannot be resolved",
    "NewConnectionError": "it cannot be reached",
    "ConnectTimeoutError": "it does not answer",
    "ReadTimeoutError": "no answer came in time",
    "SSLError": "the encryption cannot be agreed on; is this computer's clock right?",
    "ProtocolError": "it was cut off",
    "ProxyError": "the proxy cannot be reached",
}


def _shut_down(connection: HTTPConnection) -> None:
    """Cut a connection that another thread is using; its read or send fails at once.

    On a copy of the descriptor, because SSLSocket.shutdown() would pull the TLS object away
    from under the other thread.
    """
    found = connection.sock
    if found is None:
        return
    try:
        with socket.socket(fileno=os.dup(found.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already, which is what was wanted


class _Adapter(HTTPAdapter):
    """No retries, large blocks, and every connection is remembered."""

    def __init__(self, remember: Callable[[HTTPConnection], None]) -> None:
        self._remember = remember
        super().__init__(pool_connections=4, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """With our own kinds of connections."""
        super().init_poolmanager(*arguments, blocksize=SEND_BLOCK_BYTES, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._remember)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The same by way of a proxy."""
        manager = super().proxy_manager_for(proxy, blocksize=SEND_BLOCK_BYTES, **options)
        manager.pool_classes_by_scheme = _pools(self._remember)
        return manager


def _pools(
    remember: Callable[[HTTPConnection], None],
) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            remember(self)
            super().connect()

    class Encrypted(HTTPSConnection):
        def connect(self) -> None:
            remember(self)
            super().connect()

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
