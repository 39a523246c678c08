"""Notices through apprise, in a process of their own.

apprise takes 30 MB and a fifth of a second to load, and what it talks to may hang: a process gives
both back. It gets the addresses, which are secrets, on its standard input, and answers a line
for each.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from photosync.config import masked
from photosync.errors import Stopping

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

log = logging.getLogger(__name__)

LONGEST_SECONDS = 120.0
TICK_SECONDS = 0.2
LEAST_SECRET = 5
LONGEST_REASON = 300
NO_ANSWER = "it did not answer"
UNKNOWN = "apprise knows no such kind of address, or something is missing in it"
COMMAND = (sys.executable, "-P", "-W", "ignore", "-m", "photosync.notify.sending")


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a notice at one address. ``reason``: why it was not taken, "" if it was."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"{masked(self.url)}: {self.reason}" if self.reason else masked(self.url)


def deliver(
    urls: Sequence[str],
    title: str,
    body: str,
    *,
    halt: Event | None = None,
    seconds: float = LONGEST_SECONDS,
) -> list[Delivery]:
    """Tell it at each of ``urls``, for ``seconds`` at most. An empty title only has them checked.

    Raises:
        Stopping: The program is to end.
    """
    if not urls:
        return []
    with subprocess.Popen(  # noqa: S603 - ourselves; no word of it comes from outside
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            answered = _talk(
                process, {"urls": [*urls], "title": title, "body": body}, halt, seconds
            )
        finally:
            process.kill()
    reasons = dict.fromkeys(range(len(urls)), NO_ANSWER)
    for line in answered.splitlines():
        try:
            number, reason = json.loads(line)
            reasons[int(number)] = str(reason)
        except (TypeError, ValueError):  # what is loaded there may print words of its own
            log.debug("notice.noise length=%d", len(line))
    return [Delivery(url, _clean(reasons[number], url)) for number, url in enumerate(urls)]


def _talk(process: subprocess.Popen[bytes], task: Any, halt: Event | None, seconds: float) -> str:
    """What it answers within ``seconds``; of the last line only if it is whole."""
    given: bytes | None = json.dumps(task).encode()
    ends = time.monotonic() + seconds
    while True:
        try:
            answer, _ = process.communicate(given, timeout=TICK_SECONDS)
        except subprocess.TimeoutExpired:
            given = None
            if halt is not None and halt.is_set():
                raise Stopping("a notice") from None
            if time.monotonic() < ends:
                continue
            process.kill()
            answer, _ = process.communicate()
        whole, _, _ = answer.decode(errors="replace").rpartition("\n")
        return whole


def _clean(reason: str, url: str) -> str:
    """``reason`` without any part of the address, in one line that is not too long."""
    secrets = {one for one in re.split(r"[/?&=:@#\s]+", url) if len(one) >= LEAST_SECRET}
    for secret in sorted(secrets, key=len, reverse=True):
        reason = reason.replace(secret, "***")
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


class _Heard(logging.Handler):
    """Keeps what apprise complains of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.lines.append(record.getMessage())


def send_each(task: Any, say: Callable[[str], object]) -> None:
    """Send to one address after another, and say [number, reason] after each."""
    import apprise

    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    logger.propagate = False
    asset = apprise.AppriseAsset(
        app_id="photosync",
        app_desc="photosync",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        image_path_mask="",
        secure_logging=True,
        async_mode=False,
    )
    for number, url in enumerate(task["urls"]):
        heard.lines.clear()
        told = apprise.Apprise(asset=asset)
        if not told.add(url):
            reason = UNKNOWN
        elif task["title"] and not told.notify(
            title=task["title"], body=task["body"], body_format=apprise.NotifyFormat.TEXT
        ):
            reason = "; ".join(heard.lines) or "it did not take the notice"
        else:
            reason = ""
        say(json.dumps([number, reason]))


if __name__ == "__main__":
    send_each(json.load(sys.stdin), lambda line: print(line, flush=True))  # noqa: T201 - the answer
