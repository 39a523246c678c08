"""A phone that lies: nothing leaves the mirror, no command runs, nothing hangs or fills memory."""

from __future__ import annotations

import io
import os
import stat
import struct
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.device.files import PhoneFiles
from photosync.device.identity import Identity
from photosync.device.phone import Phone
from photosync.device.server import AdbServer
from photosync.device.sync import Dialect
from photosync.domain.media import Entry
from photosync.errors import (
    FileReplaced,
    FileTooLarge,
    FileUnreadable,
    PhoneGarbled,
    PhoneGone,
)
from tests.lab.server import FakeServer, exactly

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

FILE, FOLDER, LINK = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777
THEN = 1_600_000_000
TOP = b"/storage/emulated/0"

Node = tuple[int, int, int, int]  # errno, mode, size, mtime


class Liar:
    """Speaks the sync protocol over made-up files, and lies as a test says."""

    def __init__(self, fake: FakeServer) -> None:
        self.nodes: dict[bytes, Node] = {
            b"/storage": (0, FOLDER, 0, THEN),
            TOP: (0, FOLDER, 0, THEN),
            TOP + b"/DCIM": (0, FOLDER, 0, THEN),
        }
        self.names: dict[bytes, Callable[[], Iterable[tuple[bytes, Node]]]] = {}
        self.contents: dict[bytes, bytes] = {}
        self.raw: dict[bytes, bytes] = {}
        self.goes = False
        """Whether it is gone behind ``raw``."""
        fake.show("R58M\tdevice")
        fake.services[b"sync:"] = self._talk

    def _talk(self, connection: socket.socket, _asked: bytes) -> None:
        while True:
            kind, size = struct.unpack("<4sI", exactly(connection, 8))
            path = exactly(connection, size)
            if kind in self.raw:
                connection.sendall(self.raw[kind])
                if self.goes:
                    return
            elif kind == b"STA2":
                connection.sendall(self._stat(path))
            elif kind == b"LIS2":
                self._list(connection, path)
            elif kind == b"RECV":
                self._send(connection, path)

    def _stat(self, path: bytes) -> bytes:
        node = self.nodes.get(path.removesuffix(b"/."), (2, 0, 0, 0))
        return _packed(b"STA2", node)

    def _list(self, connection: socket.socket, path: bytes) -> None:
        buffer = bytearray()
        for name, node in self.names.get(path, list)():
            buffer += _packed(b"DNT2", node) + struct.pack("<I", len(name)) + name
            if len(buffer) > 1 << 16:
                connection.sendall(buffer)
                buffer.clear()
        connection.sendall(buffer + b"DONE" + bytes(72))

    def _send(self, connection: socket.socket, path: bytes) -> None:
        content = self.contents.get(path)
        if content is None:
            text = b"open failed: Permission denied"
            connection.sendall(b"FAIL" + struct.pack("<I", len(text)) + text)
            return
        for at in range(0, len(content), 65536):
            block = content[at : at + 65536]
            connection.sendall(b"DATA" + struct.pack("<I", len(block)) + block)
        connection.sendall(b"DONE" + bytes(4))


def _packed(kind: bytes, node: Node) -> bytes:
    errno, mode, size, mtime = node
    return struct.pack("<4sIQQIIIIQqqq", kind, errno, 1, 1, mode, 1, 0, 0, size, 0, mtime, 0)


@pytest.fixture
def liar(fake: FakeServer) -> Liar:
    return Liar(fake)


@pytest.fixture
def phone(fake: FakeServer, liar: Liar) -> Iterator[Phone]:
    server = AdbServer("127.0.0.1", fake.port, timeout_seconds=60.0)
    identity = Identity("R58M", "Pixel", 34, Dialect(2, 2), has_shell=True, ahead_seconds=0.0)
    with Phone(server, "R58M", identity) as made:
        yield made


def listed(phone: Phone) -> tuple[set[str], dict[str, str]]:
    files = PhoneFiles(phone, ["DCIM"])
    found = {one.path for one in files.entries()}
    return found, files.unreadable


def test_names_that_lead_elsewhere_are_no_files(phone: Phone, liar: Liar) -> None:
    evil = [b"..", b".", b"../../etc/passwd", b"/etc/passwd", b"a/b.jpg", b"nul\0.jpg"]
    good: Node = (0, FILE, 10, THEN)
    liar.names[TOP + b"/DCIM"] = lambda: [(name, good) for name in [*evil, b"a.jpg"]]
    found, unreadable = listed(phone)
    assert found == {"DCIM/a.jpg"}
    assert "cannot be" in unreadable["DCIM"]


def test_names_of_300_bytes_are_files(phone: Phone, liar: Liar) -> None:
    name = b"x" * 296 + b".jpg"
    liar.names[TOP + b"/DCIM"] = lambda: [(name, (0, FILE, 10, THEN))]
    assert listed(phone)[0] == {"DCIM/" + name.decode()}


def test_a_folder_that_holds_itself_ends_somewhere(phone: Phone, liar: Liar) -> None:
    """No symlink, which is never followed: a phone that lists the same folder for ever."""

    class Endless(dict[bytes, object]):
        def get(self, key: bytes, default: object = None) -> object:  # noqa: ARG002
            return lambda: [(b"again", (0, FOLDER, 0, THEN)), (b"a.jpg", (0, FILE, 1, THEN))]

    class Anything(dict[bytes, Node]):
        def get(self, key: bytes, default: object = None) -> Node:  # noqa: ARG002
            return (2, 0, 0, 0) if key.endswith(b".nomedia") else (0, FOLDER, 0, THEN)

    liar.names = Endless()  # type: ignore[assignment]
    liar.nodes = Anything(liar.nodes)
    found, unreadable = listed(phone)
    assert len(found) <= 200
    assert any("more than 100 folders" in why or "too long" in why for why in unreadable.values())


def test_a_link_is_never_followed(phone: Phone, liar: Liar) -> None:
    liar.names[TOP + b"/DCIM"] = lambda: [(b"a.jpg", (0, LINK, 1, THEN)), (b"b", (0, LINK, 1, 1))]
    assert listed(phone)[0] == set()


def test_a_listing_of_a_million_lines_takes_little_memory(phone: Phone, liar: Liar) -> None:
    liar.names[TOP + b"/DCIM"] = lambda: (
        (b"%07d.jpg" % number, (0, FILE, 1, THEN)) for number in range(1_000_000)
    )
    walk = PhoneFiles(phone, ["DCIM"]).entries()
    next(walk)
    before = resident_bytes()
    seen = 1 + sum(1 for _ in walk)
    assert seen == 1_000_000
    assert resident_bytes() - before < 32 << 20


def resident_bytes() -> int:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("size", "content", "error"),
    [
        (10, b"more than ten bytes", FileReplaced),
        (100, b"fewer", FileReplaced),
        (5, bytes(5), None),
    ],
)
def test_sizes_that_lie(
    phone: Phone, liar: Liar, size: int, content: bytes, error: type[Exception] | None
) -> None:
    path = TOP + b"/DCIM/a.jpg"
    liar.nodes[path] = (0, FILE, size, THEN)
    liar.contents[path] = content
    entry = Entry("DCIM/a.jpg", size, THEN * 10**9)
    if error is None:
        phone.pull(entry, io.BytesIO())
        return
    with pytest.raises(error):
        phone.pull(entry, io.BytesIO())
    assert isinstance(phone.pull_all([(entry, io.BytesIO())])[0], error)


def test_what_came_before_the_phone_went_away_is_good(phone: Phone, liar: Liar) -> None:
    path = TOP + b"/DCIM/a.jpg"
    liar.nodes[path] = (0, FILE, 500, THEN)
    liar.raw[b"RECV"] = b"DATA\x05\x00\x00\x00first" + b"DATA\x06\x00\x00\x00second"
    liar.goes = True
    target = io.BytesIO()
    with pytest.raises(PhoneGone):
        phone.pull(Entry("DCIM/a.jpg", 500, THEN * 10**9), target)
    assert target.getvalue() == b"firstsecond"


def test_an_old_phone_that_cannot_tell_more_than_4_gib(phone: Phone, liar: Liar) -> None:
    from photosync.device.phone import _too_short

    wrong = _too_short(Entry("a.mp4", 5, 0), b"/a.mp4", 2**32 + 5)
    assert isinstance(wrong, FileTooLarge)


def test_a_file_that_may_not_be_read(phone: Phone, liar: Liar) -> None:
    path = TOP + b"/DCIM/a.jpg"
    liar.nodes[path] = (0, FILE, 5, THEN)
    with pytest.raises(FileUnreadable, match="Permission denied"):
        phone.pull(Entry("DCIM/a.jpg", 5, THEN * 10**9), io.BytesIO())


@pytest.mark.parametrize(
    "answer",
    [
        b"DATA\xff\xff\xff\xff" + bytes(100),
        b"WHAT\x00\x00\x00\x00",
        b"FAIL\xff\xff\xff\x7f",
    ],
)
def test_nonsense_in_the_middle_of_a_file(phone: Phone, liar: Liar, answer: bytes) -> None:
    path = TOP + b"/DCIM/a.jpg"
    liar.nodes[path] = (0, FILE, 5, THEN)
    liar.raw[b"RECV"] = answer
    with pytest.raises(PhoneGarbled):
        phone.pull(Entry("DCIM/a.jpg", 5, THEN * 10**9), io.BytesIO())


@pytest.mark.parametrize(
    "answer",
    [
        _packed(b"DNT2", (0, FILE, 1, THEN)) + struct.pack("<I", 1 << 31),
        _packed(b"EVIL", (0, FILE, 1, THEN)) + struct.pack("<I", 1),
    ],
)
def test_nonsense_in_a_listing(phone: Phone, liar: Liar, answer: bytes) -> None:
    liar.raw[b"LIS2"] = answer
    with pytest.raises(PhoneGarbled):
        listed(phone)


def test_a_listing_that_stops_in_the_middle_says_nothing(
    phone: Phone, liar: Liar, fake: FakeServer
) -> None:
    def cut() -> Iterable[tuple[bytes, Node]]:
        yield b"a.jpg", (0, FILE, 1, THEN)
        raise ValueError

    liar.names[TOP + b"/DCIM"] = cut
    with pytest.raises(PhoneGone):
        listed(phone)


def test_beginnings_that_never_end(phone: Phone, fake: FakeServer) -> None:
    def talk(connection: socket.socket, _asked: bytes) -> None:
        while True:
            connection.sendall(struct.pack("<BI", 1, 65536) + bytes(65536))

    fake.services[b"shell,v2,raw:"] = talk
    with pytest.raises(PhoneGarbled, match="more than the beginning"):
        list(phone.heads(["DCIM/a.jpg"], size_bytes=4096))


def test_beginnings_that_are_left_out(phone: Phone, fake: FakeServer) -> None:
    fake.services[b"shell,v2,raw:"] = lambda connection, _: connection.sendall(
        struct.pack("<BI", 3, 1) + b"\0"
    )
    with pytest.raises(PhoneGarbled, match="left out"):
        list(phone.heads(["DCIM/a.jpg"]))


def test_no_command_is_made_of_a_name(phone: Phone, fake: FakeServer) -> None:
    asked = []

    def talk(connection: socket.socket, command: bytes) -> None:
        asked.append(command)
        connection.sendall(struct.pack("<BI", 3, 1) + b"\x01")

    fake.services[b"shell,v2,raw:"] = talk
    name = os.fsdecode(b"DCIM/'; touch /sdcard/pwned; '\xff$(reboot)`id`.jpg")
    with pytest.raises(FileUnreadable):
        phone.sha256(name)
    quoted = b"'/storage/emulated/0/DCIM/'\\''; touch /sdcard/pwned; '\\''\xff$(reboot)`id`.jpg'"
    assert asked == [b"shell,v2,raw:sha256sum <" + quoted]


class Sink:
    """Counts what is written to it."""

    def __init__(self) -> None:
        self.size_bytes = 0

    def write(self, block: memoryview) -> None:
        self.size_bytes += len(block)


@pytest.mark.parametrize("together", [False, True])
def test_a_file_that_never_ends_is_cut_off(phone: Phone, liar: Liar, together: bool) -> None:
    """It would fill the disk that the copies lie on."""
    liar.nodes[TOP + b"/DCIM/a.jpg"] = (0, FILE, 1000, THEN)
    liar.contents[TOP + b"/DCIM/a.jpg"] = bytes(5_000_000)
    entry, sink = Entry("DCIM/a.jpg", 1000, THEN * 10**9), Sink()
    if together:
        (error,) = phone.pull_all([(entry, sink)])
        assert isinstance(error, FileReplaced)
    else:
        with pytest.raises(FileReplaced):
            phone.pull(entry, sink)
    assert sink.size_bytes <= 1000


def test_a_command_that_says_nothing_for_long_is_waited_for(fake: FakeServer, phone: Phone) -> None:
    """Hashing a film takes longer than any answer of adb's may."""
    server = AdbServer("127.0.0.1", fake.port, timeout_seconds=5.0)

    def hash_slowly(connection: socket.socket, _asked: bytes) -> None:
        Event().wait(6.0)  # longer than the server's limit for an answer
        connection.sendall(b"\1" + struct.pack("<I", 64) + b"0" * 64)
        connection.sendall(b"\3" + struct.pack("<I", 1) + b"\0")

    fake.services[b"shell,v2"] = hash_slowly
    with Phone(server, "R58M", phone.identity) as brief:
        assert brief.sha256("DCIM/a.jpg") == "0" * 64
