"""One HTTP request: counted, signed in, bounded, and broken off at once when asked to stop.

An adapter of ``requests`` per thread, without a session: that would ask the environment for
proxies, cookies and ~/.netrc anew with each request, which took longer than sending a photo. The
adapter never retries (house rule: two levels of retry, never three) and never follows a redirect.
Files are sent in blocks of 256 KiB: http.client's
16 KiB cost CPU, and a block that takes longer than the timeout counts as a dead connection, so
larger ones would shut out slow lines.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, Self
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import get_environ_proxies

from photosync import __version__
from photosync.errors import ConnectionLost, FileReplaced, FileUnreadable, Offline, Stopping
from photosync.google.answers import lacks_consent
from photosync.google.faults import Answer
from photosync.google.sockets import Adapter, Sockets, Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from photosync.google.pace import Pace
    from photosync.google.ports import Halt

for _name in ("urllib3", "requests_oauthlib", "oauthlib"):
    # Their lines quote addresses and forms: session URLs, sign-in codes, secrets.
    logging.getLogger(_name).setLevel(logging.CRITICAL)

CONNECT_SECONDS = 30.0  # also the longest that one block may take to leave
READ_SECONDS = 120.0  # google-photos-api.md §2.1
BODY_SECONDS = 60.0
LONGEST_BODY = 4 << 20
"""A batchCreate answer for 50 items is some 50 KB."""

USER_AGENT = f"photosync/{__version__}"


class Slice:
    """Part of a file as the body of a request: ``length`` bytes from ``start``.

    ``sent`` is told after each block how far the file has been read; ``pace``: how fast it may be.
    """

    def __init__(
        self,
        file: BinaryIO,
        start: int,
        length: int,
        sent: Callable[[int], None],
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace
        self._file = file
        self._start = start
        self._length = length
        self._sent = sent
        self._at = 0

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """The next block.

        The file is asked itself rather than its descriptor: it explains a failing disk.

        Raises:
            FileReplaced: The file has become shorter.
            PhotosyncError: What the file raises when it cannot be read.
            FileUnreadable: The same, of a file that has no words of its own for it.
        """
        left = self._length - self._at
        wanted = left if size < 0 else min(size, left)
        if self._pace is not None:
            wanted = self._pace.block(wanted)
            self._pace.take(wanted)
        block = self._block(wanted) if wanted else b""
        if wanted and not block:
            raise FileReplaced("The file has become shorter since it was found.")
        self._at += len(block)
        if block:
            self._sent(self._start + self._at)
        return block

    def _block(self, size: int) -> bytes:
        try:
            self._file.seek(self._start + self._at)
            return self._file.read(size)
        except OSError as error:
            raise FileUnreadable(f"The file cannot be read: {error.strerror}.") from error


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

    def who(self) -> str:
        """Tells sign-ins apart; "" if nobody is signed in."""

    def header(self) -> str:
        """``Bearer …``, fresh."""

    def renew(self, refused: str) -> None:
        """Google refused that header: get another one."""

    def refused(self) -> None:
        """Google refuses this sign-in, fresh token and all: only a new one can help."""


class Wire:
    """Sends requests; each thread has its own connections. ``close`` breaks all of them off.

    Proxies and certificates are those that the environment names at the first request to a host.
    """

    def __init__(self, *, halt: Halt) -> None:
        self._halt = halt
        self._local = threading.local()
        self._sockets = Sockets()
        self._trust = Trust()
        self._adapters: list[Adapter] = []
        self._proxies: dict[str, dict[str, str]] = {}
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
        if self._is_over():
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
        self._sockets.cut()
        with self._lock:
            adapters = list(self._adapters)
        for adapter in adapters:
            adapter.close()

    def network_changed(self) -> int:
        """Break off what can be answered no more, from any thread; how many connections."""
        return self._sockets.cut_lost()

    def _is_over(self) -> bool:
        return self._halt.is_set() or self._sockets.are_cut

    def _exchange(self, call: Call, headers: dict[str, str]) -> Answer:
        body = call.body()
        if body is None and call.method == "POST":
            headers["Content-Length"] = "0"
        self._sockets.begin()
        request = requests.Request(
            call.method, call.url, headers, data=body, params=call.parameters
        ).prepare()
        response = self._adapter().send(
            request,
            stream=True,
            timeout=(CONNECT_SECONDS, call.read_seconds),
            verify=_trusted(),
            proxies=self._proxies_to(call.url),
        )
        with response:
            content, is_whole = _bounded(response)
            if self._sockets.are_cut:
                raise Stopping  # cut in the middle looks like an end in some shapes of HTTP
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status_code, names, content, is_whole)

    def _adapter(self) -> Adapter:
        found: Adapter | None = getattr(self._local, "adapter", None)
        if found is None:
            found = self._local.adapter = Adapter(self._sockets, self._trust)
            with self._lock:
                self._adapters.append(found)
        return found

    def _proxies_to(self, url: str) -> dict[str, str]:
        host = urlsplit(url).netloc
        found = self._proxies.get(host)
        if found is None:
            found = self._proxies[host] = get_environ_proxies(url)
        return found

    def _explained(self, error: Exception) -> Exception:
        if self._is_over():
            return Stopping()
        if self._sockets.opening or isinstance(error, requests.exceptions.InvalidProxyURL):
            return Offline(f"There is no connection to Google ({_kind(error)}).")
        return ConnectionLost(f"The connection to Google broke ({_kind(error)}).")


class Api:
    """Requests to the Photos Library API: counted before, signed in, a 401 refreshed once."""

    def __init__(
        self,
        wire: Wire,
        credentials: Credentials,
        spend: Callable[[str], None],
        refund: Callable[[str], None] = lambda _kind: None,
    ) -> None:
        self._wire = wire
        self._credentials = credentials
        self._spend = spend
        self._refund = refund

    def who(self) -> str:
        """Tells sign-ins apart; "" if nobody is signed in."""
        return self._credentials.who()

    def send(self, call: Call, kind: str) -> Answer:
        """Send one request of ``kind`` (for the ledger); any answer but a first 401 comes back.

        Raises:
            DailyQuotaSpent: By our own count; nothing was sent.
            SignInRequired, ScopeMissing, ClientInvalid: There is no good token.
            Offline, ConnectionLost, Stopping: See ``Wire.send``.
        """
        authorization = self._credentials.header()
        answer = self._counted(call, kind, authorization)
        if answer.status == requests.codes.unauthorized:
            self._credentials.renew(authorization)
            authorization = self._credentials.header()
            answer = self._counted(call, kind, authorization)
        if lacks_consent(answer):
            self._credentials.refused()
        return answer

    def _counted(self, call: Call, kind: str, authorization: str) -> Answer:
        """Counted before it is sent; what never left costs nothing, however long we are offline."""
        self._spend(kind)
        try:
            return self._wire.send(call, authorization=authorization)
        except Offline:
            self._refund(kind)
            raise


def _trusted() -> str | bool:
    """The file or folder of the authorities to trust; True: those that requests brings along."""
    named = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    return named or True


def _bounded(response: requests.Response) -> tuple[bytes, bool]:
    """The body up to a bound in size and time, and whether that was all.

    Read as it comes: waiting for full blocks would let a server that drips keep us for ever.
    """
    ends = time.monotonic() + BODY_SECONDS
    content = bytearray()
    while block := response.raw.read1(65_536, decode_content=True):
        content += block
        if len(content) > LONGEST_BODY or time.monotonic() > ends:
            return bytes(content[:LONGEST_BODY]), False
    return bytes(content), True


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
