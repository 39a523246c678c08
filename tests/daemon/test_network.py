"""What the kernel says of the network, with the kernel stood in for by a socket pair."""

from __future__ import annotations

import socket
from typing import Self

import pytest

from photosync.daemon import network
from photosync.daemon.network import Network


class Kernel:
    """Its end of the socket; the other end is what the program opens."""

    def __init__(self, *, refuses: str = "") -> None:
        self._refuses = refuses
        self.mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.overflows = False
        self.asked: tuple[int, int] | None = None

    def __call__(self, *_kind: int) -> Self:
        if self._refuses == "socket":
            raise PermissionError(1, "Operation not permitted")
        return self

    def bind(self, address: tuple[int, int]) -> None:
        if self._refuses == "bind":
            raise PermissionError(1, "Operation not permitted")
        self.asked = address

    def fileno(self) -> int:
        return self.theirs.fileno()

    def recv(self, size: int) -> bytes:
        told = self.theirs.recv(size)
        if self.overflows:
            raise OSError(105, "No buffer space available")
        return told

    def close(self) -> None:
        self.mine.close()
        self.theirs.close()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(network, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(network, "SETTLING_SECONDS", 0.01)
    return monkeypatch


def test_a_dozen_messages_are_one_change(brief: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    brief.setattr("photosync.daemon.network.socket.socket", kernel)
    changes: list[int] = []
    listening = Network()
    assert kernel.asked == (0, 0x1 | 0x10 | 0x40 | 0x100 | 0x400)

    assert not listening.run_once(lambda: changes.append(1))
    for _ in range(12):
        kernel.mine.send(b"message")
    assert listening.run_once(lambda: changes.append(1))
    assert not listening.run_once(lambda: changes.append(1))
    assert changes == [1]
    listening.close()


def test_more_messages_than_the_kernel_keeps_are_a_change_too(brief: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    kernel.overflows = True
    brief.setattr("photosync.daemon.network.socket.socket", kernel)
    changes: list[int] = []
    listening = Network()
    kernel.mine.send(b"lost")
    assert listening.run_once(lambda: changes.append(1))
    assert changes == [1]
    listening.close()


@pytest.mark.parametrize("refuses", ["socket", "bind"])
def test_a_kernel_that_does_not_tell_is_no_error(
    brief: pytest.MonkeyPatch, refuses: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    kernel = Kernel(refuses=refuses)
    brief.setattr("photosync.daemon.network.socket.socket", kernel)
    listening = Network()
    assert not listening.run_once(lambda: pytest.fail("nothing changed"))
    assert "network.unheard reason=Operation not permitted" in caplog.text
    listening.close()
    kernel.close()
