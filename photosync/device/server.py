"""The adb server: where it is, how it is started, and connections through it to a phone.

Facts: phone.md §0, §2 and §7. adbutils opens the connections; what travels through them is ours.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import adbutils

from photosync.device.stream import Stream
from photosync.domain.media import readable
from photosync.errors import (
    AdbMissing,
    NotAdb,
    PhoneGarbled,
    PhoneGone,
    PhoneNotReady,
    PhoneStalled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from photosync.errors import PhotosyncError

log = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
KEEPALIVE = {socket.TCP_KEEPIDLE: 10, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""Seconds, seconds and tries, as adbutils has them."""

GREETING = b"000chost:version"
GREETING_SECONDS = 3.0
"""A server that is busy starting answers well before that."""

START_SECONDS = 20.0
TIMEOUT_SECONDS = 15.0
LONGEST_COMMAND = 0xFFFF  # four hexadecimal digits say how long it is
LOOPBACK = ("127.0.0.1", "localhost", "::1")

NOT_READY = (
    ("device unauthorized", "has not allowed this computer yet", "Unlock it and tap Allow."),
    ("device still authorizing", "has not allowed this computer yet", "Unlock it and tap Allow."),
    ("insufficient permissions", "may not be opened by this user", "See photosync phones."),
    ("no permissions", "may not be opened by this user", "See photosync phones."),
)
"""How adb's sentences begin (acquire_one_transport); further on stand the phone's name and more."""


class AdbServer:
    """The adb server at ``host``:``port``, and through it every phone."""

    def __init__(self, host: str, port: int, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._host = host
        self._port = port
        self._timeout_seconds = timeout_seconds

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self._host}:{self._port}"

    def is_up(self) -> bool:
        """Whether somebody listens there.

        Asked before adbutils is, which would start a server of its own for any lost connection.
        """
        try:
            socket.create_connection((self._host, self._port), CONNECT_SECONDS).close()
        except OSError:
            return False
        return True

    def start(self) -> None:
        """See to it that the server runs; one on another machine is not ours to start.

        It is started in a session of its own, so that it outlives photosync: others use it too.

        Raises:
            AdbMissing: There is none and there will be none.
            NotAdb: Another program answers there.
            PhoneGone: It hung up.
        """
        if self.is_up():
            self._greet()
            return
        if self._host not in LOOPBACK:
            raise AdbMissing(
                f"No adb server answers at {self.address}.",
                hint="Start it there (adb -a nodaemon server), or correct phone.adb_host.",
            )
        program = shutil.which("adb")
        if program is None:
            raise AdbMissing("adb is not installed, so that no phone can be seen.")
        self._start(program)

    def _greet(self) -> None:
        """See to it that what answers is an adb server: it tells its version at once.

        Raises:
            NotAdb: It is something else.
        """
        foreign = NotAdb(f"What answers at {self.address} is no adb server.")
        for _ in range(2):  # one that is ending hangs up, too, but not twice
            try:
                answer = self._greeted()
            except TimeoutError:
                raise foreign from None
            except ConnectionRefusedError as error:
                raise PhoneGone(f"The adb server at {self.address} is gone.") from error
            except OSError as error:
                log.debug("adb.hung_up reason=%s", error)
            else:
                if answer.startswith(b"OKAY"):
                    return
        raise foreign

    def _greeted(self) -> bytes:
        """The beginning of what is said to our greeting."""
        address = (self._host, self._port)
        with socket.create_connection(address, CONNECT_SECONDS) as connection:
            connection.settimeout(GREETING_SECONDS)
            connection.sendall(GREETING)
            answer = b""
            while len(answer) < len(b"OKAY") and (block := connection.recv(64)):
                answer += block
            return answer

    def _start(self, program: str) -> None:
        command = [program, "-P", str(self._port), "start-server"]
        try:
            done = subprocess.run(  # noqa: S603 - the user's own adb, and a number
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=START_SECONDS,
                check=False,
                start_new_session=True,
                cwd="/",
                env={**os.environ, "ADB_MDNS_AUTO_CONNECT": "adb-tls-connect"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise AdbMissing(f"adb start-server did not end well: {error}.") from error
        if done.returncode or not self.is_up():
            said = readable(done.stderr.decode("utf-8", "replace")).strip() or "nothing"
            raise AdbMissing(
                f"adb start-server did not bring a server to {self.address}; it said: {said[:300]}",
                hint="Try it by hand: adb start-server",
            )
        log.info("adb.started address=%s", self.address)

    def open(self, serial: str, service: bytes) -> Stream:
        """A connection to a service of the phone, like ``sync:``.

        Raises:
            PhoneGone, PhoneStalled, PhoneNotReady: See there.
        """
        if len(service) > LONGEST_COMMAND:
            text = f"a command of {len(service)} bytes is too long for adb"
            raise ValueError(text)
        connection = self._connect(serial)
        try:
            with _translated(serial):
                _ask(connection, b"host:transport:" + serial.encode())
                _ask(connection, service)
        except BaseException:
            connection.conn.close()
            raise
        return Stream(connection.conn, name=named(serial), timeout_seconds=self._timeout_seconds)

    def features(self, serial: str) -> frozenset[str]:
        """What the phone's adbd can do, like ``ls_v2``."""
        connection = self._connect(serial)
        try:
            with _translated(serial):
                _ask(connection, f"host-serial:{serial}:features".encode())
                return frozenset(connection.read_string_block().split(","))
        finally:
            connection.conn.close()

    def tracking(self) -> Stream:
        """A connection on which ``host:track-devices`` was asked; see ``blocks``.

        Raises:
            PhoneGone: There is no server.
        """
        name = "The adb server"
        connection = self._connect(name)
        try:
            with _translated(name):
                _ask(connection, b"host:track-devices")
        except BaseException:
            connection.conn.close()
            raise
        return Stream(connection.conn, name=name, timeout_seconds=self._timeout_seconds)

    def _connect(self, serial: str) -> adbutils.AdbConnection:
        if not self.is_up():
            raise PhoneGone(f"No adb server answers at {self.address}.")
        with _translated(serial):
            return _Connection(self._host, self._port, self._timeout_seconds)


class _Connection(adbutils.AdbConnection):
    """A connection to the server that is there; without one it fails, and that is all.

    adbutils' own leaves the socket open, and starts a server that would end with this process.
    """

    def __init__(self, host: str, port: int, timeout_seconds: float) -> None:
        self._address = (host, port)
        super().__init__(host, port)
        self.conn.settimeout(timeout_seconds)

    def _safe_connect(self) -> socket.socket:
        made = socket.create_connection(self._address, CONNECT_SECONDS)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE.items():
            made.setsockopt(socket.IPPROTO_TCP, option, value)
        return made


def _ask(connection: adbutils.AdbConnection, request: bytes) -> None:
    """Ask the server for something and see to it that it agrees.

    adbutils' own way to a phone asks for the server's version first, which takes 10 ms, and
    leaves the connection open if the phone is not there.
    """
    connection.conn.sendall(b"%04x" % len(request) + request)
    connection.check_okay()  # type: ignore[no-untyped-call]  # adbutils names no type


class _translated:  # noqa: N801 - reads like a function
    """What adbutils raises, in our words. ``serial``: whom we asked."""

    def __init__(self, serial: str) -> None:
        self._serial = serial

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, (adbutils.AdbError, EOFError, OSError, ValueError)):
            raise explain(self._serial, error) from error


def explain(serial: str, error: Exception) -> PhotosyncError:
    """An error of adb about a phone as one of ours (texts: phone.md §7)."""
    name, said = named(serial), readable(str(error))
    if isinstance(error, (adbutils.AdbTimeout, TimeoutError)):
        return PhoneStalled(f"{name} does not answer.")
    for sign, what, cure in NOT_READY:
        if isinstance(error, adbutils.AdbError) and said.startswith(sign):
            return PhoneNotReady(f"{name} {what}.", hint=cure)
    return PhoneGone(f"{name} cannot be reached: {said[:200] or type(error).__name__}.")


def named(serial: str) -> str:
    """What a phone is called in a sentence."""
    return serial if serial.startswith("The ") else f"The phone {readable(serial)}"


def blocks(stream: Stream) -> Iterator[str]:
    """The lists of devices, one after each change, for as long as the server runs.

    Raises:
        PhoneGone: The server ended.
        PhoneGarbled: It is no adb server.
    """
    while True:
        raw = stream.read(4)
        try:
            size = int(raw, 16)
        except ValueError:
            raise PhoneGarbled(f"What answers as the adb server said {raw!r}.") from None
        yield stream.read(size).decode("utf-8", "replace")


def hang_up(stream: Stream | None) -> None:
    """Close a connection, if there is one."""
    if stream is not None:
        with suppress(OSError):
            stream.close()
