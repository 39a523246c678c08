"""Which user of this machine asks, by what the kernel lists."""

from __future__ import annotations

import os
import socket
import sys
from typing import TYPE_CHECKING

import pytest

from photosync.web.caller import user_at

if TYPE_CHECKING:
    from pathlib import Path

HEADING = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
FOUR = """\
   0: 0100007F:21C2 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1
   1: 0100007F:21C2 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 2
   2: 0100007F:C350 0100007F:21C2 01 00000000:00000000 00:00000000 00000000  1001        0 3
"""
SIX = """\
   0: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:21C2 01 \
00000000:00000000 00:00000000 00000000  1002        0 4
   1: 00000000000000000000000001000000:C350 00000000000000000000000001000000:21C2 01 \
00000000:00000000 00:00000000 00000000  1003        0 5
"""
PAGE = 8642


@pytest.mark.parametrize(
    ("client", "server", "user"),
    [
        (("127.0.0.1", 50000), "127.0.0.1", 1001),
        (("::ffff:127.0.0.1", 50000), "::ffff:127.0.0.1", 1001),
        (("127.0.0.1", 50001), "127.0.0.1", 1002),  # a socket of IPv6 that speaks IPv4
        (("::1", 50000), "::1", 1003),
        (("127.0.0.1", 50002), "127.0.0.1", None),
        (("127.0.0.2", 50000), "127.0.0.1", None),
        (("127.0.0.1", 50000), "127.0.0.2", None),
    ],
)
def test_whose_end_it_is(
    tmp_path: Path, client: tuple[str, int], server: str, user: int | None
) -> None:
    if sys.byteorder != "little":
        pytest.fail("These tables are of a machine that writes the least byte first.")
    tables = (tmp_path / "tcp", tmp_path / "tcp6")
    tables[0].write_text(HEADING + FOUR)
    tables[1].write_text(HEADING + SIX)
    assert user_at(client, (server, PAGE), tables) == user


def test_nobody_can_say_without_the_tables(tmp_path: Path) -> None:
    assert user_at(("127.0.0.1", 1), ("127.0.0.1", 2), (tmp_path / "none",)) is None


@pytest.mark.parametrize(
    ("family", "host", "asked"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_the_kernel_knows_our_own(family: socket.AddressFamily, host: str, asked: str) -> None:
    with socket.create_server((host, 0), family=family, dualstack_ipv6=host == "::") as server:
        port = server.getsockname()[1]
        with socket.create_connection((asked, port)):
            ours, theirs = server.accept()
            with ours:
                at = ours.getsockname()
                assert user_at((theirs[0], theirs[1]), (at[0], at[1])) == os.geteuid()


def test_who_has_hung_up_already_is_not_taken_for_root() -> None:
    """The kernel gives root what is left of a socket that was closed, whoever opened it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        at = server.getsockname()
        client = socket.create_connection(at)
        ours, theirs = server.accept()
        with ours:
            client.sendall(b"POST /signin/begin HTTP/1.1\r\n\r\n")
            client.close()
            while ours.recv(4096):  # until its end has come, so that it is closed there
                pass
            assert user_at(theirs, at) is None
