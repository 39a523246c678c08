"""Which user of this machine asks: the kernel lists who holds the other end of a connection."""

from __future__ import annotations

import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""See proc(5): a heading, then a line a socket, with local and remote address and the user."""

LOCAL, REMOTE, STATE, USER, INODE = 1, 2, 3, 7, 9
"""Columns of theirs."""

ESTABLISHED, NOBODYS = "01", "0"
"""Of a socket that somebody has open. Of one that was closed the kernel says that it is root's."""

ROOT = 0


def is_own_user(request: Request) -> bool:
    """Whether the user asks as whom this process runs, or root; not if nobody can say."""
    client, server = request.client, request.scope.get("server")
    if client is None or not server or server[1] is None:
        return False
    asks = user_at((client.host, client.port), (str(server[0]), int(server[1])))
    return asks in (os.geteuid(), ROOT)


def user_at(
    client: tuple[str, int], server: tuple[str, int], tables: Sequence[Path] = TABLES
) -> int | None:
    """The number of the user whose connection to ``server`` begins at ``client``.

    Addresses and ports of this machine. None if there is no such connection, if nobody has that
    end of it open any more, or if there is no such table.
    """
    wanted = (_place(client), _place(server))
    for table in tables:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:  # a kernel without IPv6, or with a stricter view of /proc
            continue
        for line in lines:
            columns = line.split()
            if (_read(columns[LOCAL]), _read(columns[REMOTE])) == wanted:
                is_open = columns[STATE] == ESTABLISHED and columns[INODE] != NOBODYS
                return int(columns[USER]) if is_open else None
    return None


def _place(at: tuple[str, int]) -> tuple[bytes, int]:
    address = ipaddress.ip_address(at[0].partition("%")[0])
    return _plain(address.packed), at[1]


def _read(column: str) -> tuple[bytes, int]:
    """An address as the table has it: words of the machine's own byte order, and a port."""
    digits, _, port = column.partition(":")
    packed = bytes.fromhex(digits)
    if sys.byteorder == "little":
        words = (packed[at : at + 4] for at in range(0, len(packed), 4))
        packed = b"".join(word[::-1] for word in words)
    return _plain(packed), int(port, 16)


def _plain(packed: bytes) -> bytes:
    """An IPv4 address that is written as one of IPv6 is the same."""
    mapped = ipaddress.IPv6Address(packed).ipv4_mapped if len(packed) > 4 else None  # noqa: PLR2004 - longer than IPv4's
    return packed if mapped is None else mapped.packed
