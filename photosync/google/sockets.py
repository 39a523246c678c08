"""Connections that another thread can cut at any moment, also while they are being opened."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from ssl import SSLError
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from photosync.domain.media import readable
from photosync.errors import Offline

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from ssl import SSLContext

    from requests import PreparedRequest

    Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]

SEND_BLOCK_BYTES = 256 * 1024
LEAST_CONNECT_SECONDS = 3.0
"""Each of a name's addresses gets an equal share of the time, but no less than this."""


class Sockets:
    """The sockets in use, whichever threads use them. Once cut, no other one can be opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: WeakSet[socket.socket] = WeakSet()
        self._local = threading.local()
        self._is_cut = False

    @property
    def are_cut(self) -> bool:
        """Whether ``cut`` was called."""
        return self._is_cut

    def cut(self) -> None:
        """End every connection: a read, a send or a connect under way fails at once."""
        with self._lock:
            self._is_cut = True
            for one in list(self._open):
                _shut_down(one)

    def cut_lost(self) -> int:
        """End the connections from an address that this computer has no more; how many.

        Nothing can be heard on them, and nobody says so: a request would wait for its timeout.
        """
        with self._lock:
            lost = [one for one in list(self._open) if _is_lost(one)]
            for one in lost:
                _shut_down(one)
        return len(lost)

    def watch(self, one: socket.socket) -> None:
        """Let it be cut.

        Raises:
            OSError: Everything has been cut already.
        """
        with self._lock:
            self._open.add(one)
            if self._is_cut:
                raise OSError("the connections have been cut")

    def begin(self) -> None:
        """This thread begins a request: no connection is being opened for it yet."""
        self._local.opening = False

    @property
    def opening(self) -> bool:
        """Whether this thread's request got stuck while its connection was being opened."""
        return bool(getattr(self._local, "opening", False))

    @contextmanager
    def being_opened(self) -> Iterator[None]:
        """A connection is opened in here; the handshake of TLS can be cut, too.

        That takes a copy of the descriptor, because wrapping a socket takes its own away.
        """
        self._local.opening, self._local.copy = True, None
        try:
            yield
        finally:
            self._drop_copy()
        self._local.opening = False

    def connect(
        self, host: str, port: int, seconds: float, options: Iterable[Any]
    ) -> socket.socket:
        """A socket connected to one of the host's addresses.

        Raises:
            OSError: None of them answers (within ``seconds`` in all, or a little more).
        """
        ends = time.monotonic() + seconds
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        problem = OSError("the name has no address")
        for left, address in zip(range(len(found), 0, -1), found, strict=True):
            share = max((ends - time.monotonic()) / left, LEAST_CONNECT_SECONDS)
            try:
                return self._connected(address, min(share, seconds), seconds, options)
            except OSError as error:
                problem = error
        raise problem

    def _connected(
        self, address: Address, connect_seconds: float, seconds: float, options: Iterable[Any]
    ) -> socket.socket:
        one = socket.socket(*address[:3])
        try:
            for option in options:
                one.setsockopt(*option)
            self._watch_copy(one)
            one.settimeout(connect_seconds)
            one.connect(address[4])
            one.settimeout(seconds)
        except BaseException:
            one.close()
            raise
        return one

    def _watch_copy(self, one: socket.socket) -> None:
        self._drop_copy()
        self._local.copy = one.dup()
        self.watch(self._local.copy)

    def _drop_copy(self) -> None:
        with self._lock:  # not while it is being cut: its number may soon be another file's
            if self._local.copy is not None:
                self._local.copy.close()
                self._local.copy = None


def _shut_down(one: socket.socket) -> None:
    """Cut a connection that another thread is using.

    On a copy of the descriptor, because SSLSocket.shutdown() would pull the TLS object away
    from under the other thread.
    """
    try:
        with socket.socket(fileno=os.dup(one.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it is closed already, which is what was wanted


def _is_lost(one: socket.socket) -> bool:
    try:
        address = one.getsockname()
    except OSError:
        return False  # it is closed already
    return not has_address(one.family, address)


def has_address(family: int, address: Any) -> bool:
    """Whether this computer can be reached at the address of such a socket."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address[0], 0, *address[2:]))
        except OSError as error:
            return error.errno != errno.EADDRNOTAVAIL
    return True


class Trust:
    """The authorities to trust, read once for all connections: it takes time and memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[str, int, SSLContext] | None = None

    def context(self, named: str = "") -> SSLContext:
        """For the file or folder ``named``, or else certifi's; read again once it has changed.

        Raises:
            Offline: It cannot be read; no connection was opened.
        """
        place = Path(named or DEFAULT_CA_BUNDLE_PATH)
        try:
            return self._context(place)
        except OSError as error:
            why = "it holds none" if isinstance(error, SSLError) else error.strerror
            raise Offline(
                f"The certificates to trust cannot be read from {readable(str(place))}: {why}.",
                hint="REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE names that place." if named else None,
            ) from error

    def _context(self, place: Path) -> SSLContext:
        changed_at = place.stat().st_mtime_ns
        with self._lock:
            if self._read is None or self._read[:2] != (str(place), changed_at):
                context = create_urllib3_context()
                if place.is_dir():
                    context.load_verify_locations(capath=place)
                else:
                    place.open("rb").close()  # OpenSSL does not say why it cannot
                    context.load_verify_locations(cafile=place)
                self._read = (str(place), changed_at, context)
            return self._read[2]


class Adapter(HTTPAdapter):
    """No retries, large blocks, and every connection can be cut."""

    def __init__(self, sockets: Sockets, trust: Trust) -> None:
        self._sockets = sockets
        self._trust = trust
        super().__init__(pool_connections=4, pool_maxsize=2, max_retries=0)

    def build_connection_pool_key_attributes(
        self, request: PreparedRequest, verify: Any, cert: Any = None
    ) -> Any:
        """With the one context that all connections share."""
        host, secrets = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] != "https":
            return host, secrets
        named = verify if isinstance(verify, str) else ""
        return host, {"ssl_context": self._trust.context(named)}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """The context knows whom to trust; a proxy is spoken to with one of its own."""
        if conn.proxy is not None:
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """With our own kinds of connections."""
        super().init_poolmanager(*arguments, blocksize=SEND_BLOCK_BYTES, **options)
        self.poolmanager.pool_classes_by_scheme = _pools(self._sockets)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The same by way of a proxy."""
        manager = super().proxy_manager_for(proxy, blocksize=SEND_BLOCK_BYTES, **options)
        manager.pool_classes_by_scheme = _pools(self._sockets)
        return manager


def _pools(sockets: Sockets) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            with sockets.being_opened():
                super().connect()
                sockets.watch(self.sock)

        def _new_conn(self) -> socket.socket:
            return _opened(self, sockets)

    class Encrypted(HTTPSConnection):
        def connect(self) -> None:
            with sockets.being_opened():
                super().connect()
                sockets.watch(self.sock)

        def _new_conn(self) -> socket.socket:
            return _opened(self, sockets)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}


def _opened(connection: HTTPConnection, sockets: Sockets) -> socket.socket:
    """What urllib3's own ``_new_conn`` does, and raises."""
    host, seconds = connection.host, connection.timeout
    assert isinstance(seconds, (int, float))
    try:
        options = connection.socket_options or ()
        return sockets.connect(host, connection.port, float(seconds), options)
    except socket.gaierror as error:
        raise NameResolutionError(host, connection, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, "it does not answer") from error
    except OSError as error:
        raise NewConnectionError(connection, "it cannot be reached") from error
