"""An adb server that says whatever a test wants: states no lab phone can be in, and lies."""

from __future__ import annotations

import socket
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

REFUSALS = (
    ("unauthorized", "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set"),
    ("offline", "device offline"),
    ("no permissions", "insufficient permissions for device: user in plugdev group; are your udev"),
    ("authorizing", "device still authorizing"),
    ("connecting", "device still connecting"),
)


class FakeServer:
    """``devices``: adb's lines, ``serial TAB state``. ``services``: what a phone's service does.

    A service is found by the beginning of its name and is handed the open connection.
    """

    def __init__(self, *, features: str = "shell_v2,stat_v2,ls_v2") -> None:
        self.features = features
        self.services: dict[bytes, Callable[[socket.socket, bytes], None]] = {}
        self.asked: list[str] = []
        self._devices = ""
        self._changed = Condition()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._accept, name="fake-adb", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End, like a killed server: every connection breaks."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._changed:
            left, self._open = self._open, set()
            self._changed.notify_all()
        for one in left:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def show(self, *lines: str) -> None:
        """Change the list of devices."""
        with self._changed:
            self._devices = "".join(f"{line}\n" for line in lines)
            self._changed.notify_all()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._changed:
                self._open.add(connection)
            Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:
            while self._answer(connection, _request(connection)):
                pass

    def _answer(self, connection: socket.socket, asked: bytes) -> bool:
        """Answer one request; whether another one may follow."""
        text = asked.decode("utf-8", "replace")
        self.asked.append(text)
        if text == "host:version":
            connection.sendall(b"OKAY" + _block("0029"))
        elif text == "host:track-devices":
            self._track(connection)
        elif text.startswith("host-serial:") and text.endswith(":features"):
            self._if_ready(connection, text.split(":", 1)[1].rsplit(":", 1)[0], self.features)
        elif text.startswith("host:transport:"):
            return self._transport(connection, text.removeprefix("host:transport:"))
        else:
            for name, service in self.services.items():
                if asked.startswith(name):
                    connection.sendall(b"OKAY")
                    service(connection, asked)
                    return False
            connection.sendall(b"FAIL" + _block("unknown host service"))
        return False

    def _transport(self, connection: socket.socket, serial: str) -> bool:
        refusal = self._refusal(serial)
        if refusal:
            connection.sendall(b"FAIL" + _block(refusal))
            return False
        connection.sendall(b"OKAY")
        return True

    def _if_ready(self, connection: socket.socket, serial: str, answer: str) -> None:
        refusal = self._refusal(serial)
        connection.sendall(b"FAIL" + _block(refusal) if refusal else b"OKAY" + _block(answer))

    def _refusal(self, serial: str) -> str:
        with self._changed:
            states = dict(line.split("\t", 1) for line in self._devices.splitlines())
        state = states.get(serial)
        if state is None:
            return f"device '{serial}' not found"
        return next((words for sign, words in REFUSALS if state.startswith(sign)), "")

    def _track(self, connection: socket.socket) -> None:
        connection.sendall(b"OKAY")
        told: str | None = None
        while True:
            with self._changed:
                while self._devices == told and self._open:
                    self._changed.wait()
                if not self._open:
                    return
                told = self._devices
            connection.sendall(_block(told))


def _request(connection: socket.socket) -> bytes:
    return exactly(connection, int(exactly(connection, 4), 16))


def exactly(connection: socket.socket, size: int) -> bytes:
    """So many bytes.

    Raises:
        ValueError: The other side hung up.
    """
    content = b""
    while len(content) < size:
        piece = connection.recv(size - len(content))
        if not piece:
            text = "hung up"
            raise ValueError(text)
        content += piece
    return content


def _block(text: str) -> bytes:
    content = text.encode()
    return b"%04x" % len(content) + content
