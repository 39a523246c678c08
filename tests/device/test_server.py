"""The way to the adb server: what becomes of it when there is none."""

from __future__ import annotations

import gc

import adbutils
import pytest

from photosync.device.server import AdbServer, _Connection, explain
from photosync.errors import PhoneGone, PhoneNotReady
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


@pytest.mark.parametrize(
    ("error", "kind", "cure"),
    [
        (adbutils.AdbError("device unauthorized.\nThis adb server's"), PhoneNotReady, "tap Allow"),
        (adbutils.AdbError("device still authorizing"), PhoneNotReady, "tap Allow"),
        (
            adbutils.AdbError("insufficient permissions for device"),
            PhoneNotReady,
            "photosync phones",
        ),
        (adbutils.AdbError("device offline"), PhoneGone, ""),
        (adbutils.AdbError("device 'unauthorized.example:5555' not found"), PhoneGone, ""),
        (adbutils.AdbError("device 'authorizing' not found"), PhoneGone, ""),
        (OSError("no permissions"), PhoneGone, ""),
    ],
)
def test_a_phone_that_has_to_be_unlocked_is_told_from_one_that_is_gone(
    error: Exception, kind: type, cure: str
) -> None:
    found = explain("unauthorized.example:5555", error)
    assert type(found) is kind
    assert cure in found.hint
    assert kind is PhoneNotReady or "Allow" not in found.hint
