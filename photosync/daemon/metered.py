"""Whether the connection is paid for by the byte, as NetworkManager says on the system's bus."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

METERED = "metered"
"""The flag, and the problem, that the daemon's uploads wait for another network."""

RESTS = "This network is metered: uploads wait for another one."
HINT = "To upload over such networks too: upload.metered = true"

NETWORK_MANAGER = "org.freedesktop.NetworkManager"
COMMAND = (
    "busctl",
    "--system",
    "--json=short",
    "--auto-start=no",
    "get-property",
    NETWORK_MANAGER,
    "/org/freedesktop/NetworkManager",
    NETWORK_MANAGER,
    "Metered",
)
YES, GUESSED_YES = 1, 3  # NMMetered; a phone's hotspot is a guess

ASK_SECONDS = 60.0
ANSWER_SECONDS = 5.0


def asked() -> bool:
    """Ask now. Where nobody knows, it is not."""
    try:
        answer = subprocess.run(  # noqa: S603 - all constants
            COMMAND, capture_output=True, timeout=ANSWER_SECONDS, check=True
        ).stdout
        return json.loads(answer)["data"] in (YES, GUESSED_YES)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        log.debug("metered.unknown reason=%s", type(error).__name__)
        return False


class Meter:
    """What was last heard; asked again each minute, and when the network changes."""

    def __init__(
        self,
        told: Callable[[bool], None],
        *,
        ask: Callable[[], bool] = asked,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told = told
        self._ask = ask
        self._monotonic = monotonic
        self._asked_at: float | None = None
        self.is_metered = False

    def resting(self) -> str:
        """Why no uploads run, or ""."""
        return RESTS if self.is_metered else ""

    def look(self, *, anew: bool = False) -> None:
        """Ask if it is time to (or ``anew``), and tell if it is otherwise than before."""
        now = self._monotonic()
        if not anew and self._asked_at is not None and now - self._asked_at < ASK_SECONDS:
            return
        is_first, self._asked_at = self._asked_at is None, now
        before, self.is_metered = self.is_metered, self._ask()
        if is_first or before != self.is_metered:
            log.log(
                logging.DEBUG if is_first and not self.is_metered else logging.INFO,
                "network.metered is=%s",
                self.is_metered,
            )
            self._told(self.is_metered)
