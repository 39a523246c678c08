"""Hears from the kernel that a network came or changed, so that nobody waits for a poll."""

from __future__ import annotations

import logging
import select
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

GROUPS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""Links, and addresses and routes of both kinds of IP (rtnetlink(7), RTMGRP_*)."""

WAIT_SECONDS = 1.0
SETTLING_SECONDS = 0.3
"""A cable that is plugged in brings a dozen messages; after such a pause it was all."""

BLOCK_BYTES = 65_536


class Network:
    """Tells of each change of links, addresses or routes."""

    def __init__(self) -> None:
        self._socket = _listening()

    def run_once(self, changed: Callable[[], None]) -> bool:
        """Wait up to a second for a change, and call ``changed``; whether there was one."""
        if self._socket is None or not self._heard(WAIT_SECONDS):
            return False
        while self._heard(SETTLING_SECONDS):
            pass
        changed()
        return True

    def close(self) -> None:
        """Hear no more."""
        if self._socket is not None:
            self._socket.close()

    def _heard(self, seconds: float) -> bool:
        assert self._socket is not None
        if not select.select([self._socket], [], [], seconds)[0]:
            return False
        try:
            self._socket.recv(BLOCK_BYTES)
        except OSError as error:  # more came than the kernel keeps: a change all the same
            log.debug("network.overflow reason=%s", error.strerror)
        return True


def _listening() -> socket.socket | None:
    """None where the kernel does not tell: the gate asks by itself every ten seconds then."""
    try:
        listening = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
    except OSError as error:
        log.info("network.unheard reason=%s", error.strerror)
        return None
    try:
        listening.bind((0, GROUPS))
    except OSError as error:
        log.info("network.unheard reason=%s", error.strerror)
        listening.close()
        return None
    return listening
