"""Commands on a real adbd: exit status, both outputs, and no word is ever more than a word."""

from __future__ import annotations

import struct
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

import pytest

from photosync.device import shell, wire
from photosync.device.server import AdbServer
from photosync.errors import PhoneGarbled, PhoneGone, PhoneStalled
from tests.device.names import ODD_NAMES

if TYPE_CHECKING:
    import socket

    from photosync.device.phone import Phone
    from tests.lab.lab import LabPhone
    from tests.lab.server import FakeServer


def test_status_and_both_outputs(phone: Phone) -> None:
    answer = phone.run(b"echo out; echo err >&2; exit 3")
    assert answer == shell.Answer(3, b"out\n", b"err\n")


def test_no_word_is_more_than_a_word(phone: Phone, lab_phone: LabPhone) -> None:
    for name in ODD_NAMES:
        answer = phone.run(b"cd /sdcard && " + shell.command([b"printf", b"%s", name]))
        assert answer.out == name
    assert not (lab_phone.storage / "pwned").exists()


def test_a_command_that_takes_too_long(phone: Phone) -> None:
    with pytest.raises(PhoneStalled, match="too long"):
        phone.run(b"while :; do echo x; done", seconds=0.3)


def _says(fake: FakeServer, *packets: bytes) -> AdbServer:
    def talk(connection: socket.socket, _asked: bytes) -> None:
        for packet in packets:
            connection.sendall(packet)

    fake.show("P1\tdevice")
    fake.services[b"shell,v2,raw:"] = talk
    return AdbServer("127.0.0.1", fake.port, timeout_seconds=60.0)


def test_a_cut_answer_is_never_taken_for_a_whole_one(fake: FakeServer) -> None:
    server = _says(fake, wire.shell_packet(wire.STDOUT, b"half of a listi"))
    with pytest.raises(PhoneGone):
        shell.run(server, "P1", b"ls")


@pytest.mark.parametrize("packet", [struct.pack("<BI", 77, 3), struct.pack("<BI", 1, 1 << 30)])
def test_nonsense_for_packets(fake: FakeServer, packet: bytes) -> None:
    with pytest.raises(PhoneGarbled):
        shell.run(_says(fake, packet), "P1", b"ls")


def test_an_answer_without_end(fake: FakeServer) -> None:
    packet = wire.shell_packet(wire.STDOUT, bytes(1 << 20))
    with pytest.raises(PhoneGarbled, match="no end"):
        shell.run(_says(fake, *[packet] * 10), "P1", b"ls")


def test_a_command_longer_than_adb_takes(fake: FakeServer) -> None:
    with pytest.raises(ValueError, match="too long"):
        _says(fake).open("P1", bytes(70_000))


def test_an_answer_that_trickles_ends_in_time(fake: FakeServer) -> None:
    gone = Event()

    def trickle(connection: socket.socket, _asked: bytes) -> None:
        packet = wire.shell_packet(wire.STDOUT, bytes(1 << 16))
        with suppress(OSError):  # hung up: that is what is waited for
            while packet and not gone.wait(0.02):
                connection.sendall(packet[:1])
                packet = packet[1:]
        gone.set()

    fake.show("P1\tdevice")
    fake.services[b"shell,v2,raw:"] = trickle
    server = AdbServer("127.0.0.1", fake.port, timeout_seconds=60.0)
    with pytest.raises(PhoneStalled):
        shell.run(server, "P1", b"ls", seconds=0.2)
    assert gone.wait(30)
