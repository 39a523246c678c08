"""How a log line looks: one event a line, to a console or to the journal; never a secret."""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = re.compile(
    r"(?i)(bearer\s+)[^\s'\"]+"
    r"|([?&]code=)[^\s&'\"]+"
    r"|(ya29\.)[\w.-]+"
    r"|(?<![\w/.])(1//0)[\w-]{8,}"  # a refresh token, not 2021//IMG_0001
    r"|(?<![\w/.])(4(?:/|%2F)0A)[\w-]{8,}"  # a sign-in code
    r"|(GOCSPX-)[\w-]+"  # a client's secret
    r"|((?:upload_id|access_token|refresh_token|id_token|client_secret|code_verifier)"
    r"[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
)
"""The last line of defence: what writes a log takes care not to write these at all."""

PRIORITIES = {
    logging.DEBUG: "<7>",
    logging.INFO: "<6>",
    logging.WARNING: "<4>",
    logging.ERROR: "<3>",
    logging.CRITICAL: "<2>",
}


class OneLine(logging.Formatter):
    """One record is one line, whatever its text; a traceback or stack follows, indented.

    ``journal``: with a priority for journald instead of the time, which it knows itself.
    """

    def __init__(self, *, journal: bool) -> None:
        super().__init__(datefmt="%Y-%m-%d %H:%M:%S")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        text = hidden(escaped(record.getMessage()))
        if self._journal:
            head = PRIORITIES.get(record.levelno, "<6>")
        else:
            head = f"{self.formatTime(record, self.datefmt)} {record.levelname.lower():<7} "
        margin = head if self._journal else ""
        below = [f"{margin}    {hidden(escaped(line))}" for line in self._below(record)]
        return "\n".join([head + text, *below])

    def _below(self, record: logging.LogRecord) -> list[str]:
        """The lines of the traceback and of the stack, as far as the record has them."""
        traceback = self.formatException(record.exc_info) if record.exc_info else ""
        return [*traceback.splitlines(), *(record.stack_info or "").splitlines()]


def setup(
    *,
    verbose: bool,
    stream: TextIO,
    journal: bool | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send the program's log to ``stream``: what matters, or with ``verbose`` everything.

    ``journal`` None: find out by ``$JOURNAL_STREAM`` (systemd.exec(5)).
    """
    to_journal = "JOURNAL_STREAM" in environ if journal is None else journal
    handler = logging.StreamHandler(stream)
    handler.setFormatter(OneLine(journal=to_journal))
    root = logging.getLogger()
    for old in [one for one in root.handlers if isinstance(one.formatter, OneLine)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("photosync").setLevel(logging.DEBUG if verbose else logging.INFO)


def escaped(text: str) -> str:
    """``text`` on one line, without anything that a terminal would obey."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text
    )


def hidden(text: str) -> str:
    """``text`` with whatever looks like a secret blanked out."""
    return SECRETS.sub(lambda found: next(filter(None, found.groups()), "") + "***", text)
