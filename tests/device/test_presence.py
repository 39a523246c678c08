"""Who is plugged in: states that only a made-up server can have, and a real phone on a cable."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photosync.device import presence as presence_module
from photosync.device.identity import clean, label
from photosync.device.presence import ADVICE, Presence, Readiness, Seen, parse
from photosync.device.server import AdbServer
from photosync.errors import AdbMissing, PhoneGarbled
from tests.lab import lab
from tests.lab.lab import eventually

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.lab import AdbHost, LabPhone
    from tests.lab.server import FakeServer

NO_RULES = (
    "no permissions (user in plugdev group; are your udev rules wrong?);"
    " see [http://developer.android.com/tools/device.html]"
)


@contextmanager
def followed(port: int, *, host: str = "127.0.0.1") -> Iterator[Presence]:
    halt = Event()
    made = Presence(AdbServer(host, port, timeout_seconds=60.0), changed=lambda: None, halt=halt)
    made.start()
    try:
        yield made
    finally:
        halt.set()
        made.stop()
        eventually(
            lambda: made._stream is None or not made._thread.is_alive(),
            "the end, which waits for no server",
        )


def _are(presence: Presence, states: list[Readiness]) -> bool:
    return [one.readiness for one in presence.phones()] == states


def known(presence: Presence) -> list[str]:
    return [one.identity.serial for one in presence.phones() if one.identity is not None]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("device", Readiness.READY),
        ("unauthorized", Readiness.UNAUTHORIZED),
        ("authorizing", Readiness.CONNECTING),
        ("connecting", Readiness.CONNECTING),
        ("offline", Readiness.OFFLINE),
        (NO_RULES, Readiness.NO_PERMISSION),
        ("recovery", Readiness.NOT_ANDROID),
        ("sideload", Readiness.NOT_ANDROID),
        ("bootloader", Readiness.NOT_ANDROID),
        ("something new", Readiness.NOT_ANDROID),
    ],
)
def test_every_state_has_a_meaning_and_advice(state: str, expected: Readiness) -> None:
    assert parse(f"R58M\t{state}\n") == {"R58M": expected}
    assert bool(ADVICE[expected]) == (expected is not Readiness.READY)


@given(st.text())
def test_no_list_is_too_odd(block: str) -> None:
    assert all(name.strip() == name != "" for name in parse(block))


@pytest.mark.parametrize("transport", ["192.168.1.5:5555", "adb-R58M-x._adb-tls-connect._tcp"])
def test_the_air_is_told_from_the_cable(transport: str) -> None:
    assert Seen(transport, Readiness.READY, 0.0).wireless
    assert not Seen("R58M30ABCDE", Readiness.READY, 0.0).wireless


def test_a_phone_that_the_network_lost_is_not_to_be_unplugged() -> None:
    assert "adb connect" in Seen("192.168.1.5:5555", Readiness.OFFLINE, 0.0).advice
    assert "Unplug" in Seen("R58M30ABCDE", Readiness.OFFLINE, 0.0).advice


def test_serial_numbers_hold_nothing_odd() -> None:
    assert clean("R58M/../../$(x)\n") == "R58M_.._..___x__"
    assert clean("") == "unknown"
    assert len(clean("x" * 1000)) == 64


@pytest.mark.parametrize(
    ("maker", "model", "expected"),
    [
        ("Google", "Pixel 8", "Pixel 8"),
        ("samsung", "SM-G973F", "samsung SM-G973F"),
        ("HUAWEI", "HUAWEI P30", "HUAWEI P30"),
        ("", "", "Phone S1"),
        ("x", "\x1b[31mred\n", "x [31mred"),
    ],
)
def test_a_phone_is_called_what_people_call_it(maker: str, model: str, expected: str) -> None:
    assert label(maker, model, "S1") == expected


def test_states_come_and_go_at_once(fake: FakeServer) -> None:
    with followed(fake.port) as presence:
        eventually(lambda: presence.looked, "the first list")
        assert presence.phones() == []
        for state, expected in (
            ("unauthorized", Readiness.UNAUTHORIZED),
            (NO_RULES, Readiness.NO_PERMISSION),
            ("offline", Readiness.OFFLINE),
        ):
            fake.show(f"P1\t{state}", "P2\trecovery")
            both = [expected, Readiness.NOT_ANDROID]
            eventually(partial(_are, presence, both), state)
        fake.show()
        eventually(lambda: not presence.phones(), "the empty list")


def _introduced(fake: FakeServer, answer: bytes, *, command: bytes = b"getprop") -> None:
    import struct

    def talk(connection: socket.socket, _asked: bytes) -> None:
        connection.sendall(struct.pack("<BI", 1, len(answer)) + answer)
        connection.sendall(struct.pack("<BI", 3, 1) + b"\0")

    fake.services[b"shell,v2,raw:" + command] = talk


@pytest.mark.parametrize(
    ("serial", "android_id", "expected"),
    [
        (b"0123456789ABCDEF", b"9774d56d682e549c\n", "0123456789ABCDEF-9774d56d682e549c"),
        (b"00000000", b"9774d56d682e549c\n", "00000000-9774d56d682e549c"),
        (b"unknown", b"null\n", "unknown"),
        (b"0123456789ABCDEF", b"$(reboot)\n", "0123456789ABCDEF"),
        (b"R58M30ABCDE", b"9774d56d682e549c\n", "R58M30ABCDE"),
    ],
)
def test_phones_that_nobody_numbered_are_told_apart(
    fake: FakeServer, serial: bytes, android_id: bytes, expected: str
) -> None:
    _introduced(fake, serial + b"\n\nBlackview\nA80\n29\n1700000000\n")
    _introduced(fake, android_id, command=b"settings get secure android_id")
    fake.show("P1\tdevice")
    with followed(fake.port) as presence:
        eventually(lambda: known(presence) == [expected], "its number")


def test_a_phone_that_is_connected_twice_counts_once_and_by_its_cable(fake: FakeServer) -> None:
    _introduced(fake, b"R58M\n\nGoogle\nPixel 8\n34\n1700000000\n")
    fake.show("192.168.1.5:5555\tdevice", "R58M\tdevice")
    with followed(fake.port) as presence:
        eventually(lambda: len(presence.phones()) == 1 and known(presence) == ["R58M"], "one")
        assert presence.phones()[0].transport == "R58M"
        fake.show("192.168.1.5:5555\tdevice")
        eventually(lambda: presence.phones()[0].transport == "192.168.1.5:5555", "the air")
        assert known(presence) == ["R58M"], "nobody asked it again"


def test_a_phone_that_talks_nonsense_is_asked_again(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_module, "IDENTIFY_AGAIN_SECONDS", 0.05)
    _introduced(fake, b"half of an ans")
    fake.show("R58M\tdevice")
    with followed(fake.port) as presence:
        eventually(lambda: sum("features" in one for one in fake.asked) > 2, "three tries")
        assert known(presence) == []
        _introduced(fake, b"R58M\n\nGoogle\nPixel 8\n34\n1700000000\n")
        eventually(lambda: known(presence) == ["R58M"], "its name")
        presence.look_again("R58M")
        eventually(lambda: known(presence) == ["R58M"], "its name again")
        presence.look_again("not there")


def test_a_phone_before_android_7_is_known_by_what_adb_calls_it(fake: FakeServer) -> None:
    fake.features = ""
    fake.show("OLD1\tdevice")
    with followed(fake.port) as presence:
        eventually(lambda: known(presence) == ["OLD1"], "its name")
        identity = presence.phones()[0].identity
        assert identity is not None
        assert (identity.has_shell, identity.dialect.stat, identity.dialect.list) == (False, 1, 1)


def test_without_adb_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with followed(lab.free_port()) as presence:
        eventually(lambda: presence.trouble is not None, "the trouble")
        assert isinstance(presence.trouble, AdbMissing)
        assert "apt install adb" in str(presence.trouble)
        assert presence.looked


def test_a_server_elsewhere_is_not_ours_to_start() -> None:
    server = AdbServer("192.0.2.1", 5037)
    server.is_up = lambda: False  # type: ignore[method-assign]
    with pytest.raises(AdbMissing, match=r"192\.0\.2\.1:5037") as caught:
        server.start()
    assert "phone.adb_host" in caught.value.hint


def test_what_answers_is_no_adb_server(fake: FakeServer) -> None:
    fake.show("x\tdevice")
    original = fake._track

    def nonsense(connection: socket.socket) -> None:
        connection.sendall(b"OKAYHTTP/1.1 400 Bad Request")

    fake._track = nonsense  # type: ignore[method-assign]
    with followed(fake.port) as presence:
        eventually(lambda: isinstance(presence.trouble, PhoneGarbled), "the trouble")
        fake._track = original  # type: ignore[method-assign]
        eventually(lambda: presence.trouble is None, "the end of the trouble")


def test_a_real_phone_is_noticed_by_itself(own_phone: LabPhone, host: AdbHost) -> None:
    with followed(host.port) as presence:
        eventually(lambda: "LAB0002" in known(presence), "the phone")
        own_phone.unplug()
        eventually(lambda: "LAB0002" not in known(presence), "its leaving")
        own_phone.plug()
        eventually(lambda: "LAB0002" in known(presence), "its return")


def test_a_killed_server_is_started_again(
    built: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = lab.AdbHost(tmp_path)
    own.start()
    for name, value in own.environ().items():
        monkeypatch.setenv(name, value)
    with lab.phone(own, tmp_path / "phone", "LAB0009") as made, followed(own.port) as presence:
        eventually(lambda: known(presence) == ["LAB0009"], "the phone")
        own.stop()
        eventually(lambda: known(presence) == [], "its leaving")
        eventually(lambda: presence.looked and _up(own), "another server")
        made.plug()
        eventually(lambda: known(presence) == ["LAB0009"], "its return")
    own.stop()


def _up(host: AdbHost) -> bool:
    return AdbServer("127.0.0.1", host.port).is_up()
