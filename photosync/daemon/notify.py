"""What systemd is told: ready, how it goes, that we are alive (sd_notify(3))."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING

from photosync.logs import escaped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

LONGEST_STATUS = 500


class Notifier:
    """Sends datagrams to ``$NOTIFY_SOCKET``; says nothing where there is none."""

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._monotonic = monotonic
        self._every_seconds = _watchdog_seconds(environ) / 2
        self._fed_at: float | None = None
        self._status = ""
        self._is_deaf = False

    @property
    def is_there(self) -> bool:
        """Whether a service manager listens."""
        return bool(self._address)

    def ready(self) -> None:
        """Everything runs."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The settings are read anew; ``ready`` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={int(self._monotonic() * 1e6)}")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """How it goes, in a line, for ``systemctl status``; sent when it changes."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={escaped(text)[:LONGEST_STATUS]}")

    def feed(self) -> None:
        """We are alive: to be called every second or so; the watchdog is fed when it is time."""
        if not self._every_seconds:
            return
        now = self._monotonic()
        if self._fed_at is None or now - self._fed_at >= self._every_seconds:
            self._fed_at = now
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.connect(self._address)
                sender.sendall(text.encode("utf-8", "replace"))
        except (OSError, ValueError) as error:
            level = logging.DEBUG if self._is_deaf else logging.WARNING  # once is enough
            log.log(level, "systemd.deaf reason=%s", error)
            self._is_deaf = True


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    """How long systemd waits for a sign of life; 0 if it does not (sd_watchdog_enabled(3))."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return 0.0
    try:
        return max(0, int(environ.get("WATCHDOG_USEC", "0"))) / 1e6
    except ValueError:
        return 0.0
