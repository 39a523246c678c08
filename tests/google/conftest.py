"""A Google of our own, a signed-in user of it, and clients whose waits take no time."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from photosync.emulator.server import Emulator
from photosync.errors import DailyQuotaSpent
from photosync.google.auth import Authorization
from photosync.google.connect import Connection
from photosync.google.http import Api, Wire
from photosync.google.library import PhotosLibrary
from photosync.google.ports import UploadFile
from photosync.google.retrying import Patience
from photosync.google.uploading import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from photosync.domain.uploads import UploadSession

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
QUARTER = 262_144
MIDNIGHT = 2_000_000_000


class Halt:
    """A stop event whose waits take no time and are written down."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.waits: list[float] = []
        self.stop_in_wait = False

    def is_set(self) -> bool:
        return self.event.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "a wait without an end"
        self.waits.append(timeout)
        if self.stop_in_wait:
            self.event.set()
        return self.event.is_set()


class Shelf:
    """Sessions in memory."""

    def __init__(self) -> None:
        self.held: dict[int, UploadSession] = {}

    def load(self, key: int) -> UploadSession | None:
        return self.held.get(key)

    def save(self, key: int, session: UploadSession) -> None:
        self.held[key] = session

    def forget(self, key: int) -> None:
        self.held.pop(key, None)


class Ledger:
    """Counts requests; ``budget`` ends the day, ``waits`` are handed out before writes."""

    def __init__(self) -> None:
        self.spent: list[str] = []
        self.budget = 10_000
        self.waits: list[float] = []
        self.noted = 0

    def spend(self, kind: str) -> None:
        if len(self.spent) >= self.budget:
            raise DailyQuotaSpent("The day's budget is used up.", until=MIDNIGHT - 1)
        self.spent.append(kind)

    def refund(self, kind: str) -> None:
        self.spent.remove(kind)

    def write_wait(self) -> float:
        return self.waits.pop(0) if self.waits else 0.0

    def quota_spent(self) -> int:
        self.noted += 1
        return MIDNIGHT


class Dead:
    """Dead tokens in memory."""

    def __init__(self) -> None:
        self.buried: set[str] = set()
        self.ends_at: int | None = None

    def is_dead(self, fingerprint: str) -> bool:
        return fingerprint in self.buried

    def bury(self, fingerprint: str) -> None:
        self.buried.add(fingerprint)

    def ends(self, at: int | None) -> None:
        self.ends_at = at


@dataclass
class Google:
    """The emulator and all that belongs to one signed-in photosync."""

    emulator: Emulator
    token_file: Path
    halt: Halt = field(default_factory=Halt)
    shelf: Shelf = field(default_factory=Shelf)
    ledger: Ledger = field(default_factory=Ledger)
    dead: Dead = field(default_factory=Dead)
    open: list[Wire] = field(default_factory=list)

    def sign_in(self, **changes: Any) -> dict[str, Any]:
        """A fresh token file, with ``changes``."""
        granted = self.emulator.grant() | changes
        write_json(self.token_file, granted)
        return granted

    def wire(self) -> Wire:
        wire = Wire(halt=self.halt)
        self.open.append(wire)
        return wire

    def authorization(self) -> Authorization:
        return Authorization(self.token_file, wire=self.wire(), dead_tokens=self.dead)

    def connect(
        self,
        *,
        chunk_bytes: int = QUARTER,
        resumable_above_bytes: int = QUARTER,
        url: str = "",
        **more: Any,
    ) -> Connection:
        """As ``photosync.google.connect`` puts it together, but nothing sleeps."""
        wire = self.wire()
        authorization = Authorization(self.token_file, wire=wire, dead_tokens=self.dead)
        api = Api(wire, authorization, self.ledger.spend, self.ledger.refund)
        patience = Patience(self.halt, jitter=lambda: 0.0)
        uploads = Uploads(
            api,
            api_url=url or self.emulator.url,
            chunk_bytes=chunk_bytes,
            resumable_above_bytes=resumable_above_bytes,
            sessions=self.shelf,
            patience=patience,
            clock=time.time,
            **more,
        )
        library = PhotosLibrary(
            api,
            api_url=url or self.emulator.url,
            uploads=uploads,
            spending=self.ledger,
            patience=patience,
            clock=time.time,
        )
        return Connection(library, authorization, wire)

    def kinds(self) -> list[str]:
        """What was asked of the emulator, in order."""
        return [one.kind for one in self.emulator.requests.all()]


def write_json(file: Path, data: object) -> None:
    """Replace ``file`` as a sign-in does: by a new one."""
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(json.dumps(data), encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(file)


def nothing(key: int, sent_bytes: int) -> None:
    """Progress that nobody looks at."""


def content_of(size_bytes: int, seed: int = 0) -> bytes:
    """A picture of that size by its first bytes; noise after them."""
    noise = hashlib.shake_128(seed.to_bytes(4, "big")).digest(max(size_bytes - len(JPEG), 0))
    return (JPEG + noise)[:size_bytes]


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(tmp_path / "google") as running:
        yield running


@pytest.fixture
def google(emulator: Emulator, tmp_path: Path) -> Iterator[Google]:
    made = Google(emulator, tmp_path / "token.json")
    made.sign_in()
    yield made
    for wire in made.open:
        wire.close()


@pytest.fixture
def make_file(tmp_path: Path) -> Iterator[Callable[..., UploadFile]]:
    """Makes files to upload; open until the test ends."""
    opened: list[Any] = []

    def make(content: bytes, *, key: int = 1, **changes: Any) -> UploadFile:
        path = tmp_path / f"photo-{key}-{len(opened)}.jpg"
        path.write_bytes(content)
        file = path.open("rb")
        opened.append(file)
        values: dict[str, Any] = {
            "key": key,
            "fingerprint": hashlib.sha256(content).hexdigest(),
            "file": file,
            "size_bytes": len(content),
            "sha1": hashlib.sha1(content).hexdigest(),
            "mime_type": "image/jpeg",
        }
        return UploadFile(**(values | changes))

    yield make
    for file in opened:
        file.close()


@contextmanager
def stranger(*answers: bytes | None, keep_open: bool = False) -> Iterator[Stranger]:
    """A server that is no Google: each connection gets the next of ``answers``.

    None never answers. ``keep_open`` leaves the connection open behind the answer.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    one = Stranger(listener, list(answers), keep_open=keep_open)
    thread = threading.Thread(target=one.serve, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.over.set()
        with socket.socket() as waker:
            waker.settimeout(60)
            waker.connect_ex(("127.0.0.1", one.port))
        thread.join(60)
        listener.close()
        for connection in one.held:
            connection.close()


class Stranger:
    """See ``stranger``. ``heard`` is what arrived, connection by connection."""

    def __init__(
        self, listener: socket.socket, answers: list[bytes | None], *, keep_open: bool
    ) -> None:
        self.listener = listener
        self.port: int = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.answers = answers
        self.keep_open = keep_open
        self.heard: list[bytes] = []
        self.held: list[socket.socket] = []
        self.over = threading.Event()
        self.asked = threading.Event()

    def serve(self) -> None:
        while True:
            connection, _ = self.listener.accept()
            if self.over.is_set():
                connection.close()
                return
            self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        self.heard.append(_request(connection))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            with suppress(OSError):  # it has heard enough of it
                connection.sendall(answer)
        self.asked.set()
        if answer is None or self.keep_open:
            self.held.append(connection)
            return
        connection.close()


def _request(connection: socket.socket) -> bytes:
    """One request: its head and as much body as it announces."""
    heard = b""
    while b"\r\n\r\n" not in heard:
        block = connection.recv(65_536)
        heard += block
        if not block or heard[:1] == b"\x16":  # the first byte of TLS
            return heard
    head, _, body = heard.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        block = connection.recv(65_536)
        if not block:
            break
        body += block
    return head + b"\r\n\r\n" + body


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    """An answer on the wire."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
