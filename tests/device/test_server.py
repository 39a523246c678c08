"""The way to the adb server: what becomes of it when there is none."""

from __future__ import annotations

import gc

import pytest

from photosync.device.server import AdbServer, _Connection
from photosync.errors import PhoneGone
from tests.lab.lab import free_port
from tests.lab.server import FakeServer


def test_a_server_that_is_gone_is_not_started_and_no_socket_is_left_open() -> None:
    port = free_port()
    with pytest.raises(ConnectionRefusedError):
        _Connection("127.0.0.1", port, 1.0)
    gc.collect()  # a socket left open would warn, and warnings are errors
    assert not AdbServer("127.0.0.1", port).is_up()


def test_whoever_hangs_up_is_the_first_word_of_the_sentence() -> None:
    with FakeServer() as fake:
        fake.show("LAB1\tdevice")
        fake.services[b"sync:"] = lambda _connection, _asked: None
        server = AdbServer("127.0.0.1", fake.port)
        phone, tracking = server.open("LAB1", b"sync:"), server.tracking()
        with phone, pytest.raises(PhoneGone, match=r"^The phone LAB1 is gone: the connection "):
            phone.read(1)
    with tracking, pytest.raises(PhoneGone, match=r"^The adb server is gone: the connection "):
        tracking.read(1 << 20)  # more than there is
