"""Anything at all from a phone: it becomes an item, is left out, or ends in one of our errors."""

from __future__ import annotations

import io
import socket
import struct
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photosync.app import report
from photosync.device import presence, shell
from photosync.device.files import PhoneFiles
from photosync.device.identity import Identity, identify
from photosync.device.notices import parse as parse_notice
from photosync.device.phone import Phone
from photosync.device.server import AdbServer, blocks
from photosync.device.stream import Stream
from photosync.device.sync import Dialect, Sync
from photosync.domain.media import SourceKind
from photosync.domain.states import State
from photosync.errors import ItemError, ItemGone, PhoneGarbled, PhoneGone, PhotosyncError
from photosync.files.mirroring import MirrorDisk
from photosync.stages.discover import Discover, Watched
from photosync.stages.pull import Pull
from photosync.store.control import Control
from photosync.store.database import Database
from photosync.store.intake import Intake
from photosync.store.media import MediaItems
from photosync.store.overview import Overview
from photosync.store.sources import Sources
from tests.device.test_hostile import FILE, FOLDER, LINK, TOP, Liar, Node
from tests.lab.server import FakeServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS = (PhoneGone, PhoneGarbled, ItemError, ItemGone)
KINDS = st.sampled_from([b"STA2", b"DNT2", b"DENT", b"STAT", b"DATA", b"DONE", b"FAIL", b"OKAY"])
HEADS = st.builds(lambda kind, size: kind + struct.pack("<I", size), KINDS, st.integers(0, 99))
RAW = st.lists(st.one_of(st.binary(max_size=100), HEADS), max_size=12).map(b"".join)
UNHURRIED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def hearing(raw: bytes) -> Stream:
    """A connection on which exactly that comes, and then its end."""
    near, far = socket.socketpair()

    def speak() -> None:
        with far:
            try:
                far.sendall(raw)
                far.shutdown(socket.SHUT_WR)
                while far.recv(65536):
                    pass
            except OSError:
                pass  # the other side has heard enough

    Thread(target=speak, daemon=True).start()
    return Stream(near, name="the phone", timeout_seconds=60.0)


REQUESTS: dict[str, Callable[[Sync], object]] = {
    "stats": lambda sync: list(sync.stats([b"/a", b"/b"])),
    "lists": lambda sync: [list(one) for one in sync.lists([b"/a", b"/b"])],
    "pulls": lambda sync: list(sync.pulls([(b"/a", io.BytesIO()), (b"/b", io.BytesIO())])),
    "push": lambda sync: sync.push(b"/a", [b"content"], mtime=1),
}


@pytest.mark.parametrize("request_name", REQUESTS)
@pytest.mark.parametrize("version", [1, 2])
@given(raw=RAW)
@UNHURRIED
def test_any_answer_to_a_request(request_name: str, version: int, raw: bytes) -> None:
    stream = hearing(raw)
    with closing(stream), Sync(stream, Dialect(version, version)) as sync, suppress(*OURS):
        REQUESTS[request_name](sync)


@given(raw=RAW)
@UNHURRIED
def test_any_output_of_a_command(raw: bytes) -> None:
    with closing(hearing(raw)) as stream, suppress(*OURS):
        list(shell.packets(stream))


def _block(text: str) -> bytes:
    content = text.encode()
    return b"%04x" % len(content) + content


@given(raw=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(_block)))
@UNHURRIED
def test_any_list_of_devices(raw: bytes) -> None:
    with closing(hearing(raw)) as stream, suppress(*OURS):
        for block in blocks(stream):
            presence.parse(block)


@given(line=st.binary(max_size=300))
@UNHURRIED
def test_any_line_of_inotifyd(line: bytes) -> None:
    parse_notice(line)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as made:
        yield made


@pytest.fixture
def liar(fake: FakeServer) -> Liar:
    return Liar(fake)


@pytest.fixture
def phone(fake: FakeServer, liar: Liar) -> Iterator[Phone]:
    server = AdbServer("127.0.0.1", fake.port, timeout_seconds=60.0)
    identity = Identity("R58M", "Pixel", 34, Dialect(2, 2), has_shell=True, ahead_seconds=0.0)
    with Phone(server, "R58M", identity) as made:
        yield made


@given(out=st.binary(max_size=300))
@UNHURRIED
def test_a_phone_may_say_anything_of_itself(out: bytes) -> None:
    with FakeServer() as fake:
        fake.show("R58M\tdevice")

        def say(connection: socket.socket, _asked: bytes) -> None:
            connection.sendall(b"\1" + struct.pack("<I", len(out)) + out)
            connection.sendall(b"\3" + struct.pack("<I", 1) + b"\0")

        fake.services[b"shell,v2"] = say
        server = AdbServer("127.0.0.1", fake.port, timeout_seconds=60.0)
        try:
            found = identify(server, "R58M", clock=lambda: 1.0)
        except OURS:
            return
        assert found.serial
        assert found.label
        assert found.label.isprintable()


NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, 1, -1, 2**31, 2**32, 2**53, 2**63 - 1])
)
SIZES = st.one_of(st.integers(0, 2**64 - 1), st.sampled_from([0, 4, 2**32 + 4, 2**63, 2**64 - 1]))
NODES = st.tuples(
    st.one_of(st.just(0), st.integers(0, 2**32 - 1)),
    st.one_of(st.sampled_from([FILE, FOLDER, LINK]), st.integers(0, 2**32 - 1)),
    SIZES,
    NUMBERS,
)
NAMES = st.one_of(
    st.binary(min_size=1, max_size=60),
    st.sampled_from(
        [
            b".",
            b"..",
            b"../../etc",
            b"/etc/passwd",
            b"a\0b.jpg",
            b"a\nb.jpg",
            b"-rf.jpg",
            b"\xff.jpg",
        ]
    ),
    st.text(min_size=1, max_size=40).map(lambda text: text.encode("utf-8", "replace") + b".jpg"),
)
FOLDERS = st.lists(st.tuples(NAMES, NODES), max_size=6)


@given(folders=st.tuples(FOLDERS, FOLDERS), content=st.binary(max_size=20), said=NODES)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_listing_goes_its_way(
    phone: Phone,
    liar: Liar,
    folders: tuple[list[tuple[bytes, Node]], list[tuple[bytes, Node]]],
    content: bytes,
    said: Node,
) -> None:
    """Found, recorded, copied as far as may be, and told of: by the real stages."""
    names, more = folders
    liar.names = {TOP + b"/DCIM": lambda: names}
    liar.contents = {}
    liar.nodes = {path: liar.nodes[path] for path in (b"/storage", TOP, TOP + b"/DCIM")}
    for name, node in names:
        path = TOP + b"/DCIM/" + name
        liar.nodes[path] = node if len(content) % 2 else said
        liar.contents[path] = content
        liar.names[path] = lambda: more
    with TemporaryDirectory() as folder, Database(Path(folder)) as database:
        root = Path(folder) / "mirror"
        _through(database, phone, root)
        for file in root.rglob("*"):
            assert root in file.resolve().parents
        for item in Overview(database).items(limit=100):
            assert item.state in (State.FOUND, State.MIRRORED, State.DUPLICATE) or item.error_code
            report.item_line(item, "phone")


def _through(database: Database, phone: Phone, root: Path) -> None:
    database.migrate()
    sources, halt = Sources(database), Event()
    source = sources.register(SourceKind.PHONE, "R58M", label="Pixel", album="{year}")
    disk = MirrorDisk(root, least_free_bytes=0)
    disk.prepare(known=False)
    discover = Discover(
        intake=Intake(database),
        sources=sources,
        control=Control(database),
        first=lambda _: State.FOUND,
        bells=_Nobody(),
        halt=halt,
        clock=lambda: 2e9,
    )
    try:
        discover.look(Watched(source, PhoneFiles(phone, ["DCIM"])))
    except PhotosyncError:
        return
    sources.set_connected(source.id, connected=True, now=1)
    pull = Pull(
        "pull-1",
        items=MediaItems(database),
        mirror=disk,
        phones=lambda _: (source, phone),
        bells=_Nobody(),
        progress=lambda _id, _bytes: None,
        source_lost=lambda id_, _: sources.set_connected(id_, connected=False, now=1),
        halt=halt,
        clock=lambda: 2e9,
    )
    for _ in range(20):
        try:
            if not pull.run_once():
                return
        except PhotosyncError:
            return


class _Nobody:
    def ring(self, *names: str) -> None:
        pass
