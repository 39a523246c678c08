"""Connections from an address that is gone are broken off, and no others."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from photosync.errors import ConnectionLost
from photosync.google import sockets
from photosync.google.http import Call, Wire
from photosync.google.sockets import has_address
from tests.google.conftest import Halt, stranger

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire(halt=Halt()) as made:
        yield made


def move_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "has_address", lambda _family, _address: False)


def test_a_request_whose_address_is_gone_is_broken_off(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stranger(None, keep_open=True) as one, ThreadPoolExecutor(1) as pool:
        running = pool.submit(wire.send, Call("GET", one.url))
        assert one.asked.wait(60)
        assert wire.network_changed() == 0
        assert not running.done()
        move_away(monkeypatch)
        assert wire.network_changed() >= 1
        assert isinstance(running.exception(timeout=20), ConnectionLost)


def test_a_connection_at_rest_is_not_used_again(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever serves answers only the first request of a connection."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    with stranger(answer, keep_open=True) as one:
        assert wire.send(Call("GET", one.url)).status == 200
        with monkeypatch.context() as away:
            move_away(away)
            assert wire.network_changed() == 1
        assert wire.send(Call("GET", one.url)).status == 200
        assert len(one.heard) == 2


@pytest.mark.parametrize(
    ("family", "address", "is_here"),
    [
        (socket.AF_INET, ("127.0.0.1", 5), True),
        (socket.AF_INET, ("192.0.2.1", 5), False),  # of documentation: nobody's
        (socket.AF_INET6, ("2001:db8::1", 5, 0, 0), False),
        (socket.AF_INET, ("0.0.0.0", 0), True),  # noqa: S104 - not connected yet
    ],
)
def test_whether_an_address_is_here(family: int, address: tuple[str, int], is_here: bool) -> None:
    assert has_address(family, address) is is_here
