"""The way to the adb server: what becomes of it when there is none."""

from __future__ import annotations

import gc

import pytest

from photosync.device.server import AdbServer, _Connection
from tests.lab.lab import free_port


def test_a_server_that_is_gone_is_not_started_and_no_socket_is_left_open() -> None:
    port = free_port()
    with pytest.raises(ConnectionRefusedError):
        _Connection("127.0.0.1", port, 1.0)
    gc.collect()  # a socket left open would warn, and warnings are errors
    assert not AdbServer("127.0.0.1", port).is_up()
